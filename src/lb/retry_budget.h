// RetryBudget: retries may be at most a share of the traffic, so that a failing service is not buried under
// its own retries. A retry is allowed when
//   - over the last ten seconds, retries are fewer than `percent` of the requests (or of the requests in
//   flight,
//     when those are more: long requests leave the window), or
//   - over the last second, retries are fewer than `always`: a quiet service can retry, too.
// Both are counted over all cores together, and the second slides by sixteenths: whatever fails at once at a
// quiet service, no second has more than `always` retries. Same idea as Finagle's RetryBudget and Envoy's
// retry_budget; unlike Envoy's it counts retries made, not only those in flight, as a retry that is refused
// at once is in flight for no time.
//
// One per service, shared by all cores; it outlives changes of its settings. count_request() is a relaxed
// load and an add; take_retry(), which is rare, takes a lock. No clock: the time comes in. Allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/time.h"

namespace weir::lb {

class RetryBudget {
 public:
  struct Settings {
    std::uint32_t percent = 20;  // of requests
    std::uint32_t always = 10;   // retries in each second that need no traffic behind them
  };

  void count_request(Instant now) {
    const std::uint64_t second = slot_of(now, kSecond) & kLow;
    std::atomic<std::uint64_t>& slot = requests_[second % requests_.size()];
    std::uint64_t known = slot.load(std::memory_order_relaxed);
    while (known >> 32U != second) {  // the first request of its second
      if (slot.compare_exchange_weak(known, second << 32U | 1, std::memory_order_relaxed)) return;
    }
    slot.fetch_add(1, std::memory_order_relaxed);
  }

  // Takes one retry out of the budget; false when it is spent. active: requests in flight at the service,
  // over all cores, those that ask for a retry among them.
  bool take_retry(Instant now, std::uint64_t active, const Settings& settings) {
    const std::scoped_lock lock(mutex_);
    last_ten_seconds_.advance(slot_of(now, kSecond));
    last_second_.advance(slot_of(now, kSixteenth));
    const std::uint64_t share = std::max(requests(now), active) * settings.percent / 100;
    if (last_second_.sum() >= settings.always && last_ten_seconds_.sum() >= share) return false;
    last_ten_seconds_.add();
    last_second_.add();
    return true;
  }

 private:
  static constexpr Duration kSecond = std::chrono::seconds(1);
  static constexpr Duration kSixteenth = kSecond / 16;
  static constexpr std::uint64_t kLow = 0xffff'ffffU;
  static constexpr std::size_t kSeconds = 10;

  static std::uint64_t slot_of(Instant now, Duration length) {
    return static_cast<std::uint64_t>(now.time_since_epoch() / length);
  }

  // Counts in slots of time; slots that time has passed are forgotten.
  template <std::size_t kSlots>
  class Window {
   public:
    void advance(std::uint64_t slot) {  // to a later one; cores don't read their clocks at once
      for (std::size_t i = 0; slot_ < slot && i < kSlots; ++i, ++slot_) {
        std::uint32_t& oldest = counts_[(slot_ + 1) % kSlots];
        sum_ -= oldest;
        oldest = 0;
      }
      slot_ = std::max(slot_, slot);
    }
    void add() {
      ++counts_[slot_ % kSlots];
      ++sum_;
    }
    std::uint64_t sum() const { return sum_; }

   private:
    std::array<std::uint32_t, kSlots> counts_{};
    std::uint64_t sum_ = 0;
    std::uint64_t slot_ = 0;  // the latest
  };

  // Of the current second and the nine before it; and of the next, where another core's clock may be already.
  std::uint64_t requests(Instant now) const {
    const std::uint64_t next = slot_of(now, kSecond) + 1;
    std::uint64_t sum = 0;
    for (const auto& slot : requests_) {
      const std::uint64_t known = slot.load(std::memory_order_relaxed);
      if (((next - (known >> 32U)) & kLow) <= kSeconds) sum += known & kLow;
    }
    return sum;
  }

  // The second in the upper half, the requests that began in it in the lower. More slots than seconds, so
  // that a core whose clock lags does not undo a newer one's.
  alignas(64) std::array<std::atomic<std::uint64_t>, 16> requests_{};
  alignas(64) std::mutex mutex_;
  Window<kSeconds> last_ten_seconds_;
  Window<17> last_second_;  // of sixteenths, and the one that has begun
};

}  // namespace weir::lb
