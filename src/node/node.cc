#include "node/node.h"

#include <algorithm>
#include <utility>

#include "base/exposition.h"
#include "channel/alarm.h"
#include "node/labels.h"

namespace weir::node {

Node::Node(net::Env& env, podman::Client& podman, std::string name, isolation::Networks::Guard guard)
    : env_(env),
      podman_(podman),
      networks_(env, podman, labels_of_node(name), std::move(guard)),
      images_(env.loop, podman),
      shared_{.env = env,
              .podman = podman,
              .networks = networks_,
              .images = images_,
              .node = std::move(name),
              .starts = podman::Gate(env.loop, kStartsAtOnce),
              .stops = podman::Gate(env.loop, kStopsAtOnce),
              .removals = podman::Gate(env.loop, kRemovalsAtOnce),
              .credentials = {},
              .left = [this] { look_.set(); },
              .changed = {}},
      tasks_(env.loop) {}

Keeper& Node::keeper_of(const std::string& name) {
  auto& keeper = keepers_[name];
  if (!keeper) {
    keeper = std::make_unique<Keeper>(shared_, name);
    if (const auto wanted = wanted_.find(name); wanted != wanted_.end()) keeper->want(wanted->second);
  }
  return *keeper;
}

// Before the first look, nothing is begun: what runs already is not known.
void Node::set(InstanceFile file) {
  shared_.credentials = std::move(file.pull_credentials);
  std::map<std::string, std::shared_ptr<const Instance>> wanted;
  for (Instance& one : file.instances) {
    const auto before = wanted_.find(one.name);
    const bool as_before = before != wanted_.end() && *before->second == one;
    std::string name = one.name;
    wanted[std::move(name)] = as_before ? before->second : std::make_shared<const Instance>(std::move(one));
  }
  std::swap(wanted_, wanted);
  if (!std::exchange(told_, true)) look_.set();
  if (!looked_) return;
  for (const auto& [name, keeper] : keepers_) {
    if (!wanted_.contains(name) && keeper->wanted()) keeper->want(nullptr);
  }
  for (const auto& [name, instance] : wanted_) {
    const auto before = wanted.find(name);
    if (before != wanted.end() && before->second == instance) continue;
    const bool is_new = !keepers_.contains(name);
    Keeper& keeper = keeper_of(name);
    if (is_new) {
      keeper.start();
    } else {
      keeper.want(instance);
    }
  }
}

void Node::start() {
  tasks_.spawn(look_again_and_again());
  tasks_.spawn(follow());
}

net::Task<void> Node::stop() {
  co_await tasks_.stop();
  for (auto& [name, keeper] : keepers_) co_await keeper->stop();
}

net::Task<void> Node::follow() {
  for (;;) {
    const auto ended = co_await podman_.events(labels_of_node(shared_.node), [this] { look_.set(); });
    if (!ended && ended.error().kind == podman::Trouble::Kind::kCancelled) co_return;
    if (!co_await env_.loop.sleep(kRetry)) co_return;
    look_.set();  // for what happened meanwhile
  }
}

net::Task<void> Node::look_again_and_again() {
  channel::Alarm alarm(look_);
  for (;;) {
    look_.reset();
    const bool done = co_await look();
    if ((co_await net::current_context()).cancelled()) co_return;
    co_await forget_gone();
    if (done && looked_) co_await look_after_networks();
    if ((co_await net::current_context()).cancelled()) co_return;
    env_.loop.arm(alarm, env_.loop.deadline(done ? kLook : kRetry));
    if (!co_await look_.wait(env_.loop)) co_return;
    alarm.disarm();
    if (!co_await env_.loop.sleep(kGather)) co_return;
  }
}

net::Task<bool> Node::look() {
  std::map<std::string, std::uint64_t> steps;
  for (const auto& [name, keeper] : keepers_) {
    if (!keeper->busy()) steps.emplace(name, keeper->step());
  }
  auto listed = co_await podman_.list(labels_of_node(shared_.node));
  if (!listed) {
    if (listed.error().kind == podman::Trouble::Kind::kCancelled) co_return false;
    if (std::exchange(trouble_, listed.error().sentence) != listed.error().sentence) {
      env_.log.error("podman can't be asked; what runs goes on", {{"reason", trouble_}});
    }
    co_return false;
  }
  if (!std::exchange(trouble_, {}).empty()) env_.log.info("podman can be asked again");
  if (!told_) co_return true;
  const bool is_first = !looked_;
  take(std::move(*listed), steps);
  if (is_first) co_await find_lost_volumes();
  if (shared_.changed) shared_.changed();
  co_return true;
}

void Node::take(std::vector<podman::Container> listed, const std::map<std::string, std::uint64_t>& steps) {
  std::map<std::string, std::vector<podman::Container>> by_instance;
  for (podman::Container& one : listed) {
    by_instance[label_of(one.labels, kInstanceLabel)].push_back(std::move(one));
  }
  by_instance.erase("");
  std::vector<Keeper*> fresh;
  if (!std::exchange(looked_, true)) {
    env_.log.info("containers of this node were found", {{"instances", std::to_string(by_instance.size())}});
    for (const auto& [name, instance] : wanted_) fresh.push_back(&keeper_of(name));
  }
  for (const auto& [name, containers] : by_instance) {
    if (!keepers_.contains(name)) fresh.push_back(&keeper_of(name));
  }
  for (const auto& [name, keeper] : keepers_) {
    const auto asked = steps.find(name);
    const bool is_fresh = std::ranges::find(fresh, keeper.get()) != fresh.end();
    const bool holds = asked != steps.end() && !keeper->busy() && asked->second == keeper->step();
    if (!is_fresh && !holds) continue;
    const auto found = by_instance.find(name);
    auto containers =
        found == by_instance.end() ? std::vector<podman::Container>() : std::move(found->second);
    if (is_fresh || containers != keeper->containers()) keeper->see(std::move(containers));
  }
  for (Keeper* keeper : fresh) keeper->start();
}

// Of instances that went while nobody was here.
net::Task<void> Node::find_lost_volumes() {
  const auto volumes = co_await podman_.list_volumes(labels_of_node(shared_.node));
  if (!volumes) co_return;
  for (const std::string& volume : *volumes) {
    const std::string name(instance_of(volume));
    if (!keepers_.contains(name)) keeper_of(name).start();
  }
}

net::Task<void> Node::forget_gone() {
  for (auto at = keepers_.begin(); at != keepers_.end();) {
    if (!at->second->gone()) {
      ++at;
      continue;
    }
    tidy_ = false;
    const std::unique_ptr<Keeper> keeper = std::move(at->second);
    at = keepers_.erase(at);
    co_await keeper->stop();
    if (shared_.changed) shared_.changed();
  }
}

net::Task<void> Node::look_after_networks() {
  if (!keepers_.empty()) {
    const auto guarded = co_await networks_.guard();
    const std::string why = guarded ? std::string() : guarded.error().sentence;
    if (std::exchange(unguarded_, why) != why && !why.empty()) env_.log.error(why);
  }
  if (tidy_) co_return;
  tidy_ = co_await networks_.tidy([this](const std::string& network) {
    return std::ranges::any_of(
        wanted_, [&](const auto& one) { return isolation::network_of(one.second->owner) == network; });
  });
}

std::vector<Status> Node::statuses() const {
  std::vector<Status> all;
  for (const auto& [name, keeper] : keepers_) {
    if (keeper->gone()) continue;
    Status& one = all.emplace_back(keeper->status());
    const Meter::Used used = meter_.of(name);
    one.cpu_milli = used.cpu_milli;
    one.memory_bytes = used.memory_bytes;
  }
  return all;
}

std::string Node::why_not_ready() const {
  if (!trouble_.empty() || looked_) return trouble_;
  return told_ ? "podman has not answered yet" : "no controller has said yet what is to run";
}

net::Task<void> Node::measure() {
  if (usage_at_ != Instant::min() && env_.loop.now() - usage_at_ < kUsageAge) co_return;
  usage_at_ = env_.loop.now();
  auto used = co_await podman_.usage();
  meter_.take(used ? std::move(*used) : std::vector<podman::Usage>(), env_.loop.now());
  if (shared_.changed) shared_.changed();
}

net::Task<std::string> Node::metrics() {
  co_await measure();
  std::string text;
  Exposition out(text);
  out.single("weir_node_podman_up", "gauge", "Whether podman answers.", looked_ && trouble_.empty() ? 1 : 0);
  out.family("weir_instance_state", "gauge", "The state that an instance is in.");
  for (const Status& one : statuses()) {
    out.sample(1, "{instance=\"" + one.name + "\",state=\"" + std::string(name_of(one.state)) + "\"}");
  }
  out.family("weir_instance_restarts_total", "counter", "How often an instance ended and was started anew.");
  for (const Status& one : statuses()) out.sample(one.restarts, "{instance=\"" + one.name + "\"}");
  const auto each = [&](const auto& value) {
    for (const podman::Usage& one : meter_.all()) {
      const std::string name(instance_of(one.container));
      if (!keepers_.contains(name) || name.size() == one.container.size()) continue;
      value("{instance=\"" + name + "\",container=\"" + one.container.substr(name.size() + 1) + "\"}", one);
    }
  };
  out.family("weir_instance_cpu_seconds_total", "counter", "Time of processor cores that a container used.");
  each([&](const std::string& labels, const podman::Usage& one) {
    out.sample(std::to_string(static_cast<double>(one.cpu_nanoseconds) / 1e9), labels, {});
  });
  out.family("weir_instance_memory_bytes", "gauge", "Memory that a container uses.");
  each([&](const std::string& labels, const podman::Usage& one) { out.sample(one.memory_bytes, labels); });
  out.family("weir_instance_processes", "gauge", "Processes and threads of a container.");
  each([&](const std::string& labels, const podman::Usage& one) { out.sample(one.processes, labels); });
  co_return text;
}

}  // namespace weir::node
