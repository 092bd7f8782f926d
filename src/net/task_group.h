// TaskGroup: the only way to start a task beside the current one, and the owner of what it started. stop()
// cancels and joins; a group is empty when it is destroyed. On the core of its loop.
#pragma once

#include <coroutine>
#include <cstddef>

#include "net/loop.h"
#include "net/operation.h"
#include "net/task.h"

namespace weir::net {

class TaskGroup {
 public:
  explicit TaskGroup(Loop& loop) : loop_(loop) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  // Runs the task until its first suspension, here and now. Under a group that was stopped, it starts
  // cancelled.
  void spawn(Task<void> task);
  std::size_t size() const { return size_; }

  // Tells every member to stop; they end in later turns.
  void cancel();
  class Join;
  // co_await group.join(): until it is empty; cancelling the awaiter does not cut it short.
  Join join();
  // cancel, then join
  Join stop();

 private:
  struct Member;
  struct Root;
  static Root run(Task<void> task, TaskGroup& group, Member member);

  Loop& loop_;
  Member* members_ = nullptr;
  std::size_t size_ = 0;
  bool stopped_ = false;
  Join* joining_ = nullptr;
};

class [[nodiscard]] TaskGroup::Join final : public Operation {
 public:
  explicit Join(TaskGroup& group) : Operation(group.loop_), group_(group) {}
  bool await_ready() const noexcept { return group_.size_ == 0; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> waiter) {
    group_.joining_ = this;
    suspend_uncancellable(waiter);
  }
  void await_resume() const noexcept {}

 private:
  void give_up(const Error& /*why*/) override {}
  TaskGroup& group_;
};

inline TaskGroup::Join TaskGroup::join() { return Join(*this); }
inline TaskGroup::Join TaskGroup::stop() {
  cancel();
  return Join(*this);
}

}  // namespace weir::net
