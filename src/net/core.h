// Core: what one processor core runs on in production: an epoll loop with its network, clock and randomness,
// bundled as an Env; optionally on a thread of its own. Made by program/, passed down by reference.
#pragma once

#include <memory>
#include <thread>

#include "net/env.h"
#include "net/epoll.h"
#include "net/epoll_network.h"

namespace weir::net {

class SystemClock final : public Clock {
 public:
  Instant now() override;
  WallTime wall_now() override;
};

class Core {
 public:
  // sockets: of the process, outlives the core; null: nobody hands any on.
  static Result<std::unique_ptr<Core>> create(Log& log, ListeningSockets* sockets = nullptr);
  ~Core();

  Env& env() { return env_; }
  Loop& loop() { return loop_; }
  EpollPoller& poller() { return *poller_; }
  EpollNetwork& network() { return network_; }
  // Runs the loop on a new thread, until stop(). Without it, the caller runs loop().run() itself.
  void start(const std::string& thread_name);
  // Ends the loop and joins the thread; what lives on the loop must have ended.
  void stop();

 private:
  Core(std::unique_ptr<EpollPoller> poller, std::uint64_t seed, Log& log, ListeningSockets* sockets);

  SystemClock clock_;
  std::unique_ptr<EpollPoller> poller_;
  Loop loop_;
  EpollNetwork network_;
  Random random_;
  Env env_;
  std::thread thread_;
};

// From the kernel's generator: for seeds and secrets.
Result<void> fill_random(std::span<std::byte> bytes);

}  // namespace weir::net
