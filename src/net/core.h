// Core: what one processor core runs on in production: an epoll loop with its network, clock and randomness,
// bundled as an Env; optionally on a thread of its own. Made by cli/, passed down by reference.
#pragma once

#include <memory>
#include <thread>

#include "net/env.h"
#include "net/epoll.h"
#include "net/epoll_network.h"
#include "net/uring.h"

namespace weir::net {

class SystemClock final : public Clock {
 public:
  Instant now() override;
  WallTime wall_now() override;
};

enum class Io : std::uint8_t { kEpoll, kUring };

class Core {
 public:
  // kUring becomes kEpoll, with a word in the log, where the kernel has no io_uring that serves.
  static Result<std::unique_ptr<Core>> create(Log& log, Io io = Io::kEpoll);
  ~Core();

  Env& env() { return env_; }
  Loop& loop() { return loop_; }
  EpollPoller& poller() { return *poller_; }
  // Runs the loop on a new thread, until stop(). Without it, the caller runs loop().run() itself.
  void start(const std::string& thread_name);
  // Ends the loop and joins the thread; what lives on the loop must have ended.
  void stop();

 private:
  Core(std::unique_ptr<EpollPoller> poller, std::unique_ptr<UringPoller> uring, std::uint64_t seed, Log& log);

  SystemClock clock_;
  std::unique_ptr<EpollPoller> poller_;
  std::unique_ptr<UringPoller> uring_;
  Loop loop_;
  EpollNetwork network_;
  Random random_;
  Env env_;
  std::thread thread_;
};

// From the kernel's generator: for seeds and secrets.
Result<void> fill_random(std::span<std::byte> bytes);

}  // namespace weir::net
