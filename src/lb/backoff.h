// Backoff: how long an endpoint that failed is set aside: 1 s, doubling to 30 s with each failure that comes
// after the time was over; a success clears it. A preference for eligible(), never a verdict: health decides.
// One per endpoint and core. No clock: the time comes in.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace weir::lb {

class Backoff {
 public:
  static constexpr Duration kFirst = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::seconds(30);

  // Failures while it is set aside are those of requests already under way: one outage, so they count once.
  void failed(Instant now) {
    if (set_aside(now)) return;
    wait_ = wait_ == Duration::zero() ? kFirst : std::min(wait_ * 2, kLongest);
    until_ = now + wait_;
  }
  void succeeded() { wait_ = Duration::zero(); }

  bool set_aside(Instant now) const { return wait_ != Duration::zero() && now < until_; }
  // When set_aside() becomes false by itself; meaningful while it is true.
  Instant until() const { return until_; }

 private:
  Duration wait_{};  // zero: the last thing seen was a success
  Instant until_{};
};

}  // namespace weir::lb
