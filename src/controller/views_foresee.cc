// What a change would make of the views: looked up in them, and put to copies; nothing that is served is
// touched.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "config/specs.h"
#include "controller/views.h"
#include "translation/own.h"

namespace weir::controller {

using config::Kind;
using config::Object;
using config::ObjectPointer;

// All selectors that edges with these labels are selected by, before or after.
config::Labels Views::key_with(const Branch& branch, const config::Labels& labels, Changes changes) {
  config::Labels key = key_for(branch, labels);
  for (const config::ObjectChange& change : changes) {
    if (!change.after || change.kind() != Kind::kLoadBalancer) continue;
    const config::Labels& selector = std::get<config::LoadBalancerSpec>(change.after->spec).edges.match;
    if (config::selects(selector, labels)) key.insert(selector.begin(), selector.end());
  }
  return key;
}

std::vector<Views::Difference> Views::foresee_objects(const config::Whole& before, const config::Whole& after,
                                                      const config::Labels& key, Changes changes) {
  std::vector<Difference> found;
  std::set<ObjectName> looked_at;
  std::vector<ObjectName> waiting;
  const auto look_at = [&](Kind kind, const std::string& name) {
    if (config::is_carried(kind) && looked_at.emplace(kind, name).second) waiting.emplace_back(kind, name);
  };
  const auto look_around = [&](const ObjectName& name) {
    each_related(before, name, look_at);
    each_related(after, name, look_at);
  };
  const auto seen_in = [&key](const config::Whole& objects, const ObjectName& name) {
    auto object = objects.find(name.first, name.second);
    return object && includes(objects, key, *object) ? object : nullptr;
  };
  for (const config::ObjectChange& change : changes) {
    look_at(change.kind(), change.name());
    look_around({change.kind(), change.name()});
  }
  while (!waiting.empty()) {
    const ObjectName name = std::move(waiting.back());
    waiting.pop_back();
    ObjectPointer was = seen_in(before, name);
    ObjectPointer is = seen_in(after, name);
    if (static_cast<bool>(was) != static_cast<bool>(is)) {
      look_around(name);
    } else if (was == is) {
      continue;
    }
    found.push_back({.type = xds::Type::kObject,
                     .name = translation::key_of(name.first, name.second),
                     .object_before = std::move(was),
                     .object_after = std::move(is)});
  }
  std::ranges::sort(found, {}, &Difference::name);
  return found;
}

std::vector<Views::Difference> Views::foresee_envoy(const ForEnvoy& envoys, const config::Whole& after,
                                                    const config::Labels& key, Changes changes) const {
  if (!envoys.snapshot) return {};
  const auto snapshot = config::next_snapshot(*envoys.snapshot, revision_ + 1, after, changes, &key);
  if (!snapshot) return {};
  translation::Translator translator = envoys.translator;
  std::vector<Difference> found;
  for (xds::Change& change : translator.update(**snapshot, translation::names_of(changes))) {
    const auto before = envoys.translator.resources().find({change.type, change.name});
    found.push_back({.type = change.type,
                     .name = change.name,
                     .before = before == envoys.translator.resources().end() ? nullptr : before->second,
                     .after = std::move(change.resource)});
  }
  return found;
}

std::vector<Views::Foreseen> Views::foresee(std::span<const xds::Node> nodes, Changes all) {
  using Sort = std::tuple<Rollouts, config::Labels, const xds::Catalog*>;
  struct After {
    std::vector<config::ObjectChange> changes;
    config::Whole objects;
  };
  std::map<Rollouts, After> afters;
  std::map<Sort, Foreseen> groups;
  for (const xds::Node& node : nodes) {
    const Object* edge = edge_of(node.id);
    xds::Catalog* catalog = catalog_for(node);
    if (edge == nullptr || catalog == nullptr) continue;
    const config::Labels labels = labels_of(*edge);
    const Rollouts rollouts = rollouts_of(node.id, labels);
    const Branch& branch = branch_for(rollouts);
    const auto [place, is_new] = afters.try_emplace(rollouts);
    After& after = place->second;
    if (is_new) {
      after.objects = *branch.objects;
      for (const config::ObjectChange& change : all) {
        if (overlaid(rollouts, {change.kind(), change.name()})) continue;
        auto before = change.after ? after.objects.put(change.after)
                                   : after.objects.remove(change.kind(), change.name());
        if (config::is_carried(change.kind())) after.changes.push_back({std::move(before), change.after});
      }
    }
    const config::Labels key = key_with(branch, labels, after.changes);
    const auto [group, is_first] = groups.try_emplace(Sort{rollouts, key, catalog});
    group->second.edges.push_back(node.id);
    if (!is_first) continue;
    group->second.is_own = is_own_edge(node);
    group->second.differences = group->second.is_own
                                    ? foresee_objects(*branch.objects, after.objects, key, after.changes)
                                    : foresee_envoy(*envoy_of(*catalog), after.objects, key, after.changes);
  }
  std::vector<Foreseen> found;
  for (auto& [sort, group] : groups) {
    std::ranges::sort(group.edges);
    found.push_back(std::move(group));
  }
  std::ranges::sort(found, {}, &Foreseen::edges);
  return found;
}

}  // namespace weir::controller
