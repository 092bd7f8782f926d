#include "workload/roster.h"

#include <algorithm>
#include <utility>

namespace weir::workload {
namespace {

constexpr Duration kTick = std::chrono::seconds(1);
// A tick that is later than this was held up, and so was everything that nodes have said meanwhile.
constexpr Duration kLateTick = std::chrono::seconds(3);

// Nodes' texts are theirs: one line, and not more than is of use.
std::string one_line(std::string text) {
  if (text.size() > kSaidTextBytesMax) {
    text.resize(kSaidTextBytesMax);
    while (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80) text.pop_back();
  }
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

Roster::Roster(net::Env& env) : env_(env), settled_at_(env.loop.now() + kStartTime), tasks_(env.loop) {}

void Roster::start() { tasks_.spawn(watch()); }

net::Task<void> Roster::stop() { co_await tasks_.stop(); }

// Who is silent changes nothing by itself: others are told when one is lost.
net::Task<void> Roster::watch() {
  Instant last = env_.loop.now();
  bool was_settled = settled();
  while (co_await env_.loop.sleep(kTick)) {
    const Instant now = env_.loop.now();
    if (now - last > kLateTick) {
      env_.log.warning("the process stood still: nodes have the time to report anew");
      settle_anew();
    }
    last = now;
    const auto lost = static_cast<std::size_t>(std::ranges::count_if(
        nodes_, [&](const auto& entry) { return now - entry.second.heard >= kLostAfter; }));
    const bool is_settled = settled();
    if (lost != std::exchange(lost_, lost) || is_settled != std::exchange(was_settled, is_settled)) tell();
  }
}

void Roster::tell() {
  if (told_) told_();
}

void Roster::attach(const nodelink::Hello& hello) {
  auto found = nodes_.find(hello.node);
  if (found == nodes_.end()) {
    if (nodes_.size() >= kRosterNodesMax) {
      if (log_limit_.take(env_.loop.now())) {
        env_.log.error("a node is not counted: there are too many", {{"node", hello.node}});
      }
      return;
    }
    found = nodes_.try_emplace(hello.node).first;
  }
  Node& node = found->second;
  if (!node.attached) node.since = env_.loop.clock().wall_now();
  node.hello = hello;
  node.attached = true;
  hear(node);
  for (auto& [name, said] : node.instances) said.stale = true;
  tell();
}

void Roster::report(std::string_view name, const nodelink::NodeReport& report) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return;
  Node& node = found->second;
  bool changed = presence(name) != Presence::kHere;
  hear(node);
  for (const nodelink::InstanceSeen& seen : report.instances) take(node, seen, changed);
  for (const std::string& gone : report.gone) changed |= node.instances.erase(gone) > 0;
  if (report.complete) {
    changed |= !std::exchange(node.complete, true);
    changed |= std::erase_if(node.instances, [](const auto& entry) { return entry.second.stale; }) > 0;
  }
  if (changed) tell();
}

void Roster::heard(std::string_view name) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return;
  const bool is_back = presence(name) != Presence::kHere;
  hear(found->second);
  if (is_back) tell();
}

void Roster::take(Node& node, const nodelink::InstanceSeen& seen, bool& changed) {
  auto found = node.instances.find(seen.name);
  const bool is_new = found == node.instances.end();
  if (is_new) {
    if (node.instances.size() >= kSaidOfNodeMax) {
      if (log_limit_.take(env_.loop.now())) {
        env_.log.warning("a node speaks of too many instances", {{"node", node.hello.node}});
      }
      return;
    }
    found = node.instances.try_emplace(seen.name).first;
  }
  Said& said = found->second;
  const bool other = is_new || said.seen.state != seen.state || said.seen.version != seen.version;
  changed |= other || said.seen.restarts != seen.restarts || said.seen.reason != seen.reason;
  const Instant now = env_.loop.now();
  const bool is_other_version = is_new || said.seen.version != seen.version;
  const bool was_ready = !is_new && said.seen.state == nodelink::State::kReady;
  if (was_ready) said.ready_longest = std::max(said.ready_longest, now - said.ready_changed);
  if (is_other_version) said.ready_longest = {};
  if (is_other_version || was_ready != (seen.state == nodelink::State::kReady)) said.ready_changed = now;
  if (other) {
    said.since = now;
    said.since_wall = env_.loop.clock().wall_now();
  }
  said.seen = seen;
  said.seen.reason = one_line(std::move(said.seen.reason));
  said.seen.address = one_line(std::move(said.seen.address));
  said.stale = false;
}

void Roster::detach(std::string_view name) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end() || !found->second.attached) return;
  found->second.attached = false;
  found->second.since = env_.loop.clock().wall_now();
  tell();
}

const Roster::Node* Roster::find(std::string_view name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

const Roster::Said* Roster::said(std::string_view name, std::string_view instance) const {
  const Node* node = find(name);
  if (node == nullptr) return nullptr;
  const auto found = node->instances.find(instance);
  return found == node->instances.end() ? nullptr : &found->second;
}

Roster::Presence Roster::presence(std::string_view name) const {
  const Node* node = find(name);
  if (node != nullptr && env_.loop.now() - node->heard < kLostAfter) return Presence::kHere;
  return settled() ? Presence::kLost : Presence::kUnknown;
}

bool Roster::settled() const { return env_.loop.now() >= settled_at_; }

void Roster::settle_anew() { settled_at_ = std::max(settled_at_, env_.loop.now() + kSettleTime); }

void Roster::hear(Node& node) {
  node.heard = env_.loop.now();
  node.heard_wall = env_.loop.clock().wall_now();
}

void Roster::keep_only(const std::set<std::string_view>& names) {
  std::erase_if(nodes_,
                [&](const auto& entry) { return !entry.second.attached && !names.contains(entry.first); });
}

}  // namespace weir::workload
