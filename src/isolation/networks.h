// Networks: the bridges that instances are on, one for each owner on this machine. Made when the first
// instance of an owner is started, removed when its last has gone. On one loop.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/env.h"
#include "net/task.h"
#include "podman/client.h"
#include "podman/gate.h"

namespace weir::isolation {

// What their interfaces on the machine begin with, and nobody else's do; the firewall goes by it.
inline constexpr std::string_view kInterfacePrefix = "weirn-";

// The network of an owner's instances: "weir-alice"; of nobody's: "weir". An owner whose name is no DNS label
// has one by a digest of it.
std::string network_of(std::string_view owner);

// Of a network: whose instances are on it.
inline constexpr std::string_view kOwnerLabel = "weir.owner";

class Networks {
 public:
  // Sees to it that what is on different networks can't meet.
  using Guard = std::function<net::Task<podman::Told<void>>()>;

  // labels: by which they are known as this node's own. guard: null: nobody keeps them apart. podman outlives
  // it.
  Networks(net::Env& env, podman::Client& podman, podman::Labels labels, Guard guard)
      : env_(env),
        turn_(env.loop, 1),
        podman_(podman),
        labels_(std::move(labels)),
        guard_(std::move(guard)) {}

  // It is there and guarded.
  net::Task<podman::Told<void>> ensure(std::string_view owner);
  // Those that exist stay guarded.
  net::Task<podman::Told<void>> guard();
  // Removes those of this node that are not used, which is asked for each by its name. False: not all, since
  // containers are on them, or podman does not answer.
  net::Task<bool> tidy(std::function<bool(const std::string& network)> used);

 private:
  net::Task<podman::Told<void>> make(std::string owner);
  net::Task<bool> remove_unused(const std::function<bool(const std::string& network)>& used);

  net::Env& env_;
  podman::Gate turn_;  // one at a time: none is removed that is about to be used
  podman::Client& podman_;
  podman::Labels labels_;
  Guard guard_;
};

}  // namespace weir::isolation
