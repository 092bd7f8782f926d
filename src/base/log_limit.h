// LogLimit: lets what others can cause as often as they like be logged once in a while. On one core.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/time.h"

namespace weir {

class LogLimit {
 public:
  static constexpr Duration kPause = std::chrono::seconds(1);  // between two lines

  // How many were passed over since the last one that was logged; nothing: this one is to be passed over too.
  std::optional<std::uint64_t> take(Instant now) {
    if (now < next_) {
      ++passed_over_;
      return std::nullopt;
    }
    next_ = now + kPause;
    return std::exchange(passed_over_, 0);
  }

 private:
  Instant next_ = Instant::min();
  std::uint64_t passed_over_ = 0;
};

}  // namespace weir
