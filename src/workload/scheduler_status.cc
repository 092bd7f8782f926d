// What is seen of Workloads, Nodes and Instances.
#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "nodelink/telling.h"
#include "workload/scheduler.h"

namespace weir::workload {
namespace {

using config::InstanceSpec;
using config::Kind;
using config::Object;
using config::UpdatePhase;

constexpr std::size_t kClaimsShown = 3;

std::string milli_text(std::uint64_t milli) { return std::to_string(milli) + 'm'; }
std::string mebi_text(std::uint64_t bytes) { return std::to_string(bytes >> 20U) + "Mi"; }
std::string of_text(std::size_t some, std::size_t all) {
  return std::to_string(some) + '/' + std::to_string(all);
}

// What is to be said of its update.
std::string update_text(const config::WorkloadSpec& spec) {
  if (!spec.progress) return "nothing has run yet";
  const config::WorkloadProgress& progress = *spec.progress;
  switch (progress.phase) {
    case UpdatePhase::kReverted:
      return "the version " + progress.version + " failed, and all went back to " + progress.good_version +
             ": " + progress.reason;
    case UpdatePhase::kFailed: return "the version " + progress.version + " fails: " + progress.reason;
    case UpdatePhase::kRunning:
      if (!progress.good) return "the first version comes up";
      if (spec.update.paused) return "the update is paused";
      return "the version " + progress.version + " is on its way, now in " + progress.city;
    case UpdatePhase::kDone: break;
  }
  return {};
}

struct Count {
  std::size_t ready = 0;
  std::size_t updated = 0;
  std::size_t want = 0;
};

}  // namespace

std::string Scheduler::status_of(const Object& object) const {
  switch (object.kind()) {
    case Kind::kWorkload: return config::status_text(status_of_workload(object));
    case Kind::kNode: return config::status_text(status_of_node(object));
    case Kind::kInstance: return config::status_text(status_of_instance(object));
    default: return {};
  }
}

config::WorkloadStatus Scheduler::status_of_workload(const Object& object) const {
  config::WorkloadStatus status;
  const auto found = workloads_.find(object.metadata.name);
  const auto& spec = std::get<config::WorkloadSpec>(object.spec);
  if (found == workloads_.end()) return status;
  const auto reasons = reasons_.find(object.metadata.name);
  Count all;
  for (const CityView& city : found->second.cities) {
    Count here{.want = city.want};
    std::string not_ready;
    for (InstanceView one : city.instances) {
      judge(one, city);
      here.ready += one.health == Health::kReady ? 1 : 0;
      here.updated += one.spec().version == found->second.version ? 1 : 0;
      if (!not_ready.empty()) continue;
      if (const auto refusal = refusals_.find(one.name()); refusal != refusals_.end()) {
        not_ready = one.name() + ": " + refusal->second;
      } else if (one.health != Health::kReady) {
        if (!one.is_begun) one.reason = why_not_begun(*one.object);
        not_ready = one.name() + (one.reason.empty() ? " is not ready" : ": " + one.reason);
      }
    }
    std::string reason;
    if (reasons != reasons_.end()) {
      if (const auto why = reasons->second.find(city.key()); why != reasons->second.end())
        reason = why->second;
    }
    here.ready = std::min(here.ready, here.want);  // one that is there for an update is not wanted for long
    status.cities.push_back({.target = city.target->name,
                             .city = city.city,
                             .ready = of_text(here.ready, here.want),
                             .updated = of_text(here.updated, city.instances.size()),
                             .reason = reason.empty() ? not_ready : reason});
    const auto unmeasured = unmeasured_.find(object.metadata.name + '/' + city.key());
    if (status.cities.back().reason.empty() && unmeasured != unmeasured_.end()) {
      status.cities.back().reason = "it is not scaled: " + unmeasured->second;
    }
    all.ready += here.ready;
    all.want += here.want;
    all.updated += here.updated;
  }
  std::size_t instances = 0;
  for (const CityView& city : found->second.cities) instances += city.instances.size();
  status.ready = of_text(all.ready, all.want);
  status.updated = of_text(all.updated, instances);
  status.reason = found->second.cities.empty() ? "there is no node of any of its targets" : update_text(spec);
  return status;
}

config::NodeStatus Scheduler::status_of_node(const Object& object) const {
  config::NodeStatus status;
  const std::string& name = object.metadata.name;
  const Roster::Node* heard = roster_.find(name);
  const Board::Node* node = board_.find(name);
  const Roster::Presence presence = roster_.presence(name);
  if (heard != nullptr) {  // a stream of one that is lost may stay open for long
    status.attached = heard->attached && presence != Roster::Presence::kLost;
    status.since = heard->attached && !status.attached ? heard->heard_wall : heard->since;
  }
  if (node != nullptr && heard != nullptr) {
    status.cpu = milli_text(node->cpu_milli) + '/' + milli_text(node->capacity.cpu_milli);
    status.memory = mebi_text(node->memory_bytes) + '/' + mebi_text(node->capacity.memory_bytes);
    status.instances = of_text(node->instances, node->capacity.instances_max);
  }
  const auto& spec = std::get<config::NodeSpec>(object.spec);
  if (presence != Roster::Presence::kHere) {
    status.reason = presence == Roster::Presence::kLost
                        ? "nothing was heard of it for 8 s or more: it is lost"
                        : "it has not reported yet";
  } else if (spec.city.empty()) {
    status.reason = "it has no city, which the names of instances need";
  } else if (spec.address.empty()) {
    status.reason = "it has no address by which edges could reach its instances";
  } else {
    status.reason = false_claims(name);
  }
  return status;
}

// What it says it runs and was not given. What it stops, or has just been told to, is no lie.
std::string Scheduler::false_claims(std::string_view name) const {
  std::string names;
  std::size_t claims = 0;
  for (const auto& [instance, said] : roster_.find(name)->instances) {
    const auto object = mirror_.objects().find(Kind::kInstance, instance);
    const bool is_own = object && std::get<InstanceSpec>(object->spec).node == name;
    const bool is_new = env_.loop.now() - said.since < kLostAfter;
    if (is_own || is_new || said.seen.state == nodelink::State::kStopping) continue;
    if (++claims <= kClaimsShown) names += (claims == 1 ? "" : ", ") + instance;
  }
  if (claims == 0) return {};
  if (claims > kClaimsShown) names += " and " + std::to_string(claims - kClaimsShown) + " more";
  return "it says that it runs " + names + ", which it was not given: that is ignored";
}

// With what its node was not told, if there is such a thing.
std::string Scheduler::why_not_begun(const Object& instance) const {
  std::string why = nodelink::why_not_told(mirror_.objects(), instance);
  if (!why.empty()) return why;
  return "its node " + std::get<InstanceSpec>(instance.spec).node + " has not begun with it";
}

config::InstanceStatus Scheduler::status_of_instance(const Object& object) const {
  config::InstanceStatus status;
  const auto& spec = std::get<InstanceSpec>(object.spec);
  const std::string& name = object.metadata.name;
  const Roster::Said* said = roster_.said(spec.node, name);
  const auto node = mirror_.objects().find(Kind::kNode, spec.node);
  const bool counts = node && !std::get<config::NodeSpec>(node->spec).revoked;
  if (!counts || roster_.presence(spec.node) == Roster::Presence::kLost) {
    status.state = "lost";
    status.reason =
        "its node " + spec.node + (counts ? " is lost: nothing was heard of it" : " is gone or revoked");
    return status;
  }
  if (said == nullptr || said->seen.version != spec.version) {
    status.state = name_of(nodelink::State::kPending);
    status.reason = why_not_begun(object);
    return status;
  }
  status.state = name_of(said->seen.state);
  status.reason = said->seen.reason;
  if (const auto refusal = refusals_.find(name); status.reason.empty() && refusal != refusals_.end()) {
    status.reason = refusal->second;
  }
  status.address = said->seen.address;
  status.restarts = said->seen.restarts;
  status.since = said->since_wall;
  status.cpu = milli_text(said->seen.cpu_milli);
  status.memory = mebi_text(said->seen.memory_bytes);
  return status;
}

}  // namespace weir::workload
