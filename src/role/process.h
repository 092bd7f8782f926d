// Process: what every role of this machine runs on: the control core, the workers' cores, signals. Made first
// and destroyed last by the role's command.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "net/core.h"
#include "net/listening.h"
#include "net/task.h"
#include "net/task_group.h"
#include "role/signals.h"

namespace weir::role {

struct ProcessOptions {
  unsigned workers = 0;    // threads of the data plane
  bool on_hangup = false;  // SIGHUP is for the role; else it ends the process, as a closed terminal means it
  // Of the process that this one takes the place of; nothing is accepted before release(). None: it takes
  // nobody's.
  std::vector<net::ListeningSockets::One> inherited = {};
};

class Process {
 public:
  // Before any thread starts, so that all of them leave the signals to the control core. The error is a
  // sentence.
  static std::expected<std::unique_ptr<Process>, std::string> create(Log& log, ProcessOptions options);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  net::Core& control() { return *control_; }
  std::span<net::Env* const> workers() const { return worker_envs_; }
  // All that listen.
  net::ListeningSockets& sockets() { return sockets_; }
  // What was inherited, or comes late, is accepted on from now on. On the control core.
  void release(std::vector<net::ListeningSockets::One> late);

  net::Core& worker(std::size_t place) { return *workers_[place]; }
  // A core for what takes as long as a thousand requests: hashing passwords.
  net::Core& slow() { return *slow_; }

  // SIGTERM and SIGINT (and SIGHUP) on the control core.
  void on_signal(std::function<void(int)> handler) { handler_ = std::move(handler); }
  // Starts all cores and returns when the control core's loop has been stopped and the others have ended.
  void run();

 private:
  Process() = default;
  std::expected<std::unique_ptr<net::Core>, std::string> make_core(Log& log, bool hold);

  net::ListeningSockets sockets_;
  std::unique_ptr<net::Core> control_;
  std::function<void(int)> handler_;
  std::unique_ptr<Signals> signals_;
  std::vector<std::unique_ptr<net::Core>> workers_;
  std::vector<net::Env*> worker_envs_;
  std::unique_ptr<net::Core> slow_;
};

// How a role ends: the first signal drains, the second cuts what is left, the third ends the process.
class Ending {
 public:
  struct Steps {
    std::function<net::Task<void>()> drain;  // returns when nothing is left; then the loop is stopped
    std::function<void()> cut;
    std::function<void()> hurry;  // while it leaves: as much as drain would do
  };
  Ending(net::Env& env, Steps steps) : env_(env), steps_(std::move(steps)), tasks_(env.loop) {}

  void on_signal(int signal);
  // In the place of a drain, since another process goes on: returns when nothing is left.
  void leave(net::Task<void> leaving);
  bool left() const { return leaving_; }  // to another process
  bool begun() const { return signals_ > 0 || leaving_; }

 private:
  net::Task<void> end(net::Task<void> steps);

  net::Env& env_;
  Steps steps_;
  net::TaskGroup tasks_;
  int signals_ = 0;
  bool leaving_ = false;
};

}  // namespace weir::role
