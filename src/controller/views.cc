#include "controller/views.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <variant>

#include "base/text.h"
#include "config/specs.h"
#include "net/network.h"
#include "translation/own.h"

namespace weir::controller {
namespace {

using config::Kind;
using config::Object;

constexpr std::string_view kOwnAgent = "weir";  // how weir's edges begin their user agent

// Where an Envoy listens for shared listeners: its bootstrap says it in the node's metadata.
translation::EnvoyNode envoy_node_of(const xds::Node& node, const Object& edge) {
  translation::EnvoyNode found;
  const auto port = [&](const char* key, std::uint16_t& into) {
    const auto entry = node.metadata.find(key);
    const auto number = entry == node.metadata.end() ? std::nullopt : parse_decimal(entry->second);
    if (number && *number > 0 && *number <= 65535) into = static_cast<std::uint16_t>(*number);
  };
  port("http", found.http);
  port("https", found.https);
  if (const auto address = node.metadata.find("address"); address != node.metadata.end()) {
    if (net::Address::parse_ip(address->second, 0)) found.address = address->second;
  }
  found.zone = std::get<config::EdgeSpec>(edge.spec).region;
  return found;
}

xds::ResourcePtr health_of(const std::string& service, const translation::UnhealthyKeys& unhealthy) {
  return translation::health_resource(service, {unhealthy.begin(), unhealthy.end()});
}

// Of its listeners that end TLS and name no Certificate.
std::set<std::string> unnamed_hosts(const Object& balancer) {
  std::set<std::string> hosts;
  for (const config::Listener& listener : std::get<config::LoadBalancerSpec>(balancer.spec).listeners) {
    const bool tls = listener.protocol == config::ListenerProtocol::kTls && !config::is_passthrough(listener);
    if (listener.protocol != config::ListenerProtocol::kHttps && !tls) continue;
    if (listener.tls && !listener.tls->certificates.empty()) continue;
    for (const std::string& host : listener.hostnames) hosts.insert(to_lower(host));
  }
  return hosts;
}

}  // namespace

bool is_own_edge(const xds::Node& node) { return node.user_agent.starts_with(kOwnAgent); }

// --- the branches: what is written, and that with rollouts

bool Views::count_selectors(Branch& branch, const config::ObjectChange& change) {
  bool another = false;
  if (change.before) {
    const auto found =
        branch.selectors.find(std::get<config::LoadBalancerSpec>(change.before->spec).edges.match);
    if (found != branch.selectors.end() && --found->second == 0) {
      branch.selectors.erase(found);
      another = true;
    }
  }
  if (change.after) {
    another |= ++branch.selectors[std::get<config::LoadBalancerSpec>(change.after->spec).edges.match] == 1;
  }
  return another;
}

bool Views::overlaid(const Rollouts& rollouts, const ObjectName& name) const {
  return std::ranges::any_of(rollouts, [&](std::uint64_t rollout) {
    const auto overlay = overlays_.find(rollout);
    return overlay != overlays_.end() && std::ranges::any_of(overlay->second, [&](const auto& change) {
             return change.kind() == name.first && change.name() == name.second;
           });
  });
}

// Takes over what has changed below a branch; gives what that changed in it.
std::vector<config::ObjectChange> Views::rebase(const Rollouts& rollouts, Branch& branch,
                                                Changes changes) const {
  std::vector<config::ObjectChange> taken;
  for (const config::ObjectChange& change : changes) {
    if (overlaid(rollouts, {change.kind(), change.name()})) continue;
    auto before =
        change.after ? branch.own->put(change.after) : branch.own->remove(change.kind(), change.name());
    taken.push_back({std::move(before), change.after});
  }
  return taken;
}

// True: edges may have to be sorted anew.
bool Views::apply_to(Branch& branch, Changes changes) {
  bool regroup = false;
  std::vector<config::ObjectChange> carried;
  for (const config::ObjectChange& change : changes) {
    if (change.kind() == Kind::kLoadBalancer) regroup |= count_selectors(branch, change);
    if (change.kind() == Kind::kEdge) regroup = true;
    if (config::concerns_snapshots(change)) carried.push_back(change);
  }
  if (carried.empty()) return regroup;
  for (const auto& [key, view] : branch.views) {
    update(branch, key, *view, carried);
    for (const auto& [node, envoys] : view->for_envoy) update_envoys(branch, key, *envoys, carried);
  }
  return regroup;
}

bool Views::apply(Changes changes, std::uint64_t revision) {
  revision_ = revision;
  bool regroup = false;
  for (auto& [rollouts, branch] : branches_) {
    regroup |= branch.own ? apply_to(branch, rebase(rollouts, branch, changes)) : apply_to(branch, changes);
  }
  made_.clear();
  for (const config::ObjectChange& change : changes) {
    if (change.kind() == Kind::kService && !change.after) unhealthy_.erase(change.name());
  }
  return regroup;
}

void Views::set_overlay(const std::string& rollout, std::vector<config::ObjectChange> changes) {
  drop_overlay(rollout);
  overlay_of_[rollout] = ++overlays_made_;
  overlays_[overlays_made_] = std::move(changes);
}

// Its branches stay for as long as someone is in them (see tidy).
void Views::drop_overlay(const std::string& rollout) {
  const auto found = overlay_of_.find(rollout);
  if (found == overlay_of_.end()) return;
  const std::uint64_t overlay = found->second;
  overlays_.erase(overlay);
  overlay_of_.erase(found);
  std::erase_if(branches_, [overlay](const auto& one) {
    return one.second.views.empty() && std::ranges::binary_search(one.first, overlay);
  });
}

Views::Rollouts Views::rollouts_of(const std::string& edge, const config::Labels& labels) const {
  Rollouts rollouts;
  if (!reached_ || overlays_.empty()) return rollouts;
  for (const std::string& rollout : reached_(edge, labels)) {
    if (const auto found = overlay_of_.find(rollout); found != overlay_of_.end()) {
      rollouts.push_back(found->second);
    }
  }
  std::ranges::sort(rollouts);
  return rollouts;
}

Views::Branch& Views::branch_for(const Rollouts& rollouts) {
  const auto [found, is_new] = branches_.try_emplace(rollouts);
  Branch& branch = found->second;
  if (!is_new) return branch;
  branch.own = std::make_unique<config::Whole>(*base().objects);
  branch.objects = branch.own.get();
  for (const std::uint64_t rollout : rollouts) {
    for (const config::ObjectChange& change : overlays_[rollout]) {
      if (change.after) {
        branch.own->put(change.after);
      } else {
        branch.own->remove(change.kind(), change.name());
      }
    }
  }
  for (const config::ObjectPointer& balancer : branch.own->of(Kind::kLoadBalancer)) {
    count_selectors(branch, {nullptr, balancer});
  }
  return branch;
}

const config::Whole& Views::objects_for(const std::string& edge, const config::Labels& labels) {
  return *branch_for(rollouts_of(edge, labels)).objects;
}

// --- the views of a branch

// Whether a view has it: a load balancer that selects the edges, and all that one leads to; a user who may
// come, by whichever edge; of name servers, zones and all that may be in them.
bool Views::includes(const config::Whole& objects, const config::Labels& key, const Object& object) {
  const bool traffic = !key.contains(kNoTrafficKey);
  const bool dns = key.contains(kAnswersDnsKey);
  if (const auto* balancer = std::get_if<config::LoadBalancerSpec>(&object.spec)) {
    return traffic && config::selects(balancer->edges.match, key);
  }
  if (const auto* token = std::get_if<config::TokenSpec>(&object.spec)) {
    return traffic && token->role == config::Role::kTunnel;
  }
  if (object.kind() == Kind::kUser) return traffic;
  if (object.kind() == Kind::kZone || object.kind() == Kind::kRecordSet) return dns;
  if (object.kind() == Kind::kDnsWeights) return dns;
  if (object.kind() == Kind::kService && dns) return true;  // it may be browsed
  if (const std::string* joined = config::service_joined_by(object)) {
    const auto service = objects.find(Kind::kService, *joined);
    return service && includes(objects, key, *service);
  }
  return std::ranges::any_of(
      objects.referrers(object.kind(), object.metadata.name), [&](const Object* referrer) {
        return config::service_joined_by(*referrer) == nullptr && includes(objects, key, *referrer);
      });
}

// Of those, what no other object leads to: from there update() comes to all that a view has.
std::vector<config::ObjectChange> Views::roots_of(const config::Whole& objects, const config::Labels& key) {
  std::vector<config::ObjectChange> roots;
  std::vector<Kind> kinds{Kind::kLoadBalancer, Kind::kUser, Kind::kToken};
  if (key.contains(kAnswersDnsKey))
    kinds.insert(kinds.end(), {Kind::kZone, Kind::kRecordSet, Kind::kDnsWeights, Kind::kService});
  for (const Kind kind : kinds) {
    for (const config::ObjectPointer& object : objects.of(kind)) {
      if (includes(objects, key, *object)) roots.push_back({nullptr, object});
    }
  }
  return roots;
}

void Views::update(const Branch& branch, const config::Labels& key, View& view, Changes changes) {
  std::set<ObjectName> looked_at;
  std::vector<ObjectName> waiting;
  const auto look_at = [&](Kind kind, const std::string& name) {
    if (looked_at.emplace(kind, name).second) waiting.emplace_back(kind, name);
  };
  const auto look_at_references = [&](const Object& object) {
    for (const auto& [kind, name] : config::references_of(object)) look_at(kind, name);
  };
  for (const config::ObjectChange& change : changes) {
    look_at(change.kind(), change.name());
    if (change.before) look_at_references(*change.before);
    if (change.after) look_at_references(*change.after);
  }
  std::vector<xds::Change> found;
  while (!waiting.empty()) {
    const ObjectName name = std::move(waiting.back());
    waiting.pop_back();
    if (!update_object(branch, key, view, name, found)) continue;
    // It has come or gone: so may what depends on it.
    each_related(*branch.objects, name, look_at);
  }
  update_hosts(branch, key, view, changes, found);
  if (!found.empty()) apply_to(view, std::move(found));
}

// With the revision behind them. That is another resource whenever what is in front of it is, also when a
// node is moved from one view to another of the same revision: it is by the revision that an edge knows that
// it has all.
void Views::apply_to(View& view, std::vector<xds::Change> changes) {
  for (const xds::Change& change : changes) {
    if (change.type != xds::Type::kObject) continue;
    view.digest ^= view.catalog.fingerprint(change.type, names_.slot(change.type, change.name));
    if (change.resource) view.digest ^= xds::fingerprint_of(*change.resource);
  }
  changes.push_back({xds::Type::kObject, std::string(xds::kRevisionName),
                     translation::revision_resource(revision_, view.digest)});
  view.catalog.apply(changes);
}

void Views::update_hosts(const Branch& branch, const config::Labels& key, View& view, Changes changes,
                         std::vector<xds::Change>& found) {
  if (!issue_) return;
  std::set<std::string> touched;
  for (const config::ObjectChange& change : changes) {
    if (change.kind() != Kind::kLoadBalancer) continue;
    for (const std::string& host : change.before ? unnamed_hosts(*change.before) : std::set<std::string>()) {
      if (!includes(*branch.objects, key, *change.before)) break;
      if (--view.hosts[host] == 0) view.hosts.erase(host);
      touched.insert(host);
    }
    for (const std::string& host : change.after ? unnamed_hosts(*change.after) : std::set<std::string>()) {
      if (!includes(*branch.objects, key, *change.after)) break;
      ++view.hosts[host];
      touched.insert(host);
    }
  }
  for (const std::string& host : touched) {
    found.push_back({xds::Type::kObject, std::string(translation::kIssuedPrefix) + host,
                     view.hosts.contains(host) ? issue_(host) : nullptr});
  }
}

void Views::set_issued(xds::ResourcePtr all, Issue issue) {
  issued_to_all_ = std::move(all);
  issue_ = std::move(issue);
  for (auto& [rollouts, branch] : branches_) {
    for (const auto& [key, view] : branch.views) {
      std::vector<xds::Change> found{{xds::Type::kObject, issued_to_all_->name, issued_to_all_}};
      for (const auto& [host, count] : view->hosts) {
        if (auto resource = issue_(host)) found.push_back({xds::Type::kObject, resource->name, resource});
      }
      apply_to(*view, std::move(found));
    }
  }
}

// True: it was not in the view and is now, or the other way round.
bool Views::update_object(const Branch& branch, const config::Labels& key, View& view, const ObjectName& name,
                          std::vector<xds::Change>& changes) {
  const std::string resource_name = translation::key_of(name.first, name.second);
  const auto object = branch.objects->find(name.first, name.second);
  const bool is = object && includes(*branch.objects, key, *object);
  const auto& before =
      view.catalog.resource(xds::Type::kObject, names_.slot(xds::Type::kObject, resource_name));
  if (!is && !before) return false;
  const bool moved = is != static_cast<bool>(before);
  const auto told = is ? config::as_told(*object, *branch.objects) : nullptr;
  xds::ResourcePtr resource = is ? resource_of(resource_name, told ? *told : *object, view) : nullptr;
  if (!moved && before->version == resource->version) return false;
  changes.push_back({xds::Type::kObject, resource_name, std::move(resource)});
  if (moved && name.first == Kind::kService) {
    const auto verdict = unhealthy_.find(name.second);
    if (verdict != unhealthy_.end() || !is) {
      changes.push_back(
          {xds::Type::kHealth, name.second, is ? health_of(name.second, verdict->second) : nullptr});
    }
  }
  return moved;
}

// The same one for all views.
xds::ResourcePtr Views::resource_of(const std::string& name, const Object& object, const View& asking) {
  xds::ResourcePtr resource = translation::object_resource(object);
  if (const auto made = made_.find(name); made != made_.end() && made->second->version == resource->version) {
    return made->second;
  }
  const xds::Slot slot = names_.slot(xds::Type::kObject, name);
  for (const auto& [rollouts, branch] : branches_) {
    for (const auto& [key, view] : branch.views) {
      if (view.get() == &asking) continue;
      const xds::ResourcePtr& there = view->catalog.resource(xds::Type::kObject, slot);
      if (there && there->version == resource->version) return there;
    }
  }
  return made_[name] = std::move(resource);
}

const Object* Views::edge_of(std::string_view name) const {
  const auto edge = base().objects->find(Kind::kEdge, name);
  return edge && !std::get<config::EdgeSpec>(edge->spec).revoked ? edge.get() : nullptr;
}

config::Labels Views::labels_of(const Object& edge) const {
  config::Labels labels =
      config::selectable_labels(edge.metadata.labels, std::get<config::EdgeSpec>(edge.spec));
  const auto said = said_.find(edge.metadata.name);
  if (said != said_.end()) labels.insert(said->second.begin(), said->second.end());
  return labels;
}

// All labels that select load balancers, of these, and what the edge is for.
config::Labels Views::key_for(const Branch& branch, const config::Labels& labels) {
  config::Labels key;
  for (const auto& [selector, count] : branch.selectors) {
    if (config::selects(selector, labels)) key.insert(selector.begin(), selector.end());
  }
  for (const char* said : {kNoTrafficKey, kAnswersDnsKey}) {
    if (labels.contains(said)) key[said];
  }
  return key;
}

Views::View& Views::view_for(Branch& branch, const config::Labels& key) {
  const auto [found, is_new] = branch.views.try_emplace(key);
  if (is_new) {
    found->second = std::make_unique<View>(names_);
    update(branch, key, *found->second, roots_of(*branch.objects, key));
    made_.clear();
    // An edge with nothing to do is told so.
    std::vector<xds::Change> all;
    if (issued_to_all_) all.push_back({xds::Type::kObject, issued_to_all_->name, issued_to_all_});
    apply_to(*found->second, std::move(all));
  }
  return *found->second;
}

xds::Catalog* Views::catalog_for(const xds::Node& node) {
  const Object* edge = edge_of(node.id);
  if (edge == nullptr) return nullptr;
  config::Labels said;
  for (const char* key : {kNoTrafficKey, kAnswersDnsKey}) {
    if (is_own_edge(node) && node.metadata.contains(key)) said[key];
  }
  said_.insert_or_assign(node.id, std::move(said));
  const config::Labels labels = labels_of(*edge);
  Branch& branch = branch_for(rollouts_of(node.id, labels));
  const config::Labels key = key_for(branch, labels);
  View& view = view_for(branch, key);
  if (is_own_edge(node)) return &view.catalog;
  return &envoys(branch, key, view, envoy_node_of(node, *edge));
}

bool Views::carries(std::string_view edge, const Object& object) const {
  if (!config::is_carried(object.kind())) return false;
  const auto known = base().objects->find(Kind::kEdge, edge);
  if (!known) return false;
  return includes(*base().objects, key_for(base(), labels_of(*known)), object);
}

bool Views::is_held_back(std::string_view edge, const Object& object) const {
  const auto known = base().objects->find(Kind::kEdge, edge);
  if (!known) return false;
  const config::Labels labels = labels_of(*known);
  const Rollouts rollouts = rollouts_of(std::string(edge), labels);
  if (rollouts.empty()) return false;
  if (overlaid(rollouts, {object.kind(), object.metadata.name})) return true;
  const auto branch = branches_.find(rollouts);
  return branch != branches_.end() && includes(*base().objects, key_for(base(), labels), object) &&
         !includes(*branch->second.objects, key_for(branch->second, labels), object);
}

void Views::tidy(const std::set<const xds::Catalog*>& used) {
  for (auto& [rollouts, branch] : branches_) {
    for (const auto& [key, view] : branch.views) {
      std::erase_if(view->for_envoy, [&](const auto& one) { return !used.contains(&one.second->catalog); });
    }
    std::erase_if(branch.views, [&](const auto& one) {
      return one.second->for_envoy.empty() && !used.contains(&one.second->catalog);
    });
  }
  std::erase_if(branches_, [](const auto& one) { return one.second.own && one.second.views.empty(); });
}

std::size_t Views::size() const {
  std::size_t sum = 0;
  for (const auto& [rollouts, branch] : branches_) sum += branch.views.size();
  return sum;
}

// --- Envoy

xds::Catalog& Views::envoys(const Branch& branch, const config::Labels& key, View& view,
                            const translation::EnvoyNode& node) {
  const auto [found, is_new] = view.for_envoy.try_emplace(node);
  if (is_new) {
    found->second = std::make_unique<ForEnvoy>(names_, node);
    update_envoys(branch, key, *found->second, branch.objects->as_changes());
    for (const auto& [service, keys] : unhealthy_) {
      if (!found->second->snapshot) break;
      found->second->catalog.apply(
          found->second->translator.update_health(*found->second->snapshot, service, keys));
    }
  }
  return found->second->catalog;
}

void Views::update_envoys(const Branch& branch, const config::Labels& key, ForEnvoy& envoys,
                          Changes changes) {
  std::ranges::copy(changes, std::back_inserter(envoys.untold));
  auto snapshot = envoys.snapshot ? config::next_snapshot(*envoys.snapshot, revision_, *branch.objects,
                                                          envoys.untold, &key)
                                  : config::build_snapshot(revision_, *branch.objects, &key);
  if (!snapshot) return;  // the publisher says it
  envoys.snapshot = std::move(*snapshot);
  std::vector<xds::Change> told =
      envoys.translator.update(*envoys.snapshot, translation::names_of(envoys.untold));
  envoys.untold.clear();
  envoys.catalog.apply(told);
}

const Views::ForEnvoy* Views::envoy_of(const xds::Catalog& catalog) const {
  for (const auto& [rollouts, branch] : branches_) {
    for (const auto& [labels, view] : branch.views) {
      for (const auto& [node, envoys] : view->for_envoy) {
        if (&envoys->catalog == &catalog) return envoys.get();
      }
    }
  }
  return nullptr;
}

bool Views::is_behind(const xds::Catalog& catalog) const {
  const ForEnvoy* envoys = envoy_of(catalog);
  return envoys != nullptr && (!envoys->snapshot || !envoys->untold.empty());
}

std::vector<translation::Unsaid> Views::unsaid_of(const Object& object) const {
  std::vector<translation::Unsaid> all;
  for (const auto& [rollouts, branch] : branches_) {
    for (const auto& [labels, view] : branch.views) {
      for (const auto& [node, envoys] : view->for_envoy) {
        for (translation::Unsaid& one : envoys->translator.unsaid_of({object.kind(), object.metadata.name})) {
          if (std::ranges::find(all, one) == all.end()) all.push_back(std::move(one));
        }
      }
    }
  }
  return all;
}

// --- health

void Views::set_unhealthy(const std::string& service, translation::UnhealthyKeys unhealthy) {
  const xds::ResourcePtr resource = unhealthy.empty() ? nullptr : health_of(service, unhealthy);
  const std::string name = translation::key_of(Kind::kService, service);
  for (const auto& [rollouts, branch] : branches_) {
    for (const auto& [key, view] : branch.views) {
      if (view->catalog.resource(xds::Type::kObject, names_.slot(xds::Type::kObject, name))) {
        view->catalog.apply({{xds::Type::kHealth, service, resource}});
      }
      for (const auto& [node, envoys] : view->for_envoy) {
        if (!envoys->snapshot) continue;
        envoys->catalog.apply(envoys->translator.update_health(*envoys->snapshot, service, unhealthy));
      }
    }
  }
  if (unhealthy.empty()) {
    unhealthy_.erase(service);
  } else {
    unhealthy_[service] = std::move(unhealthy);
  }
}

}  // namespace weir::controller
