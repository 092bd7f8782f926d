// Operation: what a suspended task waits for. Lives in the frame of the awaiting coroutine, is completed
// exactly once by its loop, and takes itself out of every queue when it is destroyed. On the core of its loop
// only.
#pragma once

#include <coroutine>
#include <optional>

#include "base/check.h"
#include "base/error.h"
#include "net/task.h"
#include "net/timer.h"

namespace weir::net {

class Loop;

// A place in the list of what resumes soon: circular, with the list itself as a node.
struct ReadyNode {
  ReadyNode* next = this;
  ReadyNode* previous = this;

  bool linked() const { return next != this; }
  void unlink() {
    previous->next = next;
    next->previous = previous;
    next = previous = this;
  }
  void append(ReadyNode& node) {
    node.previous = previous;
    node.next = this;
    previous->next = &node;
    previous = &node;
  }
};

class Operation : private ReadyNode, private Timer {
 public:
  explicit Operation(Loop& loop) : Timer(&expired), loop_(loop) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() { detach(); }

  Loop& loop() const { return loop_; }
  // Resumes the waiting task now, or calls completed() when there is none; the caller is the loop, on top of
  // no other task.
  void resume();
  // The same in the loop's next turn; right when the caller is itself inside a task.
  void resume_soon();
  bool suspended() const { return waiter_ != nullptr; }

 protected:
  // Suspends: true. False when the chain is cancelled already: give_up(kCancelled) was called, go on at once.
  template <class Promise>
  bool suspend(std::coroutine_handle<Promise> waiter, std::optional<Instant> deadline) {
    return suspend_in(waiter, *waiter.promise().context, deadline);
  }
  // Suspends whatever the state of the chain: for joining what must end first.
  template <class Promise>
  void suspend_uncancellable(std::coroutine_handle<Promise> waiter) {
    waiter_ = waiter;
  }
  // Take the operation away from what would complete it, and remember why as its result.
  virtual void give_up(const Error& why) = 0;
  // At the deadline, instead of give_up(): there is a new one.
  virtual std::optional<Instant> prolonged() { return std::nullopt; }
  // The end of an operation that no task waits for; may destroy it.
  virtual void completed() { WEIR_CHECK(false); }
  // Takes it out of the loop's queues, also when it is complete and about to resume.
  void withdraw() {
    disarm();
    detach();
  }

 private:
  friend class Context;
  friend class Loop;
  bool suspend_in(std::coroutine_handle<> waiter, Context& context, std::optional<Instant> deadline);
  void cancel();
  static void expired(Timer& timer);
  void detach();

  Loop& loop_;
  std::coroutine_handle<> waiter_;
  Context* context_ = nullptr;
};

}  // namespace weir::net
