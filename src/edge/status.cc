#include <algorithm>
#include <string_view>

#include "config/kinds.h"
#include "edge/edge.h"

namespace weir::edge {
namespace {

constexpr const char* kNotResolved = "its name has no address so far";
constexpr const char* kEjected = "its answers were worse than allowed; see outlier_detection";
constexpr const char* kOverruled = "found unhealthy by the other edges";
constexpr const char* kNoCertificate =
    " has no Certificate, and this edge has none of the authority of its weir";
constexpr const char* kNoTls = "no TLS settings that could be used; see the log";
constexpr const char* kOpening = "it is being opened";
constexpr const char* kNoHttps = "there is no shared HTTPS port: switched off, or taken when weir started";

config::EndpointStatus status_of_host(const upstream::PlannedService& service,
                                      const upstream::SharedHost& host) {
  config::EndpointStatus status{.address = host.address.to_string(), .since = host.health_since};
  if (!net::Address::parse_ip(host.name, 0)) status.name = host.name;
  if (host.outcomes.ejected()) {
    status.health = config::EndpointHealth::kEjected;
    status.since.reset();
    status.reason = kEjected;
    return status;
  }
  if (!service.spec.health_check) {
    status.health = config::EndpointHealth::kUnchecked;
    status.since.reset();
    return status;
  }
  if (host.overruled()) {
    status.health = config::EndpointHealth::kUnhealthy;
    status.since = host.condemned_since;
    status.reason = kOverruled;
    return status;
  }
  switch (host.verdict()) {
    case lb::Health::kUnknown: status.health = config::EndpointHealth::kUnknown; break;
    case lb::Health::kHealthy: status.health = config::EndpointHealth::kHealthy; break;
    case lb::Health::kUnhealthy:
    case lb::Health::kNeverHealthy:
      status.health = config::EndpointHealth::kUnhealthy;
      status.reason = sentence_of(host.health_reason);
      break;
  }
  return status;
}

bool serves(const upstream::PlannedService& service, const upstream::SharedHost& host) {
  return lb::may_serve(host.verdict(), service.spec.health_check.has_value()) && !host.outcomes.ejected();
}

config::EndpointStatus unresolved(const config::Endpoint& endpoint) {
  return {.address = endpoint.key, .name = endpoint.address.host, .reason = kNotResolved};
}

// Of an endpoint by its name there are as many hosts as the name has addresses.
bool is_of(const upstream::SharedHost& host, std::string_view endpoint_key) {
  return host.key == endpoint_key ||
         (host.key.starts_with(endpoint_key) && host.key[endpoint_key.size()] == '/');
}

}  // namespace

upstream::PlannedServicePointer Edge::find_planned(std::string_view name) const {
  const auto found = std::ranges::lower_bound(plan_->services, name, {},
                                              [](const auto& one) -> std::string_view { return one->name; });
  return found != plan_->services.end() && (*found)->name == name ? *found : nullptr;
}

std::uint64_t Edge::health_epoch(std::string_view service) const {
  const upstream::PlannedServicePointer planned = find_planned(service);
  return planned ? planned->shared->health_epoch.load(std::memory_order_acquire) : 0;
}

config::ServiceStatus Edge::status_of(std::string_view name) const {
  config::ServiceStatus status;
  const config::Service* service = snapshot_->find_service(name);
  const upstream::PlannedServicePointer planned = find_planned(name);
  if (service == nullptr || !planned) return status;
  for (const upstream::PlannedHost& host : planned->hosts) {
    status.endpoints.push_back(status_of_host(*planned, *host.shared));
    if (serves(*planned, *host.shared)) ++status.serving;
  }
  for (const config::Endpoint& endpoint : service->endpoints) {
    const bool is_name = endpoint.address.family == config::Address::Family::kName;
    if (is_name && !resolved_.contains(endpoint.key)) status.endpoints.push_back(unresolved(endpoint));
  }
  status.total = static_cast<std::uint32_t>(status.endpoints.size());
  return status;
}

bool Edge::serves_near(std::string_view name) const {
  const upstream::PlannedServicePointer planned = find_planned(name);
  const std::uint32_t near = upstream::zone_number(options_.zone);
  return planned && std::ranges::any_of(planned->hosts, [&](const upstream::PlannedHost& host) {
           return host.zone == near && host.weight > 0 && serves(*planned, *host.shared);
         });
}

// Of a name with several addresses: the first that may serve, else the first.
config::EndpointStatus Edge::status_of(const config::EndpointSpec& joined) const {
  const auto address = config::parse_address(joined.address);
  const std::string key = address ? config::to_text(*address) : joined.address;
  config::EndpointStatus status;
  const upstream::PlannedServicePointer service = find_planned(joined.service);
  if (!service) return status;
  bool found = false;
  for (const upstream::PlannedHost& host : service->hosts) {
    if (!is_of(*host.shared, key)) continue;
    if (!found || serves(*service, *host.shared)) status = status_of_host(*service, *host.shared);
    found = true;
    if (serves(*service, *host.shared)) return status;
  }
  if (!found) status.reason = kNotResolved;
  return status;
}

config::LoadBalancerStatus Edge::status_of(const config::LoadBalancerSpec& balancer) const {
  config::LoadBalancerStatus status;
  for (const config::Listener& listener : balancer.listeners) status.listeners.push_back(status_of(listener));
  return status;
}

std::vector<Edge::Unmet> Edge::unmet() const {
  std::vector<Unmet> all;
  const std::set<std::string>& without = ports_.without_certificate();
  if (without.empty()) return all;
  for (const auto& balancer : snapshot_->load_balancers) {
    for (const config::Listener& listener : balancer->spec.listeners) {
      const auto host = std::ranges::find_if(
          listener.hostnames, [&without](const std::string& one) { return without.contains(one); });
      const bool named = listener.tls && !listener.tls->certificates.empty();
      const bool ends_tls =
          listener.protocol == config::ListenerProtocol::kHttps ||
          (listener.protocol == config::ListenerProtocol::kTls && !config::is_passthrough(listener));
      if (named || !ends_tls || host == listener.hostnames.end()) continue;
      all.push_back({balancer->name, *host + kNoCertificate});
      break;
    }
  }
  return all;
}

config::ListenerStatus Edge::status_of(const config::Listener& listener) const {
  const std::uint32_t number = ports_.shared().number_of(listener);
  if (number == config::kSharedHttps) {
    if (listening_.https) return {.address = listening_.https->to_string(), .listening = true};
    return {.reason = kNoHttps};
  }
  config::ListenerStatus status{.address = ports_.address_of(number).to_string()};
  if (number == config::kSharedHttp) {
    status.listening = true;
    return status;
  }
  if (const Error* taken = ports_.taken(number)) {
    status.reason = sentence_of(*taken);
    return status;
  }
  if (!std::ranges::binary_search(plan_->ports, number, {}, &PlannedPort::number)) {
    status.reason = kNoTls;
    return status;
  }
  std::size_t open = 0;
  for (const auto& [worker, ports] : open_ports_) {
    open += ports.open.count(number);
    if (const auto failed = ports.failures.find(number); failed != ports.failures.end()) {
      status.reason = sentence_of(failed->second);
      return status;
    }
  }
  status.listening = open == workers_.size();
  if (!status.listening) status.reason = kOpening;
  return status;
}

}  // namespace weir::edge
