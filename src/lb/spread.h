// spread(): how the traffic of a service is laid over its hosts. From all hosts, with what is known of them,
// it makes those that may be picked, each with the weight at which it is to be picked; a policy does the rest
// and knows neither health nor priority nor zone. Pure; made anew on each core when something changes
// (health, ejections, ramps, the list). Equal inputs give equal outputs on every core.
//
// Levels. Hosts of one priority are a level. A host is fit when its weight is above 0, health lets it serve
// and it is not ejected; available when it is also not set aside. A level's health is min(100 %,
// overprovisioning x available / all), by weight: with 1.4 a level carries everything until less than 72 % of
// it is available. Hosts that have not had their first verdict don't count among all, so adding hosts doesn't
// make a level look ill. Levels take load in order, each up to its health; when the healths sum up to less
// than 100 %, they are scaled up to it. (Envoy's rule; it counts hosts instead of weights.)
//
// Panic. When the healths sum up to less than 100 %, a level of which less than panic_percent is fit uses all
// its hosts that ever passed a check: too few hosts can't carry the load, and a failing check may be the
// check's fault. When every level is in panic, load goes by weight, over all levels. Set-aside hosts still
// give way, so a dead host that panic brings back costs one attempt per back-off, not a share of the traffic.
//
// Last resort. Setting aside and ejecting are preferences: when nothing is left, first the set-aside hosts
// are used after all, then the ejected ones.
//
// Zones. The own zone takes as much as it has of the level's available weight, compared to its share of the
// edges: everything, when that is at least as much; else just so much that a host here gets what a host
// elsewhere gets, and the rest goes to zones in proportion to what they have left. (Envoy's zone-aware
// routing, without its minimum of six hosts: shares are exact here, whatever the number.) Not in panic.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lb/host.h"

namespace weir::lb {

struct ZoneShare {
  std::uint32_t zone = 0;
  std::uint32_t edges = 0;  // that send traffic from there
};

struct SpreadSettings {
  bool check_configured = false;
  std::uint32_t panic_percent = 50;  // 0: no panic; a service without fit hosts has none
  std::uint32_t overprovisioning_percent = 140;
  std::uint32_t zone = 0;          // this edge's; 0: no preference
  std::vector<ZoneShare> edges{};  // empty: taken to be spread over the zones as the hosts of the level are
};

inline constexpr std::uint32_t kWholeLoad = 10'000;  // a level's load is in hundredths of a percent

struct Level {
  std::uint32_t priority = 0;
  std::uint32_t load = 0;  // of kWholeLoad
  bool panic = false;
};

struct Spread {
  // Indexes ascend. When one group of hosts takes everything, weights are the configured ones (times the
  // ramp); else they are scaled so that they sum up to about kSpreadWeight.
  std::vector<Host> hosts;
  std::vector<Level> levels;  // by priority; for `explain` and metrics
};

inline constexpr std::uint32_t kSpreadWeight = 1U << 24U;  // resolves a share of one in ten million

// hosts: of one service, indexes ascending.
Spread spread(std::span<const Host> hosts, const SpreadSettings& settings);

}  // namespace weir::lb
