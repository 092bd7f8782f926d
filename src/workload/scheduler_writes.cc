// What a look has decided, as changes of objects, and their way into the store.
#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <variant>

#include "mirror/records.h"
#include "mirror/writes.h"
#include "workload/endpoints.h"
#include "workload/scheduler.h"

namespace weir::workload {
namespace {

using config::InstanceSpec;
using config::Kind;
using config::Object;
using config::ObjectPointer;

constexpr const char* kActor = "weir";  // of the events
// Events of others that are written from the same revision, within a millisecond, have smaller indexes; and
// no more than these are written in that time.
constexpr std::size_t kFirstEvent = 200'000;
constexpr std::size_t kEvents = 100'000;

void set_label(config::Labels& labels, std::string_view key, std::string_view value) {
  if (value.empty()) {
    labels.erase(std::string(key));
  } else {
    labels.insert_or_assign(std::string(key), std::string(value));
  }
}

// As it is written from now on.
std::shared_ptr<Object> next_of(const ObjectPointer& before, const std::string& name, net::Env& env) {
  auto after = std::make_shared<Object>();
  after->metadata = before ? before->metadata : mirror::new_metadata(name, env);
  after->metadata.updated_at = env.loop.clock().wall_now();
  return after;
}

bool is_same_run(const Object& before, const InstanceSpec& after) {
  const auto& spec = std::get<InstanceSpec>(before.spec);
  return spec.node == after.node && spec.version == after.version;
}

}  // namespace

void Scheduler::add_placed(std::vector<Placed> placed, Look& look) {
  for (Placed& one : placed) {
    Unit unit{.changes = {}, .needed = {}, .reason = std::move(one.reason)};
    std::shared_ptr<Object> after;
    const bool goes_on = one.before && one.after && is_same_run(*one.before, *one.after);
    if (one.after) {
      after = next_of(one.before, one.name, env_);
      const auto workload = workloads_.find(one.after->workload);
      const Object& owner = *workload->second.object;
      after->metadata.organization = owner.metadata.organization;
      set_label(after->metadata.labels, config::kOwnerLabel, config::owner_of(owner));
      set_label(after->metadata.labels, kWorkloadLabel, one.after->workload);
      set_label(after->metadata.labels, kExtraLabel, one.is_extra ? "true" : "");
      after->spec = std::move(*one.after);
    }
    unit.changes.push_back({one.before, std::move(after)});
    if (!goes_on) {
      look.changing.insert(one.name);
      // Clients are sent elsewhere by the same change.
      for (const ObjectPointer& endpoint : endpoints_of_instance(one.name)) {
        unit.changes.push_back({endpoint, nullptr});
      }
    }
    look.units.push_back(std::move(unit));
  }
}

std::vector<ObjectPointer> Scheduler::endpoints_of_instance(std::string_view name) const {
  std::vector<ObjectPointer> all;
  // Their names begin with its own.
  for (auto one = endpoints_.lower_bound(name); one != endpoints_.end() && one->first.starts_with(name);
       ++one) {
    if (std::get<config::EndpointSpec>(one->second->spec).instance == name) all.push_back(one->second);
  }
  return all;
}

void Scheduler::add_endpoints(Look& look) {
  refusals_.clear();
  for (const auto& [name, workload] : workloads_) {
    for (const CityView& city : workload.cities) {
      for (const InstanceView& one : city.instances) {
        if (!look.changing.contains(one.name()) && one.health != Health::kUnknown) add_endpoints(one, look);
      }
    }
  }
  for (const auto& [name, endpoint] : endpoints_) {
    const std::string& instance = std::get<config::EndpointSpec>(endpoint->spec).instance;
    if (look.changing.contains(instance) || mirror_.objects().find(Kind::kInstance, instance)) continue;
    look.units.push_back({{{endpoint, nullptr}}, {}, "the instance " + instance + " is gone"});
  }
}

// Those that it is to have, in the place of those that it has.
void Scheduler::add_endpoints(const InstanceView& one, Look& look) {
  std::vector<ObjectPointer> there = endpoints_of_instance(one.name());
  std::vector<WantedEndpoint> wanted;
  if (one.health == Health::kReady) wanted = endpoints_of(*one.object, *board_.find(one.spec().node)->spec);
  for (WantedEndpoint& next : wanted) {
    const ObjectPointer before = mirror_.objects().find(Kind::kEndpoint, next.name);
    const ObjectPointer service = mirror_.objects().find(Kind::kService, next.spec.service);
    std::string refusal = refusal_of(*one.object, service.get(), next.spec.service);
    if (refusal.empty() && before && !endpoints_.contains(next.name)) {
      refusal = "somebody else's endpoint has the name " + next.name;
    }
    if (!refusal.empty()) {
      refusals_.insert_or_assign(one.name(), std::move(refusal));
      continue;
    }
    std::erase(there, before);
    // What people have written on it, such as its weight, stays.
    auto spec = before ? std::get<config::EndpointSpec>(before->spec) : config::EndpointSpec{};
    spec.service = next.spec.service;
    spec.address = next.spec.address;
    spec.zone = next.spec.zone;
    spec.instance = next.spec.instance;
    const bool is_whole = before && spec == std::get<config::EndpointSpec>(before->spec) &&
                          config::owner_of(*before) == config::owner_of(*one.object);
    if (is_whole) continue;
    auto after = next_of(before, next.name, env_);
    after->metadata.organization = one.object->metadata.organization;
    set_label(after->metadata.labels, config::kOwnerLabel, config::owner_of(*one.object));
    set_label(after->metadata.labels, kWorkloadLabel, one.spec().workload);
    after->spec = std::move(spec);
    look.units.push_back(
        {{{before, std::move(after)}}, {service, one.object}, "the instance " + one.name() + " is ready"});
  }
  const std::string why = one.health == Health::kReady ? "is no part of the service any more"
                          : one.reason.empty()         ? "is not ready"
                                                       : "is not ready: " + one.reason;
  for (const ObjectPointer& endpoint : there) {
    look.units.push_back({{{endpoint, nullptr}}, {}, "the instance " + one.name() + " " + why});
  }
}

// Progress first: what instances are given follows from it. False: not all, and another look tells.
net::Task<bool> Scheduler::commit(Look look) {
  const bool all = co_await commit(std::move(look.progress)) && co_await commit(std::move(look.units));
  is_careful_ = !all;
  co_return all;
}

net::Task<bool> Scheduler::commit(std::vector<Unit> units) {
  const std::size_t most = is_careful_ ? 1 : kChangesMax;
  bool all = true;
  for (std::size_t begin = 0; begin < units.size();) {
    std::size_t end = begin;
    std::size_t changes = 0;
    while (end < units.size() && (end == begin || changes + units[end].changes.size() <= most)) {
      changes += units[end++].changes.size();
    }
    if (!store_.leads()) co_return false;
    const auto done = co_await commit_some(std::span(units).subspan(begin, end - begin));
    if (!done) {
      all = false;
      if (done.error().code == Code::kCancelled || !is_careful_) break;
    }
    begin = end;
  }
  co_return all;
}

net::Task<Result<void>> Scheduler::commit_some(std::span<const Unit> units) {
  store::Transaction transaction;
  const WallTime now = env_.loop.clock().wall_now();
  std::set<std::string> checked;
  for (const Unit& unit : units) {
    for (const ObjectPointer& one : unit.needed) {
      std::string key = mirror::key_of(one->kind(), one->metadata.name);
      if (checked.insert(key).second) transaction.check(std::move(key), one->metadata.revision);
    }
    mirror::put_changes(transaction, unit.changes, {kActor, {}, unit.reason}, now, mirror_.revision(),
                        kFirstEvent + event_);
    event_ = (event_ + unit.changes.size()) % kEvents;
  }
  const auto committed = co_await store_.commit(std::move(transaction));
  if (committed) co_return Result<void>{};
  const Error& error = committed.error().error;
  const bool came_between =
      error.code == Code::kConflict || error.code == Code::kExists || error.code == Code::kNotFound;
  if (error.code != Code::kCancelled && !came_between) {
    env_.log.warning("instances can't be written", {{"reason", error.text}});
  }
  co_return fail(error);
}

}  // namespace weir::workload
