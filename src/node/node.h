// Node: the instances of this machine: what is wanted, against what podman has. Takes over what runs with its
// labels when it is started, and leaves it running when it ends. On one loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "node/instance.h"
#include "node/keeper.h"
#include "node/networks.h"
#include "podman/client.h"

namespace weir::node {

class Node {
 public:
  // Making containers keeps a core busy for a while.
  static constexpr std::size_t kStartsAtOnce = 4;
  // Podman tells what happens; this is for what it did not tell.
  static constexpr Duration kLook = std::chrono::seconds(30);
  static constexpr Duration kRetry = std::chrono::seconds(1);
  static constexpr Duration kGather = std::chrono::milliseconds(50);  // events that come together
  static constexpr Duration kUsageAge = std::chrono::seconds(1);

  // name: in the labels of what is its own. guard: of the networks. env and podman outlive it.
  Node(net::Env& env, podman::Client& podman, std::string name, Networks::Guard guard = nullptr);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // All that is to run.
  void set(InstanceFile file);
  void start();
  net::Task<void> stop();

  // Podman has answered, and what was found has been taken over.
  bool ready() const { return looked_; }
  const std::string& trouble() const { return trouble_; }  // why podman can't be asked; empty: it can
  std::vector<Status> statuses() const;
  // In the text format of Prometheus; asks podman what the instances use.
  net::Task<std::string> metrics();

 private:
  net::Task<void> follow();
  net::Task<void> look_again_and_again();
  net::Task<bool> look();
  net::Task<void> find_lost_volumes();
  net::Task<void> forget_gone();
  net::Task<void> look_after_networks();
  void take(std::vector<podman::Container> listed, const std::map<std::string, std::uint64_t>& steps);
  Keeper& keeper_of(const std::string& name);

  net::Env& env_;
  podman::Client& podman_;
  Networks networks_;
  Shared shared_;
  std::map<std::string, std::shared_ptr<const Instance>> wanted_;
  std::map<std::string, std::unique_ptr<Keeper>> keepers_;
  net::Event look_;
  bool looked_ = false;
  std::string trouble_;
  bool tidy_ = false;      // no network is there that nobody uses
  std::string unguarded_;  // why; empty: networks are kept apart
  std::vector<podman::Usage> usage_;
  Instant usage_at_ = Instant::min();
  net::TaskGroup tasks_;
};

}  // namespace weir::node
