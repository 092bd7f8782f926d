// Event: lets one task wait until another, of the same loop, says so. Stays set until reset().
#pragma once

#include <optional>
#include <utility>

#include "net/operation.h"

namespace weir::net {

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

}  // namespace weir::net
