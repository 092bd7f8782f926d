// Loop: one per core. Runs what is ready, fires timers, then sleeps in its Poller until the kernel, a timer
// or another thread has something. All that lives on a loop is touched by its thread only; post() is the one
// door from outside.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"
#include "net/operation.h"
#include "net/task.h"
#include "net/timer.h"

namespace weir::net {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;
  virtual WallTime wall_now() = 0;
};

// The kernel's side of a loop: epoll, io_uring, or none in a test.
class Poller {
 public:
  virtual ~Poller() = default;
  // Sleeps until something happened or the time is over (zero: look only; empty: no limit).
  virtual void wait(std::optional<Duration> timeout) = 0;
  // Completes the operations that the last wait found; true when there were any.
  virtual bool dispatch() = 0;
  virtual void wake() = 0;  // from any thread
};

class Loop {
 public:
  Loop(Clock& clock, Poller& poller);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  Instant now() const { return now_; }  // of this turn
  // A timeout from now as a moment; Duration::max() is as good as never.
  Instant deadline(Duration timeout) const {
    return timeout < Instant::max() - now_ ? now_ + timeout : Instant::max();
  }
  Clock& clock() const { return clock_; }
  void arm(Timer& timer, Instant at) { timers_.arm(timer, at); }

  // Runs until stop(). Tasks that are still suspended then are their owners' to end.
  void run();
  void stop();                                      // from any thread
  void post(std::move_only_function<void()> work);  // from any thread; runs on this loop in its next turn
  // One turn, which sleeps at most `timeout`; true when something ran. Tests drive a loop by this.
  bool turn(std::optional<Duration> timeout);
  // Nothing happens by itself before this; empty when no timer is armed. May be earlier than the first timer.
  std::optional<Instant> next_timer() const { return timers_.next(); }

  // co_await loop.sleep(5s): kCancelled, or nothing. A zero sleep lets everything else that is ready run
  // first.
  class Sleep;
  Sleep sleep(Duration duration);

 private:
  friend class Operation;
  bool run_ready();
  bool run_posted();

  Clock& clock_;
  Poller& poller_;
  Instant now_;
  TimerWheel timers_;
  ReadyNode ready_;
  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> posted_;  // guarded by mutex_
  std::atomic<bool> has_posted_ = false;
  std::atomic<bool> stopping_ = false;
};

class [[nodiscard]] Loop::Sleep final : public Operation {
 public:
  Sleep(Loop& loop, Duration duration) : Operation(loop), duration_(duration) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    const bool yields = duration_ <= Duration::zero();
    if (!suspend(waiter, yields ? std::nullopt : std::optional(loop().deadline(duration_)))) return false;
    if (yields) resume_soon();
    return true;
  }
  Result<void> await_resume() const { return result_; }

 private:
  void give_up(const Error& why) override {
    if (why.code != Code::kTimedOut) result_ = fail(why);
  }
  Duration duration_;
  Result<void> result_;
};

// Event: lets one task wait until another, of the same loop, says so. Stays set until reset().
class Event {
 public:
  void set() {
    set_ = true;
    if (waiting_ != nullptr) std::exchange(waiting_, nullptr)->resume_soon();
  }
  void reset() { set_ = false; }
  bool is_set() const { return set_; }

  // co_await event.wait(loop): nothing, or kCancelled. One waiter at a time.
  class [[nodiscard]] Wait final : public Operation {
   public:
    Wait(Event& event, Loop& loop) : Operation(loop), event_(event) {}
    ~Wait() override {
      if (event_.waiting_ == this) event_.waiting_ = nullptr;
    }
    bool await_ready() const { return event_.set_; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      event_.waiting_ = this;
      return suspend(waiter, std::nullopt);
    }
    Result<void> await_resume() const { return result_; }

   private:
    void give_up(const Error& why) override {
      event_.waiting_ = nullptr;
      result_ = fail(why);
    }
    Event& event_;
    Result<void> result_;
  };
  Wait wait(Loop& loop) { return {*this, loop}; }

 private:
  Wait* waiting_ = nullptr;
  bool set_ = false;
};

inline Loop::Sleep Loop::sleep(Duration duration) { return {*this, duration}; }

}  // namespace weir::net
