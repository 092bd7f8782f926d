#include "translation/translator.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/kinds.h"
#include "translation/own.h"

namespace weir::translation {
namespace {

const config::LoadBalancer* find_load_balancer(const config::Snapshot& snapshot, std::string_view name) {
  const auto found = std::ranges::lower_bound(snapshot.load_balancers, name, {},
                                              [](const auto& one) { return std::string_view(one->name); });
  return found != snapshot.load_balancers.end() && (*found)->name == name ? found->get() : nullptr;
}

template <class Key, class Value>
void erase_from(std::map<Key, std::set<Value>>& map, const Key& key, const Value& value) {
  const auto found = map.find(key);
  if (found == map.end()) return;
  found->second.erase(value);
  if (found->second.empty()) map.erase(found);
}

}  // namespace

std::vector<ObjectName> names_of(std::span<const config::ObjectChange> changes) {
  std::set<ObjectName> names;
  for (const config::ObjectChange& change : changes) {
    if (config::service_joined_by(change.either()) == nullptr) {
      names.insert({change.kind(), change.name()});
      continue;
    }
    for (const config::ObjectPointer& object : {change.before, change.after}) {
      if (!object) continue;
      names.insert({config::Kind::kService, *config::service_joined_by(*object)});
    }
  }
  return {names.begin(), names.end()};
}

void Translator::put(xds::Type type, const std::string& name, xds::ResourcePtr resource,
                     std::vector<xds::Change>& changes) {
  const auto key = std::pair(type, name);
  const auto before = resources_.find(key);
  if (!resource) {
    if (before == resources_.end()) return;
    resources_.erase(before);
  } else if (before == resources_.end()) {
    resources_.emplace(key, resource);
  } else {
    if (before->second->version == resource->version) return;
    before->second = resource;
  }
  changes.push_back({type, name, std::move(resource)});
}

void Translator::put_all(std::span<const xds::Type> types, const std::string& name,
                         const Translation& translation, std::vector<xds::Change>& changes) {
  for (const xds::Type type : types) {
    const auto found = std::ranges::find(translation.resources, type, &xds::Resource::type);
    put(type, name, found == translation.resources.end() ? nullptr : *found, changes);
  }
}

// The ports that it is on now, and those that it was on.
void Translator::move_load_balancer(const config::LoadBalancer* balancer, const std::string& name,
                                    Dirty& dirty) {
  std::set<std::uint32_t>& ports = ports_of_balancer_[name];
  for (const std::uint32_t port : ports) ports_[port].load_balancers.erase(name);
  dirty.ports.insert(ports.begin(), ports.end());
  ports.clear();
  if (balancer != nullptr) {
    for (const config::Listener& listener : balancer->spec.listeners) {
      const std::uint32_t port = port_on(listener, node_);
      if (port != config::kNoPort) ports.insert(port);
    }
  }
  for (const std::uint32_t port : ports) ports_[port].load_balancers.insert(name);
  dirty.ports.insert(ports.begin(), ports.end());
  if (ports.empty()) ports_of_balancer_.erase(name);
}

Translator::Dirty Translator::dirty_of(const config::Snapshot& snapshot,
                                       std::span<const ObjectName> changed) {
  Dirty dirty;
  for (const ObjectName& one : changed) {
    switch (one.kind) {
      case config::Kind::kService: dirty.services.insert(one.name); break;
      case config::Kind::kCertificate: dirty.certificates.insert(one.name); break;
      case config::Kind::kLoadBalancer:
        move_load_balancer(find_load_balancer(snapshot, one.name), one.name, dirty);
        break;
      case config::Kind::kSecret:  // passwords; few routes have them, and they change seldom
        for (const auto& [number, port] : ports_) dirty.ports.insert(number);
        break;
      default: break;  // no part of a snapshot, or seen as its Service
    }
  }
  return dirty;
}

// True: the routes that lead to it have to be looked at.
bool Translator::update_service(const config::Snapshot& snapshot, const std::string& name, Dirty& dirty,
                                std::vector<xds::Change>& changes) {
  constexpr std::array kMade{xds::Type::kCluster, xds::Type::kEndpoints};
  Service& known = services_[name];
  if (!known.certificate.empty()) {
    --users_of_certificate_[known.certificate];
    dirty.certificates.insert(known.certificate);
  }
  const config::Service* service = snapshot.find_service(name);
  if (service == nullptr) {
    put_all(kMade, name, {}, changes);
    services_.erase(name);
    return true;
  }
  known.certificate = service->spec.tls ? service->spec.tls->certificate : std::string();
  if (!known.certificate.empty()) {
    ++users_of_certificate_[known.certificate];
    dirty.certificates.insert(known.certificate);
  }
  Translation translation = to_envoy(*service, node_, known.unhealthy);
  known.unsaid = std::move(translation.unsaid);
  put_all(kMade, name, translation, changes);
  RouteParts parts{service->spec.hash_on, service->spec.sticky, service->spec.retries,
                   service->spec.request_timeout};
  return parts != std::exchange(known.route_parts, std::move(parts));
}

void Translator::update_port(const config::Snapshot& snapshot, std::uint32_t number, Dirty& dirty,
                             std::vector<xds::Change>& changes) {
  constexpr std::array kMade{xds::Type::kListener, xds::Type::kRoutes};
  Port& port = ports_[number];
  for (const std::string& service : port.services) erase_from(ports_of_service_, service, number);
  for (const std::string& certificate : port.certificates) --users_of_certificate_[certificate];
  dirty.certificates.merge(std::exchange(port.certificates, {}));
  port.services.clear();
  std::vector<const config::LoadBalancer*> balancers;
  for (const std::string& name : port.load_balancers) {
    if (const auto* one = find_load_balancer(snapshot, name)) balancers.push_back(one);
  }
  if (balancers.empty()) {
    put_all(kMade, name_of_port(number), {}, changes);
    ports_.erase(number);
    return;
  }
  for (const config::LoadBalancer* balancer : balancers) {
    for (const config::Route& route : balancer->spec.routes) {
      for (const config::Backend& backend : route.backends) port.services.insert(backend.service);
    }
    for (const config::Listener& listener : balancer->spec.listeners) {
      if (port_on(listener, node_) != number || !listener.tls) continue;
      port.certificates.insert(listener.tls->certificates.begin(), listener.tls->certificates.end());
    }
  }
  for (const std::string& service : port.services) ports_of_service_[service].insert(number);
  for (const std::string& certificate : port.certificates) ++users_of_certificate_[certificate];
  dirty.certificates.insert(port.certificates.begin(), port.certificates.end());
  Translation translation;
  if (taken(number)) {
    translation.unsaid = unsaid_of_taken(number, balancers, node_);
  } else {
    translation = to_envoy(number, balancers, snapshot, node_);
  }
  port.unsaid = std::move(translation.unsaid);
  put_all(kMade, name_of_port(number), translation, changes);
}

// Whether a shared listener is there, of another protocol.
bool Translator::taken(std::uint32_t port) const {
  const auto serves = [this](std::uint32_t shared) {
    const auto found = ports_.find(shared);
    return found != ports_.end() && !found->second.load_balancers.empty();
  };
  return (port == node_.http && serves(config::kSharedHttp)) ||
         (port == node_.https && serves(config::kSharedHttps));
}

bool Translator::wanted(const std::string& certificate) const {
  const auto found = users_of_certificate_.find(certificate);
  return found != users_of_certificate_.end() && found->second > 0;
}

// Only those that something names: a key goes nowhere without need.
void Translator::update_certificate(const config::Snapshot& snapshot, const std::string& name,
                                    std::vector<xds::Change>& changes) {
  const auto certificate = snapshot.find_certificate(name);
  if (!wanted(name)) users_of_certificate_.erase(name);
  const bool sent = certificate && wanted(name);
  put(xds::Type::kSecret, name, sent ? to_envoy(*certificate).resources.front() : nullptr, changes);
}

std::vector<xds::Change> Translator::update(const config::Snapshot& snapshot,
                                            std::span<const ObjectName> changed) {
  std::vector<xds::Change> changes;
  Dirty dirty = dirty_of(snapshot, changed);
  const std::set<std::string> services = dirty.services;
  for (const std::string& service : services) {
    if (!update_service(snapshot, service, dirty, changes)) continue;
    if (const auto ports = ports_of_service_.find(service); ports != ports_of_service_.end()) {
      dirty.ports.insert(ports->second.begin(), ports->second.end());
    }
  }
  const std::set<std::uint32_t> moved = dirty.ports;
  for (const std::uint32_t port : moved) {  // whoever has the number of a shared one depends on it
    if (port != config::kSharedHttp && port != config::kSharedHttps) continue;
    const std::uint32_t number = port == config::kSharedHttp ? node_.http : node_.https;
    if (ports_.contains(number)) dirty.ports.insert(number);
  }
  const std::set<std::uint32_t> ports = dirty.ports;
  for (const std::uint32_t port : ports) update_port(snapshot, port, dirty, changes);
  for (const std::string& certificate : dirty.certificates)
    update_certificate(snapshot, certificate, changes);
  sort_for_sending(changes);
  return changes;
}

std::vector<xds::Change> Translator::update_health(const config::Snapshot& snapshot,
                                                   const std::string& service, UnhealthyKeys unhealthy) {
  std::vector<xds::Change> changes;
  const auto known = services_.find(service);
  if (known == services_.end() || known->second.unhealthy == unhealthy) return changes;
  known->second.unhealthy = std::move(unhealthy);
  Dirty dirty;
  update_service(snapshot, service, dirty, changes);
  return changes;
}

std::vector<Unsaid> Translator::unsaid_of(const ObjectName& object) const {
  const std::string key = key_of(object.kind, object.name);
  std::vector<Unsaid> all;
  const auto take = [&](const std::vector<Unsaid>& some) {
    for (const Unsaid& one : some) {
      if (one.object == key && std::ranges::find(all, one) == all.end()) all.push_back(one);
    }
  };
  if (object.kind == config::Kind::kService) {
    if (const auto service = services_.find(object.name); service != services_.end()) {
      take(service->second.unsaid);
    }
  }
  const auto& ports_of = object.kind == config::Kind::kService ? ports_of_service_ : ports_of_balancer_;
  if (const auto ports = ports_of.find(object.name); ports != ports_of.end()) {
    for (const std::uint32_t number : ports->second) take(ports_.at(number).unsaid);
  }
  return all;
}

std::vector<Unsaid> Translator::unsaid() const {
  std::set<std::tuple<std::string, std::string, std::string>> seen;  // a load balancer may be on many ports
  std::vector<Unsaid> all;
  const auto take = [&](const std::vector<Unsaid>& some) {
    for (const Unsaid& one : some) {
      if (seen.emplace(one.object, one.field, one.reason).second) all.push_back(one);
    }
  };
  for (const auto& [number, port] : ports_) take(port.unsaid);
  for (const auto& [name, service] : services_) take(service.unsaid);
  std::ranges::sort(all, {}, [](const Unsaid& one) { return std::tie(one.object, one.field, one.reason); });
  return all;
}

void sort_for_sending(std::vector<xds::Change>& changes) {
  std::ranges::sort(changes, {}, [](const xds::Change& change) {
    const auto type = static_cast<int>(change.type);
    return std::tuple(!change.resource, change.resource ? type : -type, std::string_view(change.name));
  });
}

}  // namespace weir::translation
