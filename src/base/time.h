// Points and spans of time. base has no clock: the time comes in, from net::Clock or from a test.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir {

using Duration = std::chrono::nanoseconds;

// Monotonic; only differences mean anything. Not the system's steady_clock type, so that nobody asks it for
// now().
struct Monotonic {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<Monotonic>;
  static constexpr bool is_steady = true;
};
using Instant = Monotonic::time_point;

// Time of day, for people and for what is stored.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// "2026-11-21T03:11:19.250Z" (RFC 3339, UTC)
std::string format_rfc3339(WallTime time);

// "250ms", "5s", "1m30s", "2h", "100us"; refuses what has no unit, is negative or does not fit.
Result<Duration> parse_duration(std::string_view text);
// The shortest exact form of the same language: 90s -> "1m30s", 0 -> "0s".
std::string format_duration(Duration duration);

}  // namespace weir
