// Keeper: makes of one instance what is wanted: asks its Life what is to be done, does it through podman, and
// says what it saw, in a task of its own. Ends without touching what runs. On one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "channel/alarm.h"
#include "images/pushed.h"
#include "isolation/networks.h"
#include "net/env.h"
#include "net/task.h"
#include "net/task_group.h"
#include "node/instance.h"
#include "node/life.h"
#include "node/plan.h"
#include "node/prober.h"
#include "podman/client.h"
#include "podman/gate.h"

namespace weir::node {

// What all keepers of a node share; outlives them.
struct Shared {
  net::Env& env;
  podman::Client& podman;
  isolation::Networks& networks;
  images::PushedImages& images;
  std::string node;     // in the labels
  podman::Gate starts;  // making containers costs the machine more than running them
  podman::Gate stops;
  podman::Gate removals;
  std::vector<PullCredentials> credentials;
  std::function<void()> left;     // an instance is gone for good
  std::function<void()> changed;  // its status may be another
};

using Status = nodelink::InstanceSeen;

class Keeper {
 public:
  Keeper(Shared& shared, std::string name);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Null: it is to go.
  void want(std::shared_ptr<const Instance> instance);
  // All of its containers, as a list had them that was asked for when it was not busy(), and step() had this
  // value.
  void see(std::vector<podman::Container> containers);
  bool busy() const { return busy_; }
  std::uint64_t step() const { return step_; }

  void start();
  net::Task<void> stop() { co_await tasks_.stop(); }
  // Nothing is left of it, and nobody wants it.
  bool gone() const { return gone_; }
  bool wanted() const { return wanted_ != nullptr; }
  Status status() const;
  const std::vector<podman::Container>& containers() const { return containers_; }

 private:
  using Done = podman::Told<void>;

  net::Task<void> run();
  net::Task<bool> wait(std::optional<Instant> until);
  net::Task<bool> perform(Step step);  // false: not now
  net::Task<void> start_all();
  net::Task<Done> make(std::shared_ptr<const Instance> instance);
  net::Task<Done> run_before(const Instance& instance, const Plan& plan);
  // It is there: what podman knows it by.
  net::Task<podman::Told<std::string>> ensure_image(const Instance& instance, const Container& container);
  net::Task<Done> create(podman::ContainerSpec spec, const Instance& instance, const Container& container);
  net::Task<bool> stop_all();
  net::Task<bool> remove_all();
  net::Task<bool> leave();
  net::Task<void> refresh();
  net::Task<void> explain_end();
  net::Task<void> adjust_probes();
  void tell();
  std::string version() const;
  const podman::Container* find(std::string_view container) const;

  Shared& shared_;
  const std::string name_;
  Life life_;
  std::shared_ptr<const Instance> wanted_;
  std::uint32_t grace_seconds_ = 10;  // of what was wanted last
  std::vector<podman::Container> containers_;
  std::string address_;
  std::shared_ptr<const Instance> probed_;
  std::unique_ptr<Prober> prober_;
  std::shared_ptr<const Instance> judged_;  // whose readiness is told: probed_, once its probes have spoken
  net::Event changed_;
  channel::Alarm alarm_{changed_};
  net::Context* starting_ = nullptr;  // of the task, while it makes containers
  bool busy_ = false;
  bool gone_ = false;
  std::uint64_t step_ = 0;
  std::uint64_t explained_ = 0;  // restarts
  std::string told_;
  net::TaskGroup tasks_;
};

}  // namespace weir::node
