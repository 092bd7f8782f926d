// Signal: lets one task wait, with a deadline, until something of a stream has changed. Unlike net::Event it
// keeps no state: who waits looks at what it waits for, and again when it was woken. On the core of its loop.
#pragma once

#include <utility>

#include "net/loop.h"
#include "net/operation.h"

namespace weir::h2 {

class Signal {
 public:
  // co_await signal.wait(loop, timeout): nothing, kTimedOut or kCancelled. One waiter at a time.
  class [[nodiscard]] Wait final : public net::Operation {
   public:
    Wait(Signal& signal, net::Loop& loop, Duration timeout)
        : Operation(loop), signal_(signal), timeout_(timeout) {}
    ~Wait() override {
      if (signal_.waiting_ == this) signal_.waiting_ = nullptr;
    }
    bool await_ready() const { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      signal_.waiting_ = this;
      return suspend(waiter, loop().deadline(timeout_));
    }
    Result<void> await_resume() const { return result_; }

   private:
    void give_up(const Error& why) override {
      if (signal_.waiting_ == this) signal_.waiting_ = nullptr;
      result_ = fail(why);
    }
    Signal& signal_;
    Duration timeout_;
    Result<void> result_;
  };
  Wait wait(net::Loop& loop, Duration timeout) { return {*this, loop, timeout}; }

  // Wakes the waiter, if there is one, in the loop's next turn.
  void notify() {
    if (waiting_ != nullptr) std::exchange(waiting_, nullptr)->resume_soon();
  }

 private:
  Wait* waiting_ = nullptr;
};

}  // namespace weir::h2
