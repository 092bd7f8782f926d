// What of a port takes whole connections: the filter chains of TCP and TLS listeners. Who may come is a
// matter of which chain matches: Envoy's filter for that waits for a byte of the client's, and has reached an
// endpoint, and passed on what that says, by then.
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/network/connection_limit/v3/connection_limit.pb.h>
#include <envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include "base/text.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "translation/messages.h"
#include "translation/to_envoy_parts.h"

namespace weir::translation {
namespace {

namespace listener = envoy::config::listener::v3;
namespace network = envoy::extensions::filters::network;

using Effect = Unsaid::Effect;
using TcpProxy = network::tcp_proxy::v3::TcpProxy;

constexpr Duration kIdle = std::chrono::hours(1);  // unless the route says
constexpr Duration kHandshakeTimeout = std::chrono::seconds(10);

template <class Extension>
void add_filter(std::string name, const Extension& extension, listener::FilterChain& into) {
  auto& filter = *into.add_filters();
  filter.set_name(std::move(name));
  pack(extension, *filter.mutable_typed_config());
}

std::vector<std::string> everywhere() { return {"0.0.0.0/0", "::/0"}; }

bool holds(const config::Network& outer, const config::Network& inner) {
  return outer.prefix_bits <= inner.prefix_bits && outer.contains(inner.v6, inner.bytes);
}

// Without those that another one holds, or one of `except`: Envoy refuses a network that is there twice, and
// goes by the smallest that holds a client.
std::vector<std::string> outermost(const std::vector<std::string>& networks,
                                   const std::vector<std::string>& except = {}) {
  std::multimap<std::uint8_t, std::string> by_size;  // the largest first
  for (const std::string& text : networks) by_size.emplace(config::parse_network(text)->prefix_bits, text);
  std::vector<config::Network> known;
  for (const std::string& text : except) known.push_back(*config::parse_network(text));
  std::vector<std::string> found;
  for (auto& [bits, text] : by_size) {
    const config::Network one = *config::parse_network(text);
    if (std::ranges::any_of(known, [&one](const auto& outer) { return holds(outer, one); })) continue;
    known.push_back(one);
    found.push_back(std::move(text));
  }
  return found;
}

// A listener that takes whole connections, at its place of a load balancer of nothing else.
class ConnectionsWriter {
 public:
  ConnectionsWriter(const PortContext& context, const config::LoadBalancer& balancer, std::size_t place)
      : context_(context),
        balancer_(balancer),
        from_(balancer.spec.listeners[place]),
        route_(balancer.spec.routes.front()),
        field_("spec.listeners[" + std::to_string(place) + ']'),
        name_(balancer.name + '/' + std::to_string(place)) {}

  void write(const Names& proxied_from, listener::Listener& into);

 private:
  void unsaid(std::string field, std::string reason, Effect effect = Effect::kWithout) const {
    context_.add(balancer_, std::move(field), std::move(reason), effect);
  }
  void say_unsaid() const;
  void say_differing_backends(const config::Service& first) const;
  bool ends_tls() const {
    return from_.protocol == config::ListenerProtocol::kTls && !config::is_passthrough(from_);
  }

  void write_match(const Names& proxied_from, listener::FilterChainMatch& into) const;
  void write_filters(listener::FilterChain& into) const;
  void write_proxy(TcpProxy& into) const;

  const PortContext& context_;
  const config::LoadBalancer& balancer_;
  const config::Listener& from_;
  const config::Route& route_;
  std::string field_;
  std::string name_;
};

// A chain without filters cuts what comes to it.
void ConnectionsWriter::write(const Names& proxied_from, listener::Listener& into) {
  say_unsaid();
  const bool held_back = ends_tls() && (!from_.tls || from_.tls->certificates.empty());
  if (held_back) unsaid(field_ + ".tls.certificates", std::string(kNoAuthority), Effect::kHeldBack);
  const config::IpAccess access = route_.ip_access.value_or(config::IpAccess{});
  const std::vector<std::string> denied = outermost(access.deny);
  const std::vector<std::string> allowed =
      outermost(access.allow.empty() && !denied.empty() ? everywhere() : access.allow, denied);
  const bool nobody = allowed.empty() && !(access.allow.empty() && denied.empty());

  listener::FilterChainMatch match;
  write_match(proxied_from, match);
  auto& chain = *into.add_filter_chains();
  chain.set_name(name_);
  *chain.mutable_filter_chain_match() = match;
  for (const std::string& one : allowed) {
    put_network(one, *chain.mutable_filter_chain_match()->add_source_prefix_ranges());
  }
  if (held_back || nobody) return;
  if (ends_tls()) {
    write_downstream_tls(*from_.tls, Names(from_.tls->certificates.begin(), from_.tls->certificates.end()),
                         from_.tls->alpn, chain);
    put(kHandshakeTimeout, *chain.mutable_transport_socket_connect_timeout());
  }
  write_filters(chain);
  if (denied.empty()) return;
  auto& cut = *into.add_filter_chains();
  cut.set_name(name_ + " denied");
  *cut.mutable_filter_chain_match() = match;
  for (const std::string& one : denied) {
    put_network(one, *cut.mutable_filter_chain_match()->add_source_prefix_ranges());
  }
}

void ConnectionsWriter::write_match(const Names& proxied_from, listener::FilterChainMatch& into) const {
  for (const std::string& one : outermost({proxied_from.begin(), proxied_from.end()})) {
    put_network(one, *into.add_direct_source_prefix_ranges());
  }
  if (from_.protocol != config::ListenerProtocol::kTls) return;
  into.set_transport_protocol(kTransportTls);
  Names hosts;  // once each
  for (const std::string& host : from_.hostnames) hosts.insert(to_lower(host));
  for (const std::string& host : hosts) into.add_server_names(host);
  if (!config::is_passthrough(from_)) return;
  const Names protocols(from_.tls->alpn.begin(), from_.tls->alpn.end());
  for (const std::string& protocol : protocols) into.add_application_protocols(protocol);
}

void ConnectionsWriter::say_unsaid() const {
  if (from_.connections_per_source_max) {
    unsaid(field_ + ".connections_per_source_max",
           "Envoy limits the connections of a listener, not those of one client; this limit is not held");
  }
  if (route_.half_close_timeout) {
    unsaid("spec.routes[0].half_close_timeout",
           "Envoy has no time of its own for connections that one side has ended; stream_idle_timeout holds");
  }
  for (std::size_t i = 0; i < route_.rate_limits.size(); ++i) {
    if (!route_.rate_limits[i].by_address) continue;
    unsaid("spec.routes[0].rate_limits[" + std::to_string(i) + "].by_address",
           "Envoy limits the connections of a listener, not those of one client; this limit is not held");
  }
  if (route_.retries && route_.retries->budget_percent != config::Retries().budget_percent) {
    unsaid("spec.routes[0].retries.budget_percent",
           "Envoy has no budget for further attempts to connect; retries.attempts alone holds");
  }
}

void ConnectionsWriter::say_differing_backends(const config::Service& first) const {
  for (const config::Backend& backend : route_.backends) {
    const config::Service* service = context_.snapshot.find_service(backend.service);
    if (service == nullptr) continue;
    const bool same = service->spec.hash_on == first.spec.hash_on &&
                      (route_.retries || service->spec.retries == first.spec.retries);
    if (same) continue;
    unsaid("spec.routes[0].backends", "Envoy has these for a whole listener: hash_on, retries; those of " +
                                          first.name + " hold for " + service->name + ", too");
  }
}

void ConnectionsWriter::write_filters(listener::FilterChain& into) const {
  for (std::size_t i = 0; i < route_.rate_limits.size(); ++i) {
    if (route_.rate_limits[i].by_address) continue;
    network::local_ratelimit::v3::LocalRateLimit limit;
    limit.set_stat_prefix(balancer_.name);
    write_bucket(route_.rate_limits[i], *limit.mutable_token_bucket());
    limit.set_share_key(balancer_.name + " connections limit " + std::to_string(i));
    add_filter("envoy.filters.network.local_ratelimit", limit, into);
  }
  if (from_.connections_max) {
    network::connection_limit::v3::ConnectionLimit limit;
    limit.set_stat_prefix(balancer_.name);
    limit.mutable_max_connections()->set_value(*from_.connections_max);
    add_filter("envoy.filters.network.connection_limit", limit, into);
  }
  TcpProxy proxy;
  write_proxy(proxy);
  add_filter("envoy.filters.network.tcp_proxy", proxy, into);
}

void ConnectionsWriter::write_proxy(TcpProxy& into) const {
  into.set_stat_prefix(balancer_.name);
  std::vector<config::Backend> backends = route_.backends;
  std::erase_if(backends, [](const config::Backend& backend) { return backend.weight == 0; });
  if (backends.size() == 1) {
    into.set_cluster(backends.front().service);
  } else {
    for (const config::Backend& backend : backends) {
      auto& one = *into.mutable_weighted_clusters()->add_clusters();
      one.set_name(backend.service);
      one.set_weight(backend.weight);
    }
  }
  put(route_.stream_idle_timeout.value_or(kIdle), *into.mutable_idle_timeout());
  if (route_.stream_duration_max) {
    put(*route_.stream_duration_max, *into.mutable_max_downstream_connection_duration());
  }
  if (ends_tls()) {  // no endpoint is reached for who may not come
    into.set_upstream_connect_mode(network::tcp_proxy::v3::ON_DOWNSTREAM_TLS_HANDSHAKE);
    into.mutable_max_early_data_bytes()->set_value(0);
  }
  const config::Service* first = context_.snapshot.find_service(route_.backends.front().service);
  if (first == nullptr) return;
  say_differing_backends(*first);
  const config::Retries& retries = route_.retries ? *route_.retries : first->spec.retries;
  into.mutable_max_connect_attempts()->set_value(retries.attempts + 1);
  if (first->spec.hash_on && first->spec.hash_on->source) into.add_hash_policy()->mutable_source_ip();
}

}  // namespace

void write_connections(const PortContext& context, const config::LoadBalancer& balancer, std::size_t place,
                       const Names& proxied_from, listener::Listener& into) {
  ConnectionsWriter(context, balancer, place).write(proxied_from, into);
}

}  // namespace weir::translation
