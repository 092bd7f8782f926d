// FakeEnv: a whole net::Env without a kernel, and the hand that drives it. A test says what happens and when;
// nothing sleeps, and the same seed gives the same run. run() is Driver's. On one thread.
//
//   FakeEnv fake;
//   auto made = fake.run(fake.network.connect(address, 1s));   // optional<Result<unique_ptr<Stream>>>
//   fake.advance(5s);                                          // every timer at its own time
#pragma once

#include <cstdint>
#include <optional>

#include "base/random.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task.h"
#include "testing/driver.h"
#include "testing/manual_time.h"
#include "testing/memory_log.h"
#include "testing/memory_network.h"

namespace weir::testing {

class FakeEnv final : public Driver {
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

  // Real threads are at work and will post to the loop: turns it until `done`, for at most that much real
  // time. Returns done().
  template <class Done>
  bool run_with_threads(Duration real_max, Done done) {
    run_until_idle();
    while (!done() && poller.wait_for_wake(real_max)) run_until_idle();
    return done();
  }

 private:
  // No patience given: no time passes.
  bool run_task(net::Task<void> task, std::optional<Duration> patience) override;
};

}  // namespace weir::testing
