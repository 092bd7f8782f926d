// The parts of a port's translation, one file each: the listener in to_envoy.cc, what of it takes whole
// connections, its virtual hosts, a route, and what a route does beside passing on. For the .cc files of this
// room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/snapshot.h"
#include "translation/to_envoy.h"

namespace envoy::config::listener::v3 {
class FilterChain;
class Listener;
}  // namespace envoy::config::listener::v3
namespace envoy::config::route::v3 {
class Route;
class RouteConfiguration;
}  // namespace envoy::config::route::v3
namespace envoy::type::v3 {
class TokenBucket;
}

namespace weir::translation {

// What a part is written with, and where it says what Envoy can't be told.
struct PortContext {
  std::uint32_t port = 0;
  std::span<const config::LoadBalancer* const> load_balancers;
  const config::Snapshot& snapshot;
  const EnvoyNode& node;
  std::vector<Unsaid>& unsaid;

  void add(const config::LoadBalancer& balancer, std::string field, std::string reason,
           Unsaid::Effect effect = Unsaid::Effect::kWithout) const {
    unsaid.push_back({"loadbalancers/" + balancer.name, std::move(field), std::move(reason), effect});
  }
};

// The number that the port has on the node, the shared ones included.
std::uint16_t number_of_port(std::uint32_t port, const EnvoyNode& node);

using Names = std::set<std::string, std::less<>>;

// What is said where Envoys would need what weir's own authority issues.
inline constexpr std::string_view kNoAuthority =
    "weir's own authority issues certificates to weir's edges only; name a Certificate";
// As tls_inspector has it, of chains that match by what a client says in its hello.
inline constexpr const char* kTransportTls = "tls";

// TLS that ends here, with those Certificates. protocols: that clients may choose from (ALPN).
void write_downstream_tls(const config::ListenerTls& spec, const Names& certificates,
                          std::span<const std::string> protocols,
                          envoy::config::listener::v3::FilterChain& into);

// The chains of a TCP or TLS listener, at that place of the load balancer. proxied_from: of the whole port;
// empty: no connection begins with a PROXY header.
void write_connections(const PortContext& context, const config::LoadBalancer& balancer, std::size_t place,
                       const Names& proxied_from, envoy::config::listener::v3::Listener& into);

void write_virtual_hosts(const PortContext& context, envoy::config::route::v3::RouteConfiguration& into);

// The route at that place of the load balancer.
void write_route(const PortContext& context, const config::LoadBalancer& balancer, std::size_t place,
                 envoy::config::route::v3::Route& into);
// The one that leads all of a listener to https.
void write_https_redirect(const PortContext& context, const config::LoadBalancer& balancer,
                          const config::Listener& listener, envoy::config::route::v3::Route& into);

// Who may come, how often, and what is changed. False: a demand on who comes can't be met, so nothing of the
// route may be done.
bool write_route_filters(const PortContext& context, const config::LoadBalancer& balancer,
                         const std::string& field, const config::Route& from,
                         envoy::config::route::v3::Route& into);
void write_bucket(const config::RateLimit& from, envoy::type::v3::TokenBucket& into);

}  // namespace weir::translation
