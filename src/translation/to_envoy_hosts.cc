// The virtual hosts of a port, and their routes in order of precedence, as edge/router.h has them.
#include <envoy/config/route/v3/route.pb.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "config/kinds.h"
#include "translation/messages.h"
#include "translation/to_envoy_parts.h"

namespace weir::translation {
namespace {

namespace core = envoy::config::core::v3;
namespace route = envoy::config::route::v3;

constexpr std::uint32_t kAnswerBytesMax = 64 * 1024;  // of a route's `respond`

// A route of a load balancer, or the one that leads a listener's hosts to https.
struct Placed {
  config::Precedence precedence;
  std::size_t balancer = 0;  // place in PortContext::load_balancers, which are by name
  std::size_t place = 0;     // of the route, or of the listener
  bool to_https = false;

  auto key() const { return std::tuple(balancer, to_https, place); }
};

using Routes = std::vector<Placed>;

// By host name; "*" takes what nobody names. Envoy prefers exact names, then the longest suffix, as we do.
std::map<std::string, Routes> routes_by_host(const PortContext& context) {
  std::map<std::string, Routes> hosts;
  const config::Precedence everything = config::precedence_of({});
  for (std::size_t i = 0; i < context.load_balancers.size(); ++i) {
    const config::LoadBalancerSpec& spec = context.load_balancers[i]->spec;
    for (std::size_t j = 0; j < spec.listeners.size(); ++j) {
      const config::Listener& listener = spec.listeners[j];
      if (port_on(listener, context.node) != context.port) continue;
      if (config::is_of_connections(listener.protocol)) continue;
      const auto add = [&](const std::string& host) {
        Routes& routes = hosts[host];
        if (listener.redirect_to_https) return (void)routes.push_back({everything, i, j, true});
        for (std::size_t k = 0; k < spec.routes.size(); ++k) {
          routes.push_back({config::precedence_of(spec.routes[k].match), i, k, false});
        }
      };
      if (listener.hostnames.empty()) add("*");
      for (const std::string& host : listener.hostnames) add(host);
    }
  }
  for (auto& [host, routes] : hosts) {
    std::ranges::sort(routes, [](const Placed& left, const Placed& right) {
      if (left.precedence != right.precedence) return left.precedence > right.precedence;
      return left.key() < right.key();
    });
  }
  return hosts;
}

void write_forwarded_host(const PortContext& context, route::RouteConfiguration& into) {
  const auto believes = [&context](const config::LoadBalancer* balancer) {
    return std::ranges::any_of(balancer->spec.listeners, [&context](const config::Listener& listener) {
      return port_on(listener, context.node) == context.port && !listener.trusted_proxies.empty();
    });
  };
  auto& option = *into.add_request_headers_to_add();
  option.mutable_header()->set_key("x-forwarded-host");
  option.mutable_header()->set_value("%REQ(:AUTHORITY)%");
  option.set_append_action(std::ranges::any_of(context.load_balancers, believes)
                               ? core::HeaderValueOption::ADD_IF_ABSENT
                               : core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
}

}  // namespace

void write_virtual_hosts(const PortContext& context, route::RouteConfiguration& into) {
  into.set_ignore_port_in_host_matching(true);
  into.mutable_max_direct_response_body_size_bytes()->set_value(kAnswerBytesMax);
  write_forwarded_host(context, into);
  using Keys = std::vector<decltype(std::declval<Placed>().key())>;
  std::map<Keys, route::VirtualHost*> written;  // hosts with the same routes share them
  std::map<Keys::value_type, route::Route> made;
  for (const auto& [host, routes] : routes_by_host(context)) {
    Keys keys;
    for (const Placed& placed : routes) keys.push_back(placed.key());
    const auto [found, is_new] = written.try_emplace(keys, nullptr);
    if (!is_new) {
      found->second->add_domains(host);
      continue;
    }
    found->second = into.add_virtual_hosts();
    found->second->set_name(host);
    found->second->add_domains(host);
    for (const Placed& placed : routes) {
      const auto [one, first] = made.try_emplace(placed.key());
      const config::LoadBalancer& balancer = *context.load_balancers[placed.balancer];
      if (first && placed.to_https) {
        write_https_redirect(context, balancer, balancer.spec.listeners[placed.place], one->second);
      } else if (first) {
        write_route(context, balancer, placed.place, one->second);
      }
      *found->second->add_routes() = one->second;
    }
  }
}

}  // namespace weir::translation
