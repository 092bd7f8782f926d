// Rollout: the judgement of a change that goes out in waves: which edges have it by now, and whether the next
// wave may begin. Pure functions of the wish, of what came of it so far and of what edges are seen to do; who
// carries it out is rollouts.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/specs.h"
#include "config/status.h"
#include "record/traffic.h"

namespace weir::controller {

// Requests that an edge answered in some time.
struct Carried {
  std::uint64_t requests = 0;
  std::uint64_t errors_5xx = 0;
  std::array<std::uint64_t, record::Traffic::kBuckets.size() + 1> durations{};  // as edges count them
  double seconds = 0;  // that this is about, of all edges together

  void add(const Carried& other);
  Carried minus(const Carried& earlier) const;  // what was carried since then
  double errors_percent() const;                // 0 without requests
  // Within which 99 of 100 ended, by interpolation within a bucket; zero without requests.
  Duration p99() const;
  double longer_than(Duration bound) const;  // how many requests, likewise; nothing is beyond the last
};

// An edge, as a rollout looks at it.
struct EdgeView {
  std::string name;
  config::Labels labels;  // selectable ones
  bool attached = false;
  bool has_it = false;               // serves the revision that brought it the change, or a later one
  bool counts_requests = false;      // `before` and `since` are what it says; else nothing is known of them
  std::string refusal;               // of an object of the change; empty: none
  std::uint32_t endpoints_seen = 0;  // that it checks
  std::uint32_t endpoints_unhealthy = 0;
  Carried before;  // while the change was not there, for as long as is remembered
  Carried since;   // since the wave under way began, or it had the change, whichever is later
};

// The waves that a wish comes to, with the edges that there are.
std::vector<config::RolloutWave> waves_of(const config::RolloutSpec& spec, std::span<const EdgeView> edges);

// Of a wave that is to begin: the edge that it has at least, if its percent comes to none that is there and
// carries requests; empty: it has some, or none matches. `salt`: of the rollout, so that it is not always the
// same edges that are first.
std::string first_of(const config::RolloutWave& wave, std::string_view salt, std::span<const EdgeView> edges);

// Whether the change is meant for an edge when this many waves have begun. Stable: an edge that has it keeps
// it, whoever comes or goes. Name servers (kNoTrafficKey) are of waves of 100 percent alone.
bool is_reached(std::span<const config::RolloutWave> waves, std::size_t begun, std::string_view salt,
                std::string_view edge, const config::Labels& labels);

struct Judgement {
  enum class Step : std::uint8_t { kWait, kNextWave, kWithdraw };
  Step step = Step::kWait;
  std::string reason;  // what it waits for, or which gate failed and why
};

// wave_age: since the present wave began. baked: since when all of its edges have it; none: they do not.
Judgement judge(const config::RolloutSpec& spec, const config::RolloutStatus& status, std::string_view salt,
                std::span<const EdgeView> edges, Duration wave_age, std::optional<Duration> baked);

// All edges that the change is meant for, and that are attached, have it.
bool all_have_it(const config::RolloutStatus& status, std::string_view salt, std::span<const EdgeView> edges);

}  // namespace weir::controller
