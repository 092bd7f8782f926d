// Task<T>: a coroutine that starts when it is awaited and resumes its awaiter when it is done. One chain of
// tasks runs at a time under one Context; cancelling the Context ends the await that the chain is suspended
// in with kCancelled. A Task lives on one core. Parameters of a coroutine are taken by value or refer to what
// outlives it; a lambda coroutine captures nothing.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "net/frame_pool.h"

namespace weir::net {

class Operation;

// What a chain of tasks shares: what it waits for, and whether it was told to stop.
class Context {
 public:
  bool cancelled() const { return cancelled_; }
  // Ends the current await with kCancelled, soon, and every later one at once.
  void cancel();
  // Ends the current await with kCancelled, soon, and no other: a nudge from a task beside this one, which
  // both agreed upon (cancelled() stays false).
  void interrupt();

 private:
  friend class Operation;
  Operation* waiting_for_ = nullptr;
  bool cancelled_ = false;
};

namespace internal {

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  Context* context = nullptr;

  static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { pool_release(frame, bytes); }

  struct FinalAwait {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
      return done.promise().continuation;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwait final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept { std::abort(); }  // we never throw
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  std::coroutine_handle<Promise> get_return_object() {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace internal

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Handle handle) : handle_(handle) {}  // NOLINT: made by the promise
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    handle_.promise().context = awaiter.promise().context;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

// co_await current_context(): the Context of the awaiting chain.
struct CurrentContext {
  Context* context = nullptr;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiter) noexcept {
    context = awaiter.promise().context;
    return false;
  }
  Context& await_resume() const noexcept { return *context; }
};
inline CurrentContext current_context() { return {}; }

}  // namespace weir::net
