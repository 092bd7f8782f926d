// Patience: how long a peer may keep us waiting for its bytes, or for taking ours. Without a rate, each wait
// may last that long. With one, all waits together may, and each `rate_min` bytes give a second back, up to
// the whole: who sends a byte now and then ends as soon as who sends nothing, and who keeps to the rate never
// does. Only waiting counts. A value, beside the stream; no clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace weir::net {

class Patience {
 public:
  // rate_min: bytes a second; 0: none
  explicit Patience(Duration limit, std::uint64_t rate_min = 0)
      : limit_(limit), left_(limit), rate_min_(rate_min) {}

  Duration limit() const { return limit_; }
  // How long the next wait may last.
  Duration left() const { return left_; }
  bool has_rate() const { return rate_min_ != 0; }

  void spend(Duration waited) {
    if (!has_rate()) return;
    left_ -= std::min(waited, left_);
    unseen_ += waited;
  }
  void give_back(std::uint64_t bytes) {
    if (left_ == limit_ || !has_rate()) return;
    // 2^33 bytes in nanoseconds are below 2^63; a piece is never longer.
    const auto earned =
        static_cast<std::int64_t>(std::min(bytes, std::uint64_t{1} << 33U) * kSecond / rate_min_);
    left_ = std::min(limit_ - left_, Duration(earned)) + left_;
  }
  // A wait that has lasted for so long, and that spend() was told of, is to end.
  bool over(Duration waited) const { return has_rate() ? left_ == Duration::zero() : waited >= limit_; }

  // --- while writing
  // What is written is not taken yet: the kernel holds megabytes, takes more when a third of its room is
  // free, for which a slow client can need minutes, and makes more room by itself. So once in kLook of
  // waiting it is asked what it still holds.
  void wrote(std::uint64_t bytes) { written_ += bytes; }
  Duration until_look() const {
    return has_rate() ? std::min(left_, kLook - std::min(unseen_, kLook)) : left_;
  }
  // untaken: of all that was written; true: some has been taken since the last look.
  bool look(std::uint64_t untaken) {
    const std::uint64_t before = untaken_ + written_;
    const std::uint64_t taken = before - std::min(untaken, before);
    untaken_ = untaken;
    written_ = 0;
    unseen_ = Duration::zero();
    give_back(taken);
    return taken > 0;
  }

 private:
  static constexpr Duration kLook = std::chrono::seconds(5);
  static constexpr std::uint64_t kSecond = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
  Duration limit_;
  Duration left_;
  std::uint64_t rate_min_;
  Duration unseen_{};          // waited since the last look
  std::uint64_t written_ = 0;  // since then
  std::uint64_t untaken_ = 0;  // then
};

}  // namespace weir::net
