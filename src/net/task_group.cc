#include "net/task_group.h"

#include <exception>
#include <utility>

#include "base/check.h"

namespace weir::net {

// In the frame of the root coroutine, linked into the group's list.
struct TaskGroup::Member {
  Context context;
  Member* next = nullptr;
  Member** link = nullptr;
};

// The coroutine at the root of a chain: owns the task and its Context, and frees itself at the end.
struct TaskGroup::Root {
  struct promise_type {
    Context* context = nullptr;
    static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { pool_release(frame, bytes); }
    Root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::abort(); }
  };
  std::coroutine_handle<promise_type> handle;
};

namespace {

// Sets the Context of the coroutine that awaits it; the root has no parent to inherit one from.
struct AdoptContext {
  Context* context;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> root) const noexcept {
    root.promise().context = context;
    return false;
  }
  void await_resume() const noexcept {}
};

}  // namespace

TaskGroup::~TaskGroup() { WEIR_CHECK(size_ == 0); }

TaskGroup::Root TaskGroup::run(Task<void> task, TaskGroup& group, Member member) {
  member.next = group.members_;
  member.link = &group.members_;
  if (member.next != nullptr) member.next->link = &member.next;
  group.members_ = &member;
  ++group.size_;
  if (group.stopped_) member.context.cancel();
  co_await AdoptContext{&member.context};
  {
    Task<void> owned = std::move(task);  // its frame is gone before the group hears of the end
    co_await owned;
  }
  *member.link = member.next;
  if (member.next != nullptr) member.next->link = member.link;
  if (--group.size_ == 0 && group.joining_ != nullptr) std::exchange(group.joining_, nullptr)->resume_soon();
}

void TaskGroup::spawn(Task<void> task) { run(std::move(task), *this, Member{}).handle.resume(); }

void TaskGroup::cancel() {
  stopped_ = true;
  for (Member* member = members_; member != nullptr; member = member->next) member->context.cancel();
}

}  // namespace weir::net
