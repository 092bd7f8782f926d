#include "lb/host.h"

#include <algorithm>
#include <limits>

namespace weir::lb {

std::string_view name_of(Health health) {
  switch (health) {
    case Health::kUnknown: return "unknown";
    case Health::kHealthy: return "healthy";
    case Health::kUnhealthy: return "unhealthy";
  }
  return "unknown";
}

std::vector<Host> eligible(std::span<const Host> hosts, bool check_configured) {
  constexpr auto kNone = std::numeric_limits<std::uint64_t>::max();
  const auto fit = [&](const Host& host) {
    return host.weight > 0 && may_serve(host.health, check_configured);
  };
  std::uint64_t lowest = kNone;      // priority, of hosts not set aside
  std::uint64_t lowest_any = kNone;  // priority, of all
  for (const Host& host : hosts) {
    if (!fit(host)) continue;
    lowest_any = std::min<std::uint64_t>(lowest_any, host.priority);
    if (!host.set_aside) lowest = std::min<std::uint64_t>(lowest, host.priority);
  }
  const bool all_set_aside = lowest == kNone;
  const std::uint64_t priority = all_set_aside ? lowest_any : lowest;
  std::vector<Host> chosen;
  for (const Host& host : hosts) {
    if (fit(host) && host.priority == priority && (all_set_aside || !host.set_aside)) chosen.push_back(host);
  }
  return chosen;
}

}  // namespace weir::lb
