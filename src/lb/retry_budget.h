// RetryBudget: retries may be at most a share of the traffic, so that a failing service is not buried under
// its own retries. Over the last ten seconds, retries <= percent of requests (or of the requests in flight,
// when those are more: long requests leave the window); a few retries a second are always allowed, so that a
// quiet service can retry at all. Same idea as Finagle's RetryBudget and Envoy's retry_budget.
// One per service and core, used from that core. No clock: the time comes in. O(1), allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace weir::lb {

class RetryBudget {
 public:
  struct Settings {
    std::uint32_t percent = 20;  // of requests
    std::uint32_t always = 10;   // retries in each second that need no traffic behind them
  };

  explicit RetryBudget(Settings settings) : settings_(settings) {}

  void count_request(Instant now) {
    advance(now);
    ++slots_[current_].requests;
    ++requests_;
  }

  // Takes one retry out of the budget; false when it is spent. active: requests in flight on this core.
  bool take_retry(Instant now, std::uint64_t active) {
    advance(now);
    const std::uint64_t share = std::max(requests_, active) * settings_.percent / 100;
    if (slots_[current_].retries >= settings_.always && retries_ >= share) return false;
    ++slots_[current_].retries;
    ++retries_;
    return true;
  }

 private:
  static constexpr std::size_t kSlots = 10;
  static constexpr Duration kSlot = std::chrono::seconds(1);

  struct Slot {
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
  };

  // Forgets the slots that the time has passed since the last call.
  void advance(Instant now) {
    const std::int64_t second = now.time_since_epoch() / kSlot;
    if (second <= second_) return;
    const auto passed = std::min<std::int64_t>(second - second_, kSlots);
    for (std::int64_t i = 0; i < passed; ++i) {
      current_ = (current_ + 1) % kSlots;
      requests_ -= slots_[current_].requests;
      retries_ -= slots_[current_].retries;
      slots_[current_] = {};
    }
    second_ = second;
  }

  Settings settings_;
  std::array<Slot, kSlots> slots_{};
  std::size_t current_ = 0;
  std::int64_t second_ = 0;     // since the clock's epoch, of the current slot
  std::uint64_t requests_ = 0;  // sums over the slots
  std::uint64_t retries_ = 0;
};

}  // namespace weir::lb
