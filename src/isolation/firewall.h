// Firewall: rules of nftables that keep instances to themselves: away from other owners' networks and from
// other bridges of the machine, from the machine itself but for its resolver, and from what clouds tell their
// machines. They go by what interfaces are called, so they hold for networks that are made later. Set by the
// program nft, all at once; set again now and then, since others empty the whole ruleset. On one loop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "net/epoll.h"
#include "net/loop.h"
#include "net/task.h"
#include "podman/client.h"

namespace weir::isolation {

// For nft -f.
std::string firewall_rules();

class Firewall {
 public:
  static constexpr Duration kAge = std::chrono::seconds(25);
  static constexpr Duration kTimeout = std::chrono::seconds(10);

  // command: gets the rules as its standard input. The loop outlives it.
  explicit Firewall(net::Loop& loop, std::vector<std::string> command = {"nft", "-f", "-"})
      : loop_(loop), command_(std::move(command)) {}

  // The rules hold. The error is a sentence that says why not.
  net::Task<podman::Told<void>> ensure();

 private:
  net::Task<podman::Told<void>> set();
  net::Task<std::optional<int>> end_of(pid_t id);

  net::Loop& loop_;
  std::vector<std::string> command_;
  std::optional<Instant> set_at_;
};

}  // namespace weir::isolation
