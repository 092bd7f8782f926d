#include "net/loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::net {

void Context::interrupt() {
  if (waiting_for_ != nullptr) waiting_for_->cancel();
}

void Context::cancel() {
  cancelled_ = true;
  interrupt();
}

void Operation::detach() {
  if (context_ != nullptr) {
    context_->waiting_for_ = nullptr;
    context_ = nullptr;
  }
  if (linked()) unlink();
}

bool Operation::suspend_in(std::coroutine_handle<> waiter, Context& context,
                           std::optional<Instant> deadline) {
  if (context.cancelled()) {
    give_up({Code::kCancelled, Side::kInternal, Retry::kNever, 0, "cancelled"});
    return false;
  }
  waiter_ = waiter;
  context_ = &context;
  context.waiting_for_ = this;
  if (deadline) loop_.arm(*this, *deadline);
  return true;
}

void Operation::resume() {
  disarm();
  detach();
  if (waiter_ == nullptr) return completed();
  std::exchange(waiter_, nullptr).resume();
}

void Operation::resume_soon() {
  disarm();
  if (!linked()) loop_.ready_.append(*this);
}

void Operation::cancel() {
  if (linked()) return;  // completed, about to resume; the next await sees the cancellation
  give_up({Code::kCancelled, Side::kInternal, Retry::kNever, 0, "cancelled"});
  resume_soon();
}

void Operation::expired(Timer& timer) {
  auto& operation = static_cast<Operation&>(timer);
  if (const auto next = operation.prolonged()) {
    operation.loop_.arm(operation, *next);
    return;
  }
  operation.give_up({Code::kTimedOut, Side::kInternal, Retry::kNever, 0, "deadline passed"});
  operation.resume();
}

Loop::Loop(Clock& clock, Poller& poller) : clock_(clock), poller_(poller), now_(clock.now()), timers_(now_) {}

Loop::~Loop() { WEIR_CHECK(!ready_.linked()); }

bool Loop::run_posted() {
  if (!has_posted_.load(std::memory_order_acquire)) return false;
  std::vector<std::move_only_function<void()>> work;
  {
    const std::scoped_lock lock(mutex_);
    work.swap(posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  for (auto& item : work) item();
  return !work.empty();
}

// Only what was ready at the start of the turn: a task that yields waits for the poller's next look.
bool Loop::run_ready() {
  if (!ready_.linked()) return false;
  ReadyNode batch;
  batch.next = ready_.next;
  batch.previous = ready_.previous;
  batch.next->previous = &batch;
  batch.previous->next = &batch;
  ready_.next = ready_.previous = &ready_;
  while (batch.linked()) static_cast<Operation*>(batch.next)->resume();
  return true;
}

bool Loop::turn(std::optional<Duration> timeout) {
  poller_.wait(timeout);
  now_ = clock_.now();
  bool ran = poller_.dispatch();
  ran = run_posted() || ran;
  ran = run_ready() || ran;
  const auto next = timers_.next();
  if (next && *next <= now_) {
    timers_.advance(now_);
    ran = true;
  }
  return ran;
}

void Loop::run() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    std::optional<Duration> timeout;
    if (ready_.linked() || has_posted_.load(std::memory_order_acquire)) {
      timeout = Duration::zero();
    } else if (const auto next = timers_.next()) {
      timeout = std::max(*next - now_, Duration::zero());
    }
    turn(timeout);
  }
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  poller_.wake();
}

void Loop::post(std::move_only_function<void()> work) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(work));
    has_posted_.store(true, std::memory_order_release);
  }
  if (first) poller_.wake();
}

}  // namespace weir::net
