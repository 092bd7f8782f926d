// Node: the instances of this machine: what is wanted, against what podman has. Takes over what runs with its
// labels when it is started, and leaves it running when it ends. On one loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "isolation/networks.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "node/instance.h"
#include "node/keeper.h"
#include "node/meter.h"
#include "podman/client.h"

namespace weir::node {

class Node {
 public:
  // Making containers keeps a core busy for a while.
  static constexpr std::size_t kStartsAtOnce = 4;
  // Most of a stop is waiting. When more end at once, podman is so busy that it answers nobody in time.
  static constexpr std::size_t kStopsAtOnce = 32;
  static constexpr std::size_t kRemovalsAtOnce = 4;
  // Podman tells what happens; this is for what it did not tell.
  static constexpr Duration kLook = std::chrono::seconds(30);
  static constexpr Duration kRetry = std::chrono::seconds(1);
  static constexpr Duration kGather = std::chrono::milliseconds(50);  // events that come together
  static constexpr Duration kUsageAge = std::chrono::seconds(1);

  // name: in the labels of what is its own. guard: of the networks. env and podman outlive it.
  Node(net::Env& env, podman::Client& podman, std::string name, isolation::Networks::Guard guard = nullptr);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Who has the images that were pushed to controllers. Before start(); without one, they are not there.
  void set_image_source(images::Source source) { images_.set_source(std::move(source)); }
  // All that is to run. Before the first time, nothing that there is is touched.
  void set(InstanceFile file);
  // Told whenever a status may be another. Before start().
  void on_changed(std::function<void()> changed) { shared_.changed = std::move(changed); }
  void start();
  net::Task<void> stop();

  // Podman has answered, and what was found has been taken over.
  bool ready() const { return looked_; }
  // In a sentence; empty: it is, and podman can be asked.
  std::string why_not_ready() const;
  std::vector<Status> statuses() const;
  // In the text format of Prometheus; asks podman what the instances use.
  net::Task<std::string> metrics();
  // Asks podman what the instances use, which is in their statuses from then on.
  net::Task<void> measure();

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
  isolation::Networks networks_;
  images::PushedImages images_;
  Shared shared_;
  std::map<std::string, std::shared_ptr<const Instance>> wanted_;
  std::map<std::string, std::unique_ptr<Keeper>> keepers_;
  net::Event look_;
  bool told_ = false;  // what is to run
  bool looked_ = false;
  std::string trouble_;    // why podman can't be asked; empty: it can
  bool tidy_ = false;      // no network is there that nobody uses
  std::string unguarded_;  // why; empty: networks are kept apart
  Meter meter_;
  Instant usage_at_ = Instant::min();
  net::TaskGroup tasks_;
};

}  // namespace weir::node
