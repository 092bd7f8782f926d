// Driver: what FakeEnv and RealEnv have in common: running one task, or one await, from a test that is itself
// no coroutine.
#pragma once

#include <concepts>
#include <optional>
#include <utility>

#include "base/time.h"
#include "net/operation.h"
#include "net/task.h"

namespace weir::testing {

class Driver {
 public:
  virtual ~Driver() = default;

  // Runs a task until it has ended, letting at most `patience` pass (absent: the driver's own measure).
  // False: it still waits for something; it was then cancelled and joined.
  [[nodiscard]] bool run(net::Task<void> task, std::optional<Duration> patience = std::nullopt) {
    return run_task(std::move(task), patience);
  }
  // The same for a task with a value.
  template <class T>
  [[nodiscard]] std::optional<T> run(net::Task<T> task, std::optional<Duration> patience = std::nullopt) {
    std::optional<T> value;
    if (!run_task(keep(std::move(task), value), patience)) value.reset();
    return value;
  }
  // The same for a read, a write or a sleep.
  template <std::derived_from<net::Operation> Awaited>
  [[nodiscard]] auto run(Awaited&& awaited, std::optional<Duration> patience = std::nullopt) {
    return run(await(awaited), patience);
  }

 private:
  virtual bool run_task(net::Task<void> task, std::optional<Duration> patience) = 0;

  template <class T>
  static net::Task<void> keep(net::Task<T> task, std::optional<T>& value) {
    value.emplace(co_await task);
  }
  template <class Awaited>
  static auto await(Awaited& awaited) -> net::Task<decltype(awaited.await_resume())> {
    co_return co_await awaited;
  }
};

}  // namespace weir::testing
