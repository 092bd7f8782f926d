// Bell: what tasks of one loop wait for together, such as a change of the store. Whoever
// rings it wakes all of them; each then looks for itself. On the core of its loop.
#pragma once

#include <cstddef>
#include <optional>

#include "base/time.h"
#include "net/loop.h"
#include "net/operation.h"

namespace weir::api {

class Bell {
 public:
  explicit Bell(net::Loop& loop) : loop_(loop) {}
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  // co_await bell.wait(15s): rung, kTimedOut or kCancelled.
  class Wait;
  Wait wait(Duration timeout);
  void ring();
  std::size_t waiting() const { return waiting_.size; }

 private:
  // Those who wait, longest first.
  struct Queue {
    Wait* first = nullptr;
    Wait** end = &first;
    std::size_t size = 0;
  };
  net::Loop& loop_;
  Queue waiting_;
};

class [[nodiscard]] Bell::Wait final : public net::Operation {
 public:
  Wait(Bell& bell, Duration timeout) : Operation(bell.loop_), queue_(bell.waiting_), timeout_(timeout) {}
  ~Wait() override { leave(); }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    link_ = queue_.end;
    *link_ = this;
    queue_.end = &next_;
    ++queue_.size;
    return suspend(waiter, loop().now() + timeout_);
  }
  Result<void> await_resume() const { return result_; }

 private:
  friend class Bell;
  void leave() {
    if (link_ == nullptr) return;
    *link_ = next_;
    if (next_ != nullptr) {
      next_->link_ = link_;
    } else {
      queue_.end = link_;
    }
    --queue_.size;
    link_ = nullptr;
    next_ = nullptr;
  }
  void give_up(const Error& why) override {
    leave();
    result_ = fail(why);
  }

  Queue& queue_;
  Duration timeout_;
  Wait* next_ = nullptr;
  Wait** link_ = nullptr;  // the pointer that points here; null: not in the queue
  Result<void> result_;
};

inline Bell::Wait Bell::wait(Duration timeout) { return {*this, timeout}; }

inline void Bell::ring() {
  while (waiting_.first != nullptr) {
    Wait& wait = *waiting_.first;
    wait.leave();
    wait.resume_soon();
  }
}

}  // namespace weir::api
