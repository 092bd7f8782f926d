// FakeEnv: a whole net::Env without a kernel, and the hand that drives it. A test says what happens and when;
// nothing sleeps, and the same seed gives the same run. On one thread.
//
//   FakeEnv fake;
//   auto made = fake.run(fake.network.connect(address, 1s));   // optional<Result<unique_ptr<Stream>>>
//   fake.advance(5s);                                          // every timer at its own time
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/random.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task.h"
#include "testing/manual_time.h"
#include "testing/memory_log.h"
#include "testing/memory_network.h"

namespace weir::testing {

class FakeEnv {
 public:
  explicit FakeEnv(std::uint64_t seed = 1) : random(seed), network(loop, seed + 1) {}
  FakeEnv(const FakeEnv&) = delete;
  FakeEnv& operator=(const FakeEnv&) = delete;

  ManualClock clock;
  IdlePoller poller;
  net::Loop loop{clock, poller};
  Random random;
  MemoryLog log;
  MemoryNetwork network;
  net::Env env{loop, network, random, log};

  // Turns the loop until nothing is left to do at this time. Aborts when that never happens.
  void run_until_idle();
  // Lets that much time pass, stopping at each timer on the way.
  void advance(Duration by);

  // Runs a task until it has ended, letting at most `patience` pass. False: it still waits for something; it
  // was then cancelled and joined.
  [[nodiscard]] bool run(net::Task<void> task, Duration patience = Duration::zero());
  // The same for a task with a value.
  template <class T>
  [[nodiscard]] std::optional<T> run(net::Task<T> task, Duration patience = Duration::zero()) {
    std::optional<T> value;
    if (!run(keep(std::move(task), value), patience)) value.reset();
    return value;
  }

  // The same for a read, a write or a sleep.
  template <std::derived_from<net::Operation> Awaited>
  [[nodiscard]] auto run(Awaited&& awaited, Duration patience = Duration::zero()) {
    return run(await(awaited), patience);
  }

  // Real threads are at work and will post to the loop: turns it until `done`, for at most that much real
  // time. Returns done().
  template <class Done>
  bool run_with_threads(Duration real_max, Done done) {
    run_until_idle();
    while (!done() && poller.wait_for_wake(real_max)) run_until_idle();
    return done();
  }

 private:
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
