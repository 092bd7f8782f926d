// HealthState: turns the results of checks into a verdict. One per endpoint, on the core that runs its
// checks. Pure: it neither checks nor knows the time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lb/host.h"

namespace weir::lb {

// Consecutive results that change the verdict; 0 counts as 1.
struct HealthThresholds {
  std::uint32_t unhealthy = 2;
  std::uint32_t healthy = 1;
};

class HealthState {
 public:
  explicit HealthState(HealthThresholds thresholds) : thresholds_(thresholds) {}

  Health health() const { return health_; }

  // Takes one result; true when the verdict changed. The first pass makes an unknown endpoint healthy at
  // once, whatever the threshold: a new endpoint has no bad past to live down.
  bool observe(bool passed) {
    if (passed != last_passed_) {
      last_passed_ = passed;
      run_ = 0;
    }
    if (run_ < kRunMax) ++run_;
    const Health before = health_;
    passed_once_ |= passed;
    if (passed && (health_ == Health::kUnknown || run_ >= std::max(thresholds_.healthy, 1U))) {
      health_ = Health::kHealthy;
    } else if (!passed && run_ >= std::max(thresholds_.unhealthy, 1U)) {
      health_ = passed_once_ ? Health::kUnhealthy : Health::kNeverHealthy;
    }
    return health_ != before;
  }

 private:
  static constexpr std::uint32_t kRunMax = 1'000'000;  // results; only keeps the count from wrapping

  HealthThresholds thresholds_;
  Health health_ = Health::kUnknown;
  bool last_passed_ = false;
  bool passed_once_ = false;
  std::uint32_t run_ = 0;  // equal results in a row
};

}  // namespace weir::lb
