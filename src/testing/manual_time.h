// Time for tests: a clock that moves only when it is told to, and a poller that never sleeps. One each per
// FakeEnv.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "base/time.h"
#include "net/loop.h"

namespace weir::testing {

class ManualClock final : public net::Clock {
 public:
  // Far from zero, so that "an hour ago" is a time like any other.
  static constexpr Instant kStart{std::chrono::hours(1000)};
  static constexpr WallTime kWallStart{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};

  Instant now() override { return now_; }
  WallTime wall_now() override {
    return kWallStart + std::chrono::floor<std::chrono::milliseconds>(now_ - kStart) + wall_step_;
  }

  // Moves the clock only; FakeEnv::advance() also lets the loop see it.
  void advance(Duration by) {
    WEIR_CHECK(by >= Duration::zero());
    now_ += by;
  }
  // The time of day jumps, as when somebody sets the machine's clock; monotonic time does not.
  void step_wall(std::chrono::milliseconds by) { wall_step_ += by; }

 private:
  Instant now_ = kStart;
  std::chrono::milliseconds wall_step_{};
};

// There is no kernel: whatever happens is posted or comes from the loop's own tasks.
class IdlePoller final : public net::Poller {
 public:
  void wait(std::optional<Duration> /*timeout*/) override {}
  bool dispatch() override { return false; }
  void wake() override {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  // For tests in which a real thread posts to the loop: true when it did within this much real time.
  bool wait_for_wake(Duration real_max) {
    std::unique_lock lock(mutex_);
    const bool woken = changed_.wait_for(lock, real_max, [this] { return woken_; });
    woken_ = false;
    return woken;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

}  // namespace weir::testing
