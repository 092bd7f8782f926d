// Host: one endpoint as a policy sees it, and which hosts may be picked at all. A table of hosts belongs to
// the core that built it; only `active` points to what cores share. No clock, no I/O, no locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace weir::lb {

enum class Health : std::uint8_t {
  kUnknown,  // not checked yet
  kHealthy,
  kUnhealthy,
};

std::string_view name_of(Health health);  // "unknown", "healthy", "unhealthy"

// Requests in flight at one endpoint, over all cores. Alone on its cache line, or neighbours slow each other.
struct alignas(64) ActiveRequests {
  std::atomic<std::uint32_t> count{0};
};

struct Host {
  std::uint64_t id = 0;        // stable over changes of the list: the hash of the endpoint's key
  std::uint32_t index = 0;     // place in the service's list; what pick() answers with
  std::uint32_t weight = 1;    // 0 = drained: never picked
  std::uint32_t priority = 0;  // lower serves first; a higher one only when no lower one can
  Health health = Health::kUnknown;
  bool set_aside = false;  // failed a moment ago (see backoff.h); used only when nothing else is left
  const ActiveRequests* active = nullptr;  // owned by the service, outlives every table; null counts as 0
};

// Whether health lets an endpoint serve: with a check configured it must have passed; without one nothing
// speaks against it.
constexpr bool may_serve(Health health, bool check_configured) {
  return !check_configured || health == Health::kHealthy;
}

// The hosts that a policy may choose from, in the order given: weight above 0 and fit to serve; of those the
// lowest priority that has a host not set aside; when all are set aside, the lowest priority as if none were.
std::vector<Host> eligible(std::span<const Host> hosts, bool check_configured);

}  // namespace weir::lb
