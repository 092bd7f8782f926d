// Prober: the probes of one running instance, each in a task of its own: from its start to its end. On one
// loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "node/instance.h"
#include "podman/client.h"

namespace weir::node {

class Prober {
 public:
  // What it finds out; called on its loop.
  struct Hear {
    std::function<void()> started;  // all startup probes have passed
    std::function<void(bool ready, std::string why)> ready;
    std::function<void(std::string why)> dead;  // it is to be started anew; nothing follows
  };

  // address: of the instance, an IP address; empty: it has none. env and podman outlive it.
  Prober(net::Env& env, podman::Client& podman, std::shared_ptr<const Instance> instance, std::string address,
         Hear hear);
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  void start();
  net::Task<void> stop() { co_await tasks_.stop(); }

 private:
  net::Task<void> watch(std::size_t place);
  net::Task<void> watch_liveness(std::size_t place);
  net::Task<void> watch_readiness(std::size_t place);
  // Why it fails; empty: it passes.
  net::Task<std::string> check(const Container& container, const Probe& probe);
  net::Task<std::string> check_by_command(const Container& container, const Probe& probe);

  net::Env& env_;
  podman::Client& podman_;
  std::shared_ptr<const Instance> instance_;
  std::string address_;
  Hear hear_;
  std::size_t starting_ = 0;          // containers that have not passed their startup probes
  std::vector<std::string> unready_;  // by container: why; empty: it is
  net::TaskGroup tasks_;
};

}  // namespace weir::node
