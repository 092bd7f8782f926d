// Host: one endpoint as balancing sees it. A table of hosts belongs to the core that built it; only `active`
// points to what cores share. No clock, no I/O, no locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace weir::lb {

enum class Health : std::uint8_t {
  kUnknown,  // not checked yet
  kHealthy,
  kUnhealthy,
  kNeverHealthy,  // fails its checks and has not passed one so far: not used even in panic (see spread.h)
};

std::string_view name_of(
    Health health);  // "unknown", "healthy", "unhealthy"; kNeverHealthy is "unhealthy" too

// Requests in flight at one endpoint, over all cores. Alone on its cache line, or neighbours slow each other.
struct alignas(64) ActiveRequests {
  std::atomic<std::uint32_t> count{0};
};

inline constexpr std::uint32_t kRampFull = 1000;  // thousandths of the weight

struct Host {
  std::uint64_t id = 0;        // stable over changes of the list: the hash of the endpoint's key
  std::uint32_t index = 0;     // place in the service's list; what pick() answers with
  std::uint32_t weight = 1;    // 0 = drained: never picked
  std::uint32_t priority = 0;  // lower serves first; a higher one takes what the lower ones can't
  Health health = Health::kUnknown;
  bool set_aside = false;          // failed a moment ago (see backoff.h); used only when nothing else is left
  bool ejected = false;            // by outlier detection (see outlier.h)
  std::uint32_t zone = 0;          // 0: not known
  std::uint32_t ramp = kRampFull;  // the part of its weight that a new host takes (see slow_start.h); above 0
  const ActiveRequests* active = nullptr;  // owned by the service, outlives every table; null counts as 0
};

// Whether health lets an endpoint serve: with a check configured it must have passed; without one nothing
// speaks against it.
constexpr bool may_serve(Health health, bool check_configured) {
  return !check_configured || health == Health::kHealthy;
}

}  // namespace weir::lb
