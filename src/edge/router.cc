#include "edge/router.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "http/message.h"

namespace weir::edge {
namespace {

constexpr std::size_t kHostBytesMax = 255;  // RFC 1035 section 2.3.4

// By segment: "/a" holds "/a" and "/a/b", not "/ab".
bool has_prefix(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::unique_ptr<lb::Policy> make_split(const std::vector<config::Backend>& backends) {
  if (backends.size() < 2) return nullptr;
  std::vector<lb::Host> hosts;
  for (const config::Backend& backend : backends) {
    const auto index = static_cast<std::uint32_t>(hosts.size());
    hosts.push_back({.id = index, .index = index, .weight = backend.weight});
  }
  std::erase_if(hosts, [](const lb::Host& host) { return host.weight == 0; });
  return lb::make_round_robin(hosts);
}

}  // namespace

Router::Router(const config::Snapshot& snapshot, const ServicePlaces& service_places) {
  for (const config::LoadBalancer& load_balancer : snapshot.load_balancers)
    add(load_balancer, service_places);
}

void Router::add(const config::LoadBalancer& load_balancer, const ServicePlaces& service_places) {
  for (const config::Route& spec : load_balancer.spec.routes) {
    auto route = std::make_unique<Route>();
    route->load_balancer = load_balancer.name;
    route->path_prefix = spec.match.path_prefix;
    route->split = make_split(spec.backends);
    route->request_timeout = spec.request_timeout;
    route->request_body_bytes_max = spec.request_body_bytes_max;
    for (const config::Backend& backend : spec.backends) {
      route->backends.push_back(service_places.at(backend.service));
    }
    for (const config::Listener& listener : load_balancer.spec.listeners) {
      Port& port = ports_[static_cast<std::uint16_t>(listener.port.value_or(kSharedPort))];
      if (listener.hostnames.empty()) insert(port.any, route.get());
      for (const std::string& hostname : listener.hostnames) {
        if (hostname.starts_with("*.")) {
          insert(port.wildcard[hostname.substr(1)], route.get());
        } else {
          insert(port.exact[hostname], route.get());
        }
      }
    }
    routes_.push_back(std::move(route));
  }
}

void Router::insert(Routes& routes, const Route* route) {
  const auto place = std::ranges::find_if(
      routes, [route](const Route* other) { return other->path_prefix.size() < route->path_prefix.size(); });
  routes.insert(place, route);
}

const Route* Router::longest(const Routes& routes, std::string_view path) {
  for (const Route* route : routes) {
    if (has_prefix(path, route->path_prefix)) return route;
  }
  return nullptr;
}

const Route* Router::match(std::uint16_t port_number, std::string_view authority,
                           std::string_view path) const {
  const auto port = ports_.find(port_number);
  if (port == ports_.end()) return nullptr;
  std::string_view host = http::host_of(authority);
  if (host.ends_with('.')) host.remove_suffix(1);  // the root's dot
  std::array<char, kHostBytesMax> lower;
  if (host.size() > lower.size()) host = {};
  std::ranges::transform(host, lower.begin(), ascii_lower);
  host = {lower.data(), host.size()};

  if (const auto exact = port->second.exact.find(host); exact != port->second.exact.end()) {
    if (const Route* route = longest(exact->second, path)) return route;
  }
  if (!port->second.wildcard.empty()) {
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
      const auto wildcard = port->second.wildcard.find(host.substr(dot));
      if (wildcard == port->second.wildcard.end()) continue;
      if (const Route* route = longest(wildcard->second, path)) return route;
    }
  }
  return longest(port->second.any, path);
}

}  // namespace weir::edge
