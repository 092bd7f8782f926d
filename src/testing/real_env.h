// RealEnv: an Env on this machine's kernel and clock, driven by a test: for what only sockets can show. On
// loopback and port 0 only; everything ends by a deadline. On one thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/random.h"
#include "net/core.h"
#include "net/env.h"
#include "net/epoll.h"
#include "net/epoll_network.h"
#include "net/uring.h"
#include "testing/driver.h"
#include "testing/memory_log.h"

namespace weir::testing {

class RealEnv final : public Driver {
 public:
  // Real time after which a test is broken: far above what any takes on a busy machine.
  static constexpr Duration kPatience = std::chrono::seconds(20);

  RealEnv();
  RealEnv(const RealEnv&) = delete;
  RealEnv& operator=(const RealEnv&) = delete;

  net::SystemClock clock;
  std::unique_ptr<net::EpollPoller> poller;
  std::unique_ptr<net::UringPoller> uring;  // empty: epoll alone
  net::Loop loop;
  net::EpollNetwork network;
  Random random{1};
  MemoryLog log;
  net::Env env{loop, network, random, log};

  // Both ends of one TCP connection over loopback.
  struct Connection {
    std::unique_ptr<net::Stream> client;
    std::unique_ptr<net::Stream> server;
  };
  Connection connection();

  // Turns the loop until `done`, for at most that much real time. Returns done().
  template <class Done>
  [[nodiscard]] bool run_until(Done done, Duration real_max = kPatience) {
    const Instant until = clock.now() + real_max;
    bool ran = true;  // what the test did before may have made something ready
    while (!done() && clock.now() < until) ran = turn(ran, until);
    return done();
  }
  // Turns the loop until it has nothing to do at this moment.
  void settle();

 private:
  bool run_task(net::Task<void> task, std::optional<Duration> patience) override;
  bool turn(bool is_ready, Instant until);
};

}  // namespace weir::testing
