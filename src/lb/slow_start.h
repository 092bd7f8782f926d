// Slow start: a host that was added or became healthy takes a part of its weight that grows linearly over a
// window, so that empty caches and cold code meet no full load. When all hosts of a service are new, all have
// the same part, which is the same as none. It moves in kRampSteps steps, so that the cores agree for as long
// as a step lasts and policies are made anew that often at most. No clock: the time comes in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.h"
#include "lb/host.h"

namespace weir::lb {

struct SlowStart {
  Duration window{};               // zero: off
  std::uint32_t percent_min = 10;  // of its weight, at the beginning; 0 counts as 1
};

inline constexpr std::uint32_t kRampSteps = 32;

constexpr Duration ramp_step(const SlowStart& settings) {
  return (settings.window + Duration(kRampSteps - 1)) / kRampSteps;
}

// For Host::ramp, at `now`, of a host that began to serve at `since`.
constexpr std::uint32_t ramp(const SlowStart& settings, Instant since, Instant now) {
  if (now - since >= settings.window) return kRampFull;
  const Duration age = std::max(now - since, Duration::zero());  // cores don't read their clocks at once
  const std::uint32_t least = std::clamp(settings.percent_min, 1U, 100U) * (kRampFull / 100);
  const auto step = static_cast<std::uint32_t>(age / ramp_step(settings));
  return least + (kRampFull - least) * step / kRampSteps;
}

// When ramp() is another than at `now`; Instant::max() when it has come to its end.
constexpr Instant ramp_changes_at(const SlowStart& settings, Instant since, Instant now) {
  if (now - since >= settings.window) return Instant::max();
  const Duration age = std::max(now - since, Duration::zero());
  const Duration step = ramp_step(settings);
  return since + std::min((age / step + 1) * step, settings.window);
}

}  // namespace weir::lb
