#include "translation/foreign.h"

#include <algorithm>
#include <utility>

namespace weir::translation {
namespace {

// The chain that a client of that host name gets: of the name itself, of the longest suffix, of all others.
const std::vector<std::string>& certificates_for(const ReadListener& listener, const std::string& domain) {
  static const std::vector<std::string> kNone;
  const auto& by_name = listener.certificates;
  if (const auto exact = by_name.find(domain); exact != by_name.end()) return exact->second;
  for (std::size_t dot = domain.find('.'); dot != std::string::npos; dot = domain.find('.', dot + 1)) {
    const auto suffix = by_name.find('*' + domain.substr(dot));
    if (suffix != by_name.end()) return suffix->second;
  }
  const auto rest = by_name.find("");
  return rest == by_name.end() ? kNone : rest->second;
}

// One for each set of certificates; what takes all hosts is one of its own.
void add_listeners(const ReadListener& from, const ReadHost& host, config::LoadBalancerSpec& into) {
  const bool https = from.listener.protocol == config::ListenerProtocol::kHttps;
  std::map<std::vector<std::string>, std::vector<std::string>> hostnames;
  const auto add = [&](std::vector<std::string> names, const std::vector<std::string>& certificates) {
    config::Listener& one = into.listeners.emplace_back(from.listener);
    one.hostnames = std::move(names);
    if (https) one.tls->certificates = certificates;
  };
  for (const std::string& domain : host.domains) {
    const auto& certificates = certificates_for(from, domain);
    if (domain == "*") {
      add({}, certificates);
    } else {
      hostnames[certificates].push_back(domain);
    }
  }
  for (auto& [certificates, names] : hostnames) add(std::move(names), certificates);
}

}  // namespace

std::optional<std::string> Foreign::put(xds::Type type, std::string_view name, std::string_view body) {
  const auto take = [name](auto read, auto& into, auto part) -> std::optional<std::string> {
    if (!read) return std::move(read.error());
    into.insert_or_assign(std::string(name), part(std::move(*read)));
    return std::nullopt;
  };
  const auto whole = [](auto read) { return read; };
  switch (type) {
    case xds::Type::kCluster: return take(cluster_from_envoy(body), clusters_, whole);
    case xds::Type::kEndpoints:
      return take(endpoints_from_envoy(body), endpoints_, [](ReadEndpoints read) { return read.endpoints; });
    case xds::Type::kListener: return take(listener_from_envoy(body), listeners_, whole);
    case xds::Type::kRoutes: return take(routes_from_envoy(body), routes_, whole);
    case xds::Type::kSecret:
      return take(secret_from_envoy(body), certificates_, [](config::Certificate read) {
        return std::make_shared<const config::Certificate>(std::move(read));
      });
    default: return "is of a type that nobody asked for";
  }
}

void Foreign::remove(xds::Type type, const std::string& name) {
  switch (type) {
    case xds::Type::kCluster: clusters_.erase(name); break;
    case xds::Type::kEndpoints: endpoints_.erase(name); break;
    case xds::Type::kListener: listeners_.erase(name); break;
    case xds::Type::kRoutes: routes_.erase(name); break;
    case xds::Type::kSecret: certificates_.erase(name); break;
    default: break;
  }
}

std::vector<std::string> Foreign::certificates_of(const ReadListener& listener) const {
  std::vector<std::string> all;
  for (const auto& [host, names] : listener.certificates) all.insert(all.end(), names.begin(), names.end());
  return all;
}

std::set<std::string> Foreign::wanted(xds::Type type) const {
  std::set<std::string> names;
  for (const auto& [name, cluster] : clusters_) {
    if (type == xds::Type::kEndpoints && !cluster.endpoints.empty()) names.insert(cluster.endpoints);
    const auto& tls = cluster.service.spec.tls;
    if (type == xds::Type::kSecret && tls && !tls->certificate.empty()) names.insert(tls->certificate);
  }
  for (const auto& [name, listener] : listeners_) {
    if (type == xds::Type::kRoutes && !listener.routes.empty()) names.insert(listener.routes);
    if (type != xds::Type::kSecret) continue;
    for (std::string& certificate : certificates_of(listener)) names.insert(std::move(certificate));
  }
  return names;
}

bool Foreign::complete() const {
  const auto told = [this](xds::Type type, const auto& known) {
    return std::ranges::all_of(wanted(type), [&known](const auto& name) { return known.contains(name); });
  };
  return told(xds::Type::kEndpoints, endpoints_) && told(xds::Type::kRoutes, routes_) &&
         told(xds::Type::kSecret, certificates_);
}

Foreign::Services Foreign::services() const {
  Services services;
  for (const auto& [name, cluster] : clusters_) {
    config::Service service = cluster.service;
    service.name = name;
    const auto told = endpoints_.find(cluster.endpoints);
    if (!cluster.endpoints.empty() && told != endpoints_.end()) service.endpoints = told->second;
    const auto& tls = service.spec.tls;
    const bool waits = tls && !tls->certificate.empty() && !certificates_.contains(tls->certificate);
    if (waits) service.endpoints.clear();
    services.emplace(name, std::move(service));
  }
  return services;
}

void Foreign::add_listener(const std::string& name, const ReadListener& listener, LoadBalancers& into,
                           Services& services) const {
  const bool waits = std::ranges::any_of(
      certificates_of(listener), [this](const std::string& one) { return !certificates_.contains(one); });
  if (waits) return;
  const auto told = routes_.find(listener.routes);
  if (!listener.inline_routes && told == routes_.end()) return;
  const ReadRoutes& routes = listener.inline_routes ? *listener.inline_routes : told->second;
  for (const ReadHost& host : routes.hosts) {
    const std::string key = (listener.inline_routes ? name : listener.routes) + '/' + host.name;
    const auto [found, is_new] = into.try_emplace(key);
    config::LoadBalancer& balancer = found->second;
    balancer.name = key;
    add_listeners(listener, host, balancer.spec);
    balancer.spec.allow_encoded_slashes =
        listener.encoded_slashes && (is_new || balancer.spec.allow_encoded_slashes);
    if (!is_new) continue;
    for (const ReadRoute& one : host.routes) {
      balancer.spec.routes.push_back(one.route);
      for (const config::Backend& backend : one.route.backends) {
        const auto [service, is_missing] = services.try_emplace(backend.service);
        if (is_missing) {  // answered with 503, as Envoy does
          service->second.name = backend.service;
          continue;
        }
        // A policy that hashes has no more of it than the bound as long as no route says what.
        auto& hash_on = service->second.spec.hash_on;
        if (!hash_on || !one.hash_on || !hash_on->header.empty() || !hash_on->cookie.empty() ||
            hash_on->source) {
          continue;
        }
        const std::uint32_t bound = hash_on->load_percent_max;
        hash_on = one.hash_on;
        hash_on->load_percent_max = bound;
      }
    }
  }
}

config::SnapshotPointer Foreign::snapshot(std::uint64_t revision) const {
  auto snapshot = std::make_shared<config::Snapshot>();
  snapshot->revision = revision;
  Services all = services();
  LoadBalancers balancers;
  for (const auto& [name, listener] : listeners_) add_listener(name, listener, balancers, all);
  for (auto& [name, balancer] : balancers) {
    snapshot->load_balancers.push_back(std::make_shared<const config::LoadBalancer>(std::move(balancer)));
  }
  for (auto& [name, service] : all) {
    auto& hash_on = service.spec.hash_on;
    if (hash_on && hash_on->header.empty() && hash_on->cookie.empty() && !hash_on->source) hash_on.reset();
    snapshot->services.push_back(std::make_shared<const config::Service>(std::move(service)));
  }
  for (const auto& [name, certificate] : certificates_) snapshot->certificates.push_back(certificate);
  return snapshot;
}

}  // namespace weir::translation
