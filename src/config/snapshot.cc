#include "config/snapshot.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "base/text.h"

namespace weir::config {
namespace {

// Of the text of a snapshot; the objects stand between, one a line.
constexpr std::string_view kTextBegin = "{\"revision\":";
constexpr std::string_view kTextObjects = ",\"objects\":[";
constexpr std::string_view kTextEnd = "\n]}\n";

// FNV-1a, then mixed so that all bits are good for a hash ring.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
  return hash ^ (hash >> 33U);
}

LoadBalancer make_load_balancer(const Object& object, const LoadBalancerSpec& spec) {
  LoadBalancer balancer{object.metadata.name, spec};
  for (Listener& listener : balancer.spec.listeners) {
    for (std::string& hostname : listener.hostnames) hostname = to_lower(hostname);
  }
  for (Route& route : balancer.spec.routes) {
    route.match.path_prefix = std::string(normal_prefix(route.match.path_prefix));
  }
  return balancer;
}

// Those of one instance, at several edges, are one endpoint. A name may have come to another owner while
// there are tunnels still of the one before, which join nothing.
void place_tunnels(std::span<const Object* const> referrers, std::string_view owner,
                   std::vector<Endpoint>& endpoints) {
  std::map<std::string_view, std::size_t> places;  // by instance
  for (const Object* one : referrers) {
    const auto* tunnel = std::get_if<TunnelSpec>(&one->spec);
    if (tunnel == nullptr || (!tunnel->user.empty() && tunnel->user != owner)) continue;
    const auto [found, is_new] = places.emplace(tunnel->instance, endpoints.size());
    if (is_new) {
      endpoints.push_back({.address = {Address::Family::kTunnel, tunnel->instance, 0},
                           .weight = tunnel->weight,
                           .priority = tunnel->priority,
                           .zone = tunnel->zone});
      Endpoint& endpoint = endpoints.back();
      endpoint.key = to_text(endpoint.address);
      endpoint.id = hash_of(endpoint.key);
    }
    endpoints[found->second].tunnels.push_back({.object = one->metadata.name,
                                                .edge = tunnel->edge,
                                                .provider = tunnel->provider,
                                                .zone = tunnel->zone,
                                                .relay = tunnel->relay,
                                                .session = tunnel->session});
  }
}

bool has_anycast_label(const Object& object) {
  const auto label = object.metadata.labels.find(kAnycastLabel);
  return label != object.metadata.labels.end() && label->second == kAnycastByRegion;
}

bool wants_anycast(const Object& object) {
  const auto* workload = std::get_if<WorkloadSpec>(&object.spec);
  return workload != nullptr && workload->anycast;
}

// The Services that it is of, when it is a Workload that wants so.
std::set<std::string_view> services_for_anycast(const ObjectPointer& object) {
  std::set<std::string_view> names;
  if (!object || !wants_anycast(*object)) return names;
  const auto& workload = std::get<WorkloadSpec>(object->spec);
  for (const auto* list : {&workload.init_containers, &workload.containers}) {
    for (const Container& container : *list) {
      for (const ContainerPort& port : container.ports) {
        if (!port.service.empty()) names.insert(port.service);
      }
    }
  }
  return names;
}

// referrers: among them the endpoints that joined, the tunnels and workloads, by name.
Service make_service(const Object& object, const ServiceSpec& spec,
                     std::span<const Object* const> referrers) {
  Service service{.name = object.metadata.name, .spec = spec};
  service.owner = owner_of(object);
  service.anycast = has_anycast_label(object) ||
                    std::ranges::any_of(referrers, [](const Object* one) { return wants_anycast(*one); });
  service.spec.endpoints = {};
  std::map<std::string, std::size_t, std::less<>> places;  // by key
  const auto place = [&](const auto& one, std::string name) {
    Endpoint endpoint{.address = *parse_address(one.address),
                      .weight = one.weight,
                      .priority = one.priority,
                      .zone = one.zone,
                      .object = std::move(name)};
    endpoint.key = to_text(endpoint.address);
    endpoint.id = hash_of(endpoint.key);
    if constexpr (requires { one.instance; }) {
      endpoint.instance = one.instance;
      endpoint.version = one.version;
      endpoint.text = one.text;
    }
    const auto [found, is_new] = places.emplace(endpoint.key, service.endpoints.size());
    if (is_new) {
      service.endpoints.push_back(std::move(endpoint));
    } else if (service.endpoints[found->second].object.empty()) {
      service.endpoints[found->second] =
          std::move(endpoint);  // what joined knows better than what was written
    }
  };
  for (const StaticEndpoint& one : spec.endpoints) place(one, {});
  for (const Object* one : referrers) {
    const auto* joined = std::get_if<EndpointSpec>(&one->spec);
    if (joined == nullptr) continue;
    if (!joined->tunnel) {
      place(*joined, one->metadata.name);
      continue;
    }
    service.slots.push_back(
        {one->metadata.name, joined->tunnel->port, joined->weight, joined->priority, joined->zone});
  }
  place_tunnels(referrers, service.owner, service.endpoints);
  service.endpoints.shrink_to_fit();
  return service;
}

template <class T>
std::shared_ptr<const T> find_named(const NamedList<T>& list, std::string_view name) {
  const auto found =
      std::ranges::lower_bound(list, name, {}, [](const auto& one) { return std::string_view(one->name); });
  return found != list.end() && (*found)->name == name ? *found : nullptr;
}

template <class T>
bool same(const T& left, const T& right) {
  return left == right;
}
template <class T>
bool same(const Named<T>& left, const Named<T>& right) {
  return left.uid == right.uid && left.revision == right.revision;
}
bool same(const Zone& left, const Zone& right) {
  return left.spec == right.spec && left.record_sets == right.record_sets;
}

using NamesByKind = std::array<std::set<std::string_view>, kKinds.size()>;

// Which parts of a snapshot these changes touch.
NamesByKind touched_by(std::span<const ObjectChange> changes) {
  NamesByKind names;
  for (const ObjectChange& change : changes) {
    names[static_cast<std::size_t>(change.kind())].insert(change.name());
    for (const ObjectPointer& object : {change.before, change.after}) {
      const std::string* joined = object ? service_joined_by(*object) : nullptr;
      if (joined != nullptr) names[static_cast<std::size_t>(Kind::kService)].insert(*joined);
      names[static_cast<std::size_t>(Kind::kService)].merge(services_for_anycast(object));
      const auto* records = object ? std::get_if<RecordSetSpec>(&object->spec) : nullptr;
      if (records != nullptr) names[static_cast<std::size_t>(Kind::kZone)].insert(records->zone);
      const auto* weights = object ? std::get_if<DnsWeightsSpec>(&object->spec) : nullptr;
      if (weights != nullptr) names[static_cast<std::size_t>(Kind::kZone)].insert(weights->zone);
    }
  }
  return names;
}

struct Touched {
  NamesByKind names;
  const Whole& whole;
  const Labels* edge_labels;
  std::uint64_t revision;
};

// What a snapshot holds of an object; none: nothing.
std::optional<Service> made_of(const Object& object, const ServiceSpec& spec, const Touched& touched) {
  return make_service(object, spec, touched.whole.referrers(Kind::kService, object.metadata.name));
}
std::optional<LoadBalancer> made_of(const Object& object, const LoadBalancerSpec& spec,
                                    const Touched& touched) {
  if (touched.edge_labels != nullptr && !selects(spec.edges.match, *touched.edge_labels)) return std::nullopt;
  return make_load_balancer(object, spec);
}
std::optional<User> made_of(const Object& object, const UserSpec& spec, const Touched& /*touched*/) {
  if (spec.disabled) return std::nullopt;
  User user{object.metadata.name, spec};
  user.spec.password.clear();
  return user;
}
std::optional<TunnelToken> made_of(const Object& object, const TokenSpec& spec, const Touched& /*touched*/) {
  if (spec.role != Role::kTunnel) return std::nullopt;
  return TunnelToken{object.metadata.name, spec};
}
std::optional<Zone> made_of(const Object& object, const ZoneSpec& spec, const Touched& touched) {
  Zone zone{object.metadata.name, touched.revision, spec, {}};
  for (const Object* one : touched.whole.referrers(Kind::kZone, object.metadata.name)) {
    const auto* records = std::get_if<RecordSetSpec>(&one->spec);
    if (records == nullptr) continue;
    zone.record_sets.push_back({one->metadata.name, *records, std::nullopt});
    const ObjectPointer computed =
        records->balance ? touched.whole.find(Kind::kDnsWeights, one->metadata.name) : nullptr;
    if (!computed) continue;
    const auto& weights = std::get<DnsWeightsSpec>(computed->spec);
    if (is_for(weights, *records->balance)) zone.record_sets.back().weights = weights;
  }
  return zone;
}
template <class T>
std::optional<Named<T>> made_of(const Object& object, const T& spec, const Touched& /*touched*/) {
  return Named<T>{object.metadata.name, object.metadata.uid, object.metadata.revision, spec};
}

// Makes those of the list anew that are touched.
template <class Spec, class T>
void renew(NamedList<T>& list, const Touched& touched) {
  const Kind kind = Object{.spec = Spec()}.kind();
  const std::set<std::string_view>& names = touched.names[static_cast<std::size_t>(kind)];
  if (names.empty()) return;
  NamedList<T> next;
  next.reserve(list.size() + names.size());
  auto old = list.begin();
  for (const std::string_view name : names) {
    const auto place = std::ranges::lower_bound(old, list.end(), name, {},
                                                [](const auto& one) { return std::string_view(one->name); });
    std::move(old, place, std::back_inserter(next));
    old = place;
    const bool known = old != list.end() && (*old)->name == name;
    const ObjectPointer object = touched.whole.find(kind, name);
    auto made = object ? made_of(*object, std::get<Spec>(object->spec), touched) : std::nullopt;
    if (made && known && same(**old, *made)) {
      next.push_back(std::move(*old));
    } else if (made) {
      next.push_back(std::make_shared<const T>(std::move(*made)));
    }
    if (known) ++old;
  }
  std::move(old, list.end(), std::back_inserter(next));
  list = std::move(next);
}

Checked<SnapshotPointer> renewed(const Snapshot& previous, std::uint64_t revision, const Touched& touched) {
  if (!touched.whole.holds()) return std::unexpected(touched.whole.violations());
  auto snapshot = std::make_shared<Snapshot>(previous);
  snapshot->revision = revision;
  renew<LoadBalancerSpec>(snapshot->load_balancers, touched);
  renew<ServiceSpec>(snapshot->services, touched);
  renew<CertificateSpec>(snapshot->certificates, touched);
  renew<SecretSpec>(snapshot->secrets, touched);
  renew<UserSpec>(snapshot->users, touched);
  renew<TokenSpec>(snapshot->tunnel_tokens, touched);
  renew<ZoneSpec>(snapshot->zones, touched);
  return snapshot;
}

}  // namespace

std::shared_ptr<const Certificate> Snapshot::find_certificate(std::string_view name) const {
  return find_named<Certificate>(certificates, name);
}
const Secret* Snapshot::find_secret(std::string_view name) const {
  return find_named<Secret>(secrets, name).get();
}
std::shared_ptr<const User> Snapshot::find_user(std::string_view name) const {
  return find_named<User>(users, name);
}
const TunnelToken* Snapshot::find_tunnel_token(std::string_view name) const {
  return find_named<TunnelToken>(tunnel_tokens, name).get();
}
const Service* Snapshot::find_service(std::string_view name) const {
  return find_named<Service>(services, name).get();
}

Checked<SnapshotPointer> build_snapshot(std::uint64_t revision, const Whole& whole, const Labels* edge_labels,
                                        const Snapshot* previous) {
  const Snapshot before = previous == nullptr ? Snapshot{} : *previous;
  const std::vector<ObjectChange> all = whole.as_changes();
  Touched touched{touched_by(all), whole, edge_labels, revision};
  const auto add = [&touched](Kind kind, const auto& list) {
    for (const auto& one : list) touched.names[static_cast<std::size_t>(kind)].insert(one->name);
  };
  add(Kind::kLoadBalancer, before.load_balancers);
  add(Kind::kService, before.services);
  add(Kind::kCertificate, before.certificates);
  add(Kind::kSecret, before.secrets);
  add(Kind::kUser, before.users);
  add(Kind::kToken, before.tunnel_tokens);
  add(Kind::kZone, before.zones);
  return renewed(before, revision, touched);
}

Checked<SnapshotPointer> next_snapshot(const Snapshot& previous, std::uint64_t revision, const Whole& whole,
                                       std::span<const ObjectChange> changes, const Labels* edge_labels) {
  return renewed(previous, revision, {touched_by(changes), whole, edge_labels, revision});
}

bool selects(const Labels& wanted, const Labels& labels) {
  return std::ranges::all_of(wanted, [&](const auto& entry) {
    const auto found = labels.find(entry.first);
    return found != labels.end() && found->second == entry.second;
  });
}

bool is_carried(Kind kind) {
  switch (kind) {
    case Kind::kEvent:
    case Kind::kEdge:
    case Kind::kRollout:
    case Kind::kDnsProvider:
    case Kind::kDnsLedger:
    case Kind::kNode:
    case Kind::kInstance:
    case Kind::kOrganization:
    case Kind::kSession:
    case Kind::kWorkload: return false;
    case Kind::kLoadBalancer:
    case Kind::kService:
    case Kind::kEndpoint:
    case Kind::kTunnel:
    case Kind::kCertificate:
    case Kind::kSecret:
    case Kind::kUser:
    case Kind::kToken:
    case Kind::kZone:
    case Kind::kRecordSet:
    case Kind::kDnsWeights: break;
  }
  return true;
}

bool concerns_snapshots(const ObjectChange& change) {
  return is_carried(change.kind()) ||
         services_for_anycast(change.before) != services_for_anycast(change.after);
}

ObjectPointer as_told(const Object& object, const Whole& whole) {
  if (object.kind() != Kind::kService || has_anycast_label(object)) return nullptr;
  const auto referrers = whole.referrers(Kind::kService, object.metadata.name);
  if (std::ranges::none_of(referrers, [](const Object* one) { return wants_anycast(*one); })) return nullptr;
  Object told = object;
  told.metadata.labels.insert_or_assign(std::string(kAnycastLabel), std::string(kAnycastByRegion));
  return std::make_shared<const Object>(std::move(told));
}

Labels selectable_labels(const Labels& labels, const EdgeSpec& spec) {
  Labels all = labels;
  if (!spec.provider.empty()) all["provider"] = spec.provider;
  if (!spec.region.empty()) all["region"] = spec.region;
  if (!spec.city.empty()) all["city"] = spec.city;
  return all;
}

namespace {

template <class Visit>
void each_tunnel(const std::string& service, const Endpoint& endpoint, const Visit& visit) {
  for (const TunnelEnd& end : endpoint.tunnels) {
    visit(Object{{.name = end.object},
                 TunnelSpec{.service = service,
                            .instance = endpoint.address.host,
                            .edge = end.edge,
                            .provider = end.provider,
                            .relay = end.relay,
                            .session = end.session,
                            .weight = endpoint.weight,
                            .priority = endpoint.priority,
                            .zone = end.zone},
                 {}});
  }
}

template <class Visit>
void each_object(const Snapshot& snapshot, const Visit& visit) {
  const auto as_written = [&visit](const auto& list) {
    for (const auto& one : list) visit(Object{{.name = one->name}, one->spec, {}});
  };
  const auto with_identity = [&visit](const auto& list) {
    for (const auto& one : list) {
      visit(Object{{.name = one->name, .uid = one->uid, .revision = one->revision}, one->spec, {}});
    }
  };
  as_written(snapshot.load_balancers);
  for (const auto& service : snapshot.services) {
    ServiceSpec spec = service->spec;
    for (const Endpoint& one : service->endpoints) {
      if (!one.tunnels.empty()) {
        each_tunnel(service->name, one, visit);
      } else if (one.object.empty()) {
        spec.endpoints.push_back({one.key, one.weight, one.priority, one.zone});
      } else {
        EndpointSpec joined{service->name, one.key, {}, one.weight, one.priority, one.zone};
        joined.instance = one.instance;
        joined.version = one.version;
        joined.text = one.text;
        visit(Object{{.name = one.object}, std::move(joined), {}});
      }
    }
    for (const Slot& slot : service->slots) {
      visit(Object{
          {.name = slot.object},
          EndpointSpec{service->name, {}, TunnelSlot{slot.port}, slot.weight, slot.priority, slot.zone},
          {}});
    }
    Labels labels;
    if (!service->owner.empty()) labels.emplace(kOwnerLabel, service->owner);
    if (service->anycast) labels.emplace(kAnycastLabel, kAnycastByRegion);
    visit(Object{{.name = service->name, .labels = std::move(labels)}, std::move(spec), {}});
  }
  with_identity(snapshot.certificates);
  with_identity(snapshot.secrets);
  as_written(snapshot.users);
  as_written(snapshot.tunnel_tokens);
  for (const auto& zone : snapshot.zones) {
    visit(Object{{.name = zone->name}, zone->spec, {}});
    for (const RecordSet& one : zone->record_sets) {
      visit(Object{{.name = one.name}, one.spec, {}});
      if (one.weights) visit(Object{{.name = one.name}, *one.weights, {}});
    }
  }
}

}  // namespace

std::vector<Object> objects_of(const Snapshot& snapshot) {
  std::vector<Object> objects;
  each_object(snapshot, [&objects](Object object) { objects.push_back(std::move(object)); });
  return objects;
}

// JSON with one object on each line, so that it can be read object by object, each within its own bounds.
std::string snapshot_text(const Snapshot& snapshot) {
  std::string text = std::string(kTextBegin) + std::to_string(snapshot.revision) + std::string(kTextObjects);
  bool first = true;
  each_object(snapshot, [&](const Object& object) {
    text += std::exchange(first, false) ? "\n" : ",\n";
    text += to_json(object, Secrets::kKeep);
  });
  return text + std::string(kTextEnd);
}

Checked<SnapshotPointer> read_snapshot(std::string_view text) {
  const std::size_t line = text.find('\n');
  const std::string_view head = text.substr(0, line);
  const bool framed = line != std::string_view::npos && head.starts_with(kTextBegin) &&
                      head.ends_with(kTextObjects) && text.ends_with(kTextEnd);
  const auto revision = framed
                            ? parse_decimal(head.substr(
                                  kTextBegin.size(), head.size() - kTextBegin.size() - kTextObjects.size()))
                            : std::nullopt;
  if (!revision) return std::unexpected(Violations{{"", "is not a whole snapshot", ""}});
  text.remove_suffix(kTextEnd.size());
  text.remove_prefix(std::min(line + 1, text.size()));
  Whole whole;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(",\n"), text.size());
    auto object = parse_object(text.substr(0, end), Origin::kStore);
    if (!object) return std::unexpected(std::move(object.error()));
    whole.put(std::make_shared<const Object>(std::move(*object)));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return build_snapshot(*revision, whole);
}

}  // namespace weir::config
