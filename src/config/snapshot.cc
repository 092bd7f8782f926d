#include "config/snapshot.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "config/whole.h"

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

bool selects(const Labels& wanted, const Labels& labels) {
  return std::ranges::all_of(wanted, [&](const auto& entry) {
    const auto found = labels.find(entry.first);
    return found != labels.end() && found->second == entry.second;
  });
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

// joined: by name of the object.
Service make_service(const Object& object, const ServiceSpec& spec, std::span<const Object* const> joined) {
  Service service{object.metadata.name, spec, {}};
  service.spec.endpoints.clear();
  std::map<std::string, std::size_t, std::less<>> places;  // by key
  const auto place = [&](const auto& one, std::string name) {
    Endpoint endpoint{.address = *parse_address(one.address),
                      .weight = one.weight,
                      .priority = one.priority,
                      .zone = one.zone,
                      .object = std::move(name)};
    endpoint.key = to_text(endpoint.address);
    endpoint.id = hash_of(endpoint.key);
    const auto [found, is_new] = places.emplace(endpoint.key, service.endpoints.size());
    if (is_new) {
      service.endpoints.push_back(std::move(endpoint));
    } else if (service.endpoints[found->second].object.empty()) {
      service.endpoints[found->second] =
          std::move(endpoint);  // what joined knows better than what was written
    }
  };
  for (const StaticEndpoint& one : spec.endpoints) place(one, {});
  for (const Object* one : joined) {
    const auto& endpoint = std::get<EndpointSpec>(one->spec);
    place(endpoint, one->metadata.name);
  }
  return service;
}

template <class T>
using NamedList = std::vector<std::shared_ptr<const Named<T>>>;

template <class T>
typename NamedList<T>::value_type find_named(const NamedList<T>& list, std::string_view name) {
  const auto found =
      std::ranges::lower_bound(list, name, {}, [](const auto& one) { return std::string_view(one->name); });
  return found != list.end() && (*found)->name == name ? *found : nullptr;
}

template <class T>
void keep(const Object& object, const T& spec, const NamedList<T>* previous, NamedList<T>& into) {
  const Metadata& metadata = object.metadata;
  auto before = previous == nullptr ? nullptr : find_named<T>(*previous, metadata.name);
  if (!before || before->uid != metadata.uid || before->revision != metadata.revision) {
    before = std::make_shared<Named<T>>(Named<T>{metadata.name, metadata.uid, metadata.revision, spec});
  }
  into.push_back(std::move(before));
}

}  // namespace

std::shared_ptr<const Certificate> Snapshot::find_certificate(std::string_view name) const {
  return find_named<CertificateSpec>(certificates, name);
}
const Secret* Snapshot::find_secret(std::string_view name) const {
  return find_named<SecretSpec>(secrets, name).get();
}

const Service* Snapshot::find_service(std::string_view name) const {
  const auto found = std::ranges::lower_bound(services, name, {}, &Service::name);
  return found != services.end() && found->name == name ? &*found : nullptr;
}

Checked<SnapshotPointer> build_snapshot(std::uint64_t revision, std::span<const Object* const> objects,
                                        const Labels* edge_labels, const Snapshot* previous) {
  if (Violations violations = validate_whole(objects); !violations.empty()) {
    return std::unexpected(std::move(violations));
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->revision = revision;
  std::vector<const Object*> parts;
  std::ranges::copy_if(objects, std::back_inserter(parts),
                       [edge_labels](const Object* object) { return is_part(*object, edge_labels); });
  std::ranges::sort(parts, {}, [](const Object* object) { return std::string_view(object->metadata.name); });
  std::map<std::string_view, std::vector<const Object*>> joined;  // by service
  for (const Object* object : parts) {
    if (const auto* spec = std::get_if<EndpointSpec>(&object->spec)) joined[spec->service].push_back(object);
  }
  for (const Object* object : parts) {
    if (const auto* balancer = std::get_if<LoadBalancerSpec>(&object->spec)) {
      snapshot->load_balancers.push_back(make_load_balancer(*object, *balancer));
    } else if (const auto* service = std::get_if<ServiceSpec>(&object->spec)) {
      snapshot->services.push_back(make_service(*object, *service, joined[object->metadata.name]));
    } else if (const auto* certificate = std::get_if<CertificateSpec>(&object->spec)) {
      keep(*object, *certificate, previous == nullptr ? nullptr : &previous->certificates,
           snapshot->certificates);
    } else if (const auto* secret = std::get_if<SecretSpec>(&object->spec)) {
      keep(*object, *secret, previous == nullptr ? nullptr : &previous->secrets, snapshot->secrets);
    }
  }
  return snapshot;
}

bool is_carried(Kind kind) {
  switch (kind) {
    case Kind::kToken:
    case Kind::kEvent:
    case Kind::kEdge:
    case Kind::kRollout: return false;
    case Kind::kLoadBalancer:
    case Kind::kService:
    case Kind::kEndpoint:
    case Kind::kCertificate:
    case Kind::kSecret: break;
  }
  return true;
}

bool is_part(const Object& object, const Labels* edge_labels) {
  const auto* balancer = std::get_if<LoadBalancerSpec>(&object.spec);
  if (balancer == nullptr || edge_labels == nullptr) return is_carried(object.kind());
  return selects(balancer->edges.match, *edge_labels);
}

Labels selectable_labels(const Labels& labels, const EdgeSpec& spec) {
  Labels all = labels;
  if (!spec.provider.empty()) all["provider"] = spec.provider;
  if (!spec.region.empty()) all["region"] = spec.region;
  if (!spec.city.empty()) all["city"] = spec.city;
  return all;
}

// JSON with one object on each line, so that it can be read object by object, each within its own bounds.
std::string snapshot_text(std::uint64_t revision, std::span<const ObjectPointer> objects) {
  std::string text = std::string(kTextBegin) + std::to_string(revision) + std::string(kTextObjects);
  bool first = true;
  for (const ObjectPointer& object : objects) {
    text += first ? "\n" : ",\n";
    text += to_json(*object, Secrets::kKeep);
    first = false;
  }
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
  std::vector<Object> objects;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(",\n"), text.size());
    auto object = parse_object(text.substr(0, end), Origin::kStore);
    if (!object) return std::unexpected(std::move(object.error()));
    objects.push_back(std::move(*object));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  std::vector<const Object*> pointers;
  for (const Object& object : objects) pointers.push_back(&object);
  return build_snapshot(*revision, pointers);
}

}  // namespace weir::config
