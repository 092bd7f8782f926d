#include "workload/scheduler.h"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "config/kinds.h"
#include "mirror/records.h"
#include "mirror/waking.h"
#include "mirror/writes.h"
#include "workload/endpoints.h"
#include "workload/updates.h"

namespace weir::workload {
namespace {

using config::InstanceSpec;
using config::Kind;
using config::NodeSpec;
using config::Object;
using config::ObjectPointer;
using config::WorkloadSpec;

constexpr std::uint64_t kRestartsMax = 3;                  // from then on it is not a start that went wrong
constexpr Duration kFailedMax = std::chrono::seconds(10);  // nor is it then, when it can't be started at all

const InstanceSpec& instance_of(const Object& object) { return std::get<InstanceSpec>(object.spec); }
const NodeSpec& node_of(const Object& object) { return std::get<NodeSpec>(object.spec); }
const config::EndpointSpec& endpoint_of(const Object& object) {
  return std::get<config::EndpointSpec>(object.spec);
}

bool is_ours(const Object& endpoint) {
  return endpoint.metadata.labels.contains(std::string(kWorkloadLabel)) &&
         !endpoint_of(endpoint).instance.empty();
}

// The cities of a target: as it lists them, else by name.
std::vector<std::string> cities_of(const config::WorkloadTarget& target, const Board& board) {
  std::set<std::string> there;
  for (const auto& [name, node] : board.nodes()) {
    if (is_of_target(*node.spec, target)) there.insert(node.spec->city);
  }
  std::vector<std::string> cities;
  for (const std::string& city : target.cities) {
    if (there.erase(city) > 0) cities.push_back(city);
  }
  cities.insert(cities.end(), there.begin(), there.end());
  return cities;
}

}  // namespace

Scheduler::Scheduler(net::Env& env, store::Store& store, mirror::Mirror& mirror, Roster& roster,
                     LoadOf load_of)
    : env_(env),
      store_(store),
      mirror_(mirror),
      roster_(roster),
      load_of_(std::move(load_of)),
      follower_(mirror, [this](const std::vector<config::ObjectChange>& changes) { moved(changes); }),
      tasks_(env.loop) {
  roster_.on_change([this] {
    is_dirty_ = true;
    wake_.set();
  });
}

void Scheduler::start() {
  tasks_.spawn(mirror::wake_by_store(env_.loop, store_, mirror_, wake_, kTick, kPause));
  tasks_.spawn(run());
}

net::Task<void> Scheduler::stop() {
  roster_.on_change({});
  co_await tasks_.stop();
}

// Whatever else moves in a large store is none of its business.
void Scheduler::moved(const std::vector<config::ObjectChange>& changes) {
  for (const config::ObjectChange& change : changes) {
    switch (change.kind()) {
      case Kind::kEndpoint:
        if (endpoints_.erase(change.name()) > 0) is_dirty_ = true;
        if (change.after && is_ours(*change.after)) {
          endpoints_.emplace(change.name(), change.after);
          is_dirty_ = true;
        }
        break;
      case Kind::kWorkload:
      case Kind::kNode:
      case Kind::kInstance:
      case Kind::kService: is_dirty_ = true; break;
      default: break;
    }
  }
  if (is_dirty_) wake_.set();
}

net::Task<void> Scheduler::run() {
  Instant next;
  for (;;) {
    wake_.reset();
    const auto read = co_await mirror_.catch_up();
    if (!read && read.error().code == Code::kCancelled) co_return;
    const Instant now = env_.loop.now();
    if (!store_.leads()) {
      led_since_.reset();
      scalers_.clear();
    }
    if (store_.leads() && !led_since_) {
      led_since_ = now;
      roster_.settle_anew();
    }
    if (read && (std::exchange(is_dirty_, false) || now >= next)) {
      next = now + kTick;
      Look found = look();
      if (led_since_ && !co_await commit(std::move(found))) {
        if ((co_await net::current_context()).cancelled()) co_return;
        is_dirty_ = true;
      }
    }
    if (!co_await env_.loop.sleep(kPause) || !co_await wake_.wait(env_.loop)) co_return;
  }
}

Scheduler::Look Scheduler::look() {
  add_nodes();
  view_workloads();
  tell_losses();
  Look found;
  Placement placement(
      board_,
      [this](const std::string& name) { return mirror_.objects().find(Kind::kInstance, name) != nullptr; },
      env_.loop.clock().wall_now());
  const bool scales = led_since_ && env_.loop.now() >= scale_at_;
  if (scales) begin_scaling();
  for (auto& [name, workload] : workloads_) plan(workload, scales, placement, found);
  drop_orphans(placement);
  for (const auto& [name, node] : board_.nodes()) {
    if (node.port_next != 0) ports_.insert_or_assign(name, node.port_next);
  }
  add_placed(placement.take(), found);
  add_endpoints(found);
  return found;
}

void Scheduler::add_nodes() {
  board_ = {};
  std::set<std::string_view> names;
  for (const ObjectPointer& object : mirror_.objects().of(Kind::kNode)) {
    const NodeSpec& spec = node_of(*object);
    const std::string& name = object->metadata.name;
    names.insert(name);
    Board::Node node{.name = name, .spec = &spec};
    const Roster::Node* heard = roster_.find(name);
    if (heard != nullptr) node.capacity = heard->hello.capacity;
    node.capacity.instances_max =
        std::min(node.capacity.instances_max, static_cast<std::uint32_t>(kSaidOfNodeMax));
    const Roster::Presence presence = roster_.presence(name);
    node.closed = spec.revoked                             ? "is revoked"
                  : presence == Roster::Presence::kLost    ? "is lost"
                  : presence == Roster::Presence::kUnknown ? "has not reported yet"
                  : spec.drained                           ? "is drained"
                  : spec.cordoned                          ? "is cordoned"
                  : spec.address.empty()                   ? "has no address"
                                                           : "";
    if (const auto next = ports_.find(name); next != ports_.end()) node.port_next = next->second;
    board_.add(std::move(node));
  }
  roster_.keep_only(names);
}

void Scheduler::view_workloads() {
  std::map<std::string_view, std::vector<ObjectPointer>> instances;
  for (const ObjectPointer& one : mirror_.objects().of(Kind::kInstance)) {
    instances[instance_of(*one).workload].push_back(one);
    board_.take(instance_of(*one), need_of(instance_of(*one)));
  }
  workloads_.clear();
  orphans_.clear();
  for (const ObjectPointer& one : mirror_.objects().of(Kind::kWorkload)) {
    WorkloadView workload = view(one);
    if (const auto own = instances.find(one->metadata.name); own != instances.end()) {
      for (ObjectPointer& instance : own->second) {
        const InstanceSpec& spec = instance_of(*instance);
        const auto city = std::ranges::find_if(workload.cities, [&](const CityView& view) {
          return view.target->name == spec.target && view.city == spec.city;
        });
        if (city == workload.cities.end()) {
          orphans_.push_back(std::move(instance));
        } else {
          city->instances.push_back({.object = std::move(instance)});
        }
      }
      instances.erase(own);
    }
    for (CityView& city : workload.cities) {
      std::ranges::sort(city.instances, {}, [](const InstanceView& view) { return view.spec().number; });
      for (InstanceView& view : city.instances) judge(view, city);
      count_replicas(city);
    }
    workloads_.emplace(one->metadata.name, std::move(workload));
  }
  for (auto& [workload, left] : instances) {
    for (ObjectPointer& one : left) orphans_.push_back(std::move(one));
  }
  std::erase_if(versions_, [this](const auto& entry) { return !workloads_.contains(entry.first); });
  std::erase_if(reasons_, [this](const auto& entry) { return !workloads_.contains(entry.first); });
}

WorkloadView Scheduler::view(const ObjectPointer& object) {
  const auto& spec = std::get<WorkloadSpec>(object->spec);
  Version& version = versions_[object->metadata.name];
  if (version.revision != object->metadata.revision) {
    version = {object->metadata.revision, version_of(*object)};
  }
  WorkloadView workload{.object = object, .version = version.text, .cities = {}};
  for (const config::WorkloadTarget& target : spec.targets) {
    for (std::string& city : cities_of(target, board_)) {
      workload.cities.push_back(
          {.target = &target, .city = std::move(city), .want = target.min_replicas, .instances = {}});
    }
  }
  return workload;
}

// What is known of it at this moment.
void Scheduler::judge(InstanceView& view, const CityView& city) const {
  const InstanceSpec& spec = view.spec();
  const Board::Node* node = board_.find(spec.node);
  const auto lost = [&](std::string why) {
    view.health = Health::kLost;
    view.reason = "its node " + spec.node + " " + why;
  };
  if (node == nullptr) return lost("is gone");
  if (node->spec->revoked) return lost("is revoked");
  const Roster::Presence presence = roster_.presence(spec.node);
  if (presence == Roster::Presence::kLost) return lost("is lost: nothing was heard of it");
  if (node->spec->drained) view.must_go = "its node " + spec.node + " is drained";
  if (node->spec->city != spec.city || !is_of_target(*node->spec, *city.target)) {
    view.must_go = "its node " + spec.node + " is none of the target's any more";
  }
  if (presence == Roster::Presence::kUnknown) {
    view.health = Health::kUnknown;
    view.reason = "its node " + spec.node + " has not reported yet";
    return;
  }
  const Roster::Said* said = roster_.said(spec.node, view.name());
  if (said == nullptr || said->seen.version != spec.version) {
    const bool is_told = roster_.find(spec.node)->complete;
    view.health = is_told ? Health::kNotReady : Health::kUnknown;
    view.is_begun = false;
    view.reason = "its node " + spec.node + " has not begun with it";
    return;
  }
  view.ready_longest = said->ready_longest;
  view.health_for = env_.loop.now() - said->ready_changed;
  view.reason = said->seen.reason;
  const bool never_starts =
      said->seen.state == nodelink::State::kFailed && env_.loop.now() - said->since >= kFailedMax;
  const bool fails =
      said->seen.state == nodelink::State::kBackingOff || said->seen.state == nodelink::State::kFailed;
  const bool is_warm =
      view.health_for >= kWarmUp && env_.loop.now() - roster_.find(spec.node)->heard < kMeasuredMax;
  if (is_warm) view.cpu_milli = said->seen.cpu_milli;
  const bool is_failing = never_starts || (fails && said->seen.restarts >= kRestartsMax);
  view.health = said->seen.state == nodelink::State::kReady ? Health::kReady
                : is_failing                                ? Health::kFailing
                                                            : Health::kNotReady;
}

void Scheduler::plan(WorkloadView& workload, bool scales, Placement& placement, Look& look) {
  const std::string& name = workload.object->metadata.name;
  const Instant now = env_.loop.now();
  const UpdateStep step =
      next_step(workload, led_since_ ? now - *led_since_ : Duration{}, env_.loop.clock().wall_now());
  auto& reasons = reasons_[name];
  reasons.clear();
  if (workload.cities.empty()) return;
  if (!step.reason.empty()) {
    auto after = std::make_shared<Object>(*workload.object);
    std::get<WorkloadSpec>(after->spec).progress = step.progress;
    look.progress.push_back({{{workload.object, std::move(after)}}, {}, step.reason});
  }
  for (std::size_t i = 0; i < workload.cities.size(); ++i) {
    CityView& city = workload.cities[i];
    const std::string scaled = scales ? scale(workload, city) : std::string();
    std::string why = placement.place(workload, city, update_of(workload, step.progress, i), scaled);
    if (!why.empty()) reasons.emplace(city.key(), std::move(why));
  }
}

void Scheduler::drop_orphans(Placement& placement) {
  for (const ObjectPointer& one : orphans_) {
    const InstanceSpec& spec = instance_of(*one);
    const bool has_workload = workloads_.contains(spec.workload);
    placement.remove(one, has_workload ? "no node of the target " + spec.target + " is in " + spec.city
                                       : "the workload " + spec.workload + " is gone");
  }
}

// That much of a fleet does not die at once: something else is wrong, and people want to know. Who has never
// come and has nothing is no loss.
void Scheduler::tell_losses() {
  std::size_t all = 0;
  std::size_t lost = 0;
  for (const auto& [name, node] : board_.nodes()) {
    if (node.spec->revoked || (roster_.find(name) == nullptr && node.instances == 0)) continue;
    ++all;
    if (roster_.presence(name) == Roster::Presence::kLost) ++lost;
  }
  const bool many = all > 1 && lost * 2 > all;
  if (many && !std::exchange(has_told_losses_, many)) {
    env_.log.error("more than half of all nodes are lost: their instances go where there is room",
                   {{"lost", std::to_string(lost)}, {"nodes", std::to_string(all)}});
  }
  has_told_losses_ = many;
}

}  // namespace weir::workload
