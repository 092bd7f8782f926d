// Ports: Listener, with its TLS and what each connection goes through.
#include "translation/to_envoy.h"

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/http/basic_auth/v3/basic_auth.pb.h>
#include <envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/http/router/v3/router.pb.h>
#include <envoy/extensions/filters/http/stateful_session/v3/stateful_session.pb.h>
#include <envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.pb.h>
#include <envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
#include <envoy/extensions/http/original_ip_detection/xff/v3/xff.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "config/kinds.h"
#include "translation/messages.h"
#include "translation/to_envoy_parts.h"

namespace weir::translation {
namespace {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
namespace http_filters = envoy::extensions::filters::http;
namespace listener = envoy::config::listener::v3;
namespace listener_filters = envoy::extensions::filters::listener;
namespace rbac = envoy::config::rbac::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;

constexpr Duration kStreamIdle = std::chrono::minutes(5);  // unless the route says; WebSockets count, too
constexpr Duration kHeadTimeout = std::chrono::seconds(10);
constexpr Duration kSourcesTimeout = std::chrono::seconds(10);  // of a PROXY header and a TLS hello together

// For a filter that has to name somebody: no password has this hash.
constexpr std::string_view kNobody = "nobody:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

class PortWriter {
 public:
  PortWriter(std::uint32_t port, std::span<const config::LoadBalancer* const> load_balancers,
             const config::Snapshot& snapshot, const EnvoyNode& node)
      : context_{port, load_balancers, snapshot, node, translation_.unsaid} {
    collect();
  }

  Translation write();

 private:
  // A listener that takes whole connections.
  struct Connections {
    const config::LoadBalancer* balancer = nullptr;
    std::size_t place = 0;
  };
  // What the listeners of the port want, together.
  struct Wanted {
    bool requests = false;  // some listener takes them
    bool https = false;
    bool every_host = false;  // of HTTPS: also those that nobody names
    bool h2c = false;
    bool encoded_slashes = true;  // all of their load balancers take them
    config::ListenerTls tls;      // of the first: versions and demands are the same for all of a port
    Names proxied_from;
    Names trusted;
    std::map<std::string, Names> certificates;  // by host name; "" for listeners without any
    Names first_certificates;                   // of the first listener that names some
    std::vector<Connections> connections;
    bool by_name = false;  // TLS listeners have a part of the port
    Names hosts_of_tls;    // that those take whatever clients offer; "": all that nobody names
    config::TcpOptions tcp;
  };

  void collect();
  void collect(const config::LoadBalancer& balancer, std::size_t place);
  void collect_connections(const config::LoadBalancer& balancer, std::size_t place);
  void collect_certificates(const config::LoadBalancer& balancer, std::size_t place);
  void say_encoded_slashes();
  bool can_take_requests();
  void write_sources(listener::Listener& into);
  void write_liveness(listener::Listener& into);
  void write_chains(listener::Listener& into);
  void write_chain_beside_tls(const Names& rest, listener::Listener& into);
  void write_chain(const Names& certificates, listener::FilterChain& into);
  void write_manager(hcm::HttpConnectionManager& into);
  void write_clients(hcm::HttpConnectionManager& into);

  Translation translation_;
  PortContext context_;
  std::string name_ = name_of_port(context_.port);
  Wanted wanted_;
};

void PortWriter::collect() {
  for (const config::LoadBalancer* balancer : context_.load_balancers) {
    bool here = false;
    for (std::size_t i = 0; i < balancer->spec.listeners.size(); ++i) {
      const config::Listener& from = balancer->spec.listeners[i];
      if (port_on(from, context_.node) != context_.port) continue;
      collect(*balancer, i);
      here |= !config::is_of_connections(from.protocol);
    }
    if (here && !balancer->spec.allow_encoded_slashes) wanted_.encoded_slashes = false;
  }
}

void PortWriter::collect(const config::LoadBalancer& balancer, std::size_t place) {
  const config::Listener& from = balancer.spec.listeners[place];
  const auto shorten = [](std::optional<Duration>& all, const std::optional<Duration>& one) {
    if (one) all = all ? std::min(*all, *one) : *one;
  };
  shorten(wanted_.tcp.keepalive, from.tcp.keepalive);
  shorten(wanted_.tcp.user_timeout, from.tcp.user_timeout);
  wanted_.proxied_from.insert(from.proxy_protocol_from.begin(), from.proxy_protocol_from.end());
  if (config::is_of_connections(from.protocol)) return collect_connections(balancer, place);
  wanted_.requests = true;
  wanted_.h2c |= from.h2c;
  wanted_.trusted.insert(from.trusted_proxies.begin(), from.trusted_proxies.end());
  if (from.protocol == config::ListenerProtocol::kHttps) collect_certificates(balancer, place);
}

void PortWriter::collect_connections(const config::LoadBalancer& balancer, std::size_t place) {
  const config::Listener& from = balancer.spec.listeners[place];
  wanted_.connections.push_back({&balancer, place});
  if (from.protocol != config::ListenerProtocol::kTls) return;
  wanted_.by_name = true;
  if (config::is_passthrough(from) && !from.tls->alpn.empty()) return;
  if (from.hostnames.empty()) wanted_.hosts_of_tls.emplace();
  for (const std::string& host : from.hostnames) wanted_.hosts_of_tls.insert(to_lower(host));
}

void PortWriter::collect_certificates(const config::LoadBalancer& balancer, std::size_t place) {
  const config::Listener& from = balancer.spec.listeners[place];
  wanted_.https = true;
  wanted_.every_host |= from.hostnames.empty();
  if (from.tls) wanted_.tls = *from.tls;
  if (!from.tls || from.tls->certificates.empty()) {
    context_.add(balancer, "spec.listeners[" + std::to_string(place) + "].tls.certificates",
                 std::string(kNoAuthority));
    return;
  }
  const std::vector<std::string>& named = from.tls->certificates;
  if (wanted_.first_certificates.empty()) wanted_.first_certificates.insert(named.begin(), named.end());
  if (from.hostnames.empty()) wanted_.certificates[""].insert(named.begin(), named.end());
  for (const std::string& host : from.hostnames) {
    wanted_.certificates[to_lower(host)].insert(named.begin(), named.end());
  }
}

void PortWriter::say_encoded_slashes() {
  if (wanted_.encoded_slashes) return;
  for (const config::LoadBalancer* balancer : context_.load_balancers) {
    if (!balancer->spec.allow_encoded_slashes) continue;
    context_.add(*balancer, "spec.allow_encoded_slashes",
                 "Envoy decides this for a whole port, which other load balancers share");
  }
}

// Of HTTPS: with some certificate.
bool PortWriter::can_take_requests() {
  if (!wanted_.requests) return false;
  if (!wanted_.https || !wanted_.first_certificates.empty()) return true;
  for (Unsaid& one : translation_.unsaid) {
    if (one.field.ends_with(".tls.certificates")) one.effect = Unsaid::Effect::kHeldBack;
  }
  return false;
}

Translation PortWriter::write() {
  listener::Listener into;
  into.set_name(name_);
  put_address(context_.node.address, number_of_port(context_.port, context_.node), *into.mutable_address());
  write_sources(into);
  write_liveness(into);
  envoy::config::route::v3::RouteConfiguration routes;
  routes.set_name(name_);
  if (wanted_.requests) write_virtual_hosts(context_, routes);
  say_encoded_slashes();
  const bool requests = can_take_requests();
  if (requests) write_chains(into);
  for (const Connections& one : wanted_.connections) {
    write_connections(context_, *one.balancer, one.place, wanted_.proxied_from, into);
  }
  const bool serves =
      into.has_default_filter_chain() ||
      std::ranges::any_of(into.filter_chains(), [](const auto& chain) { return !chain.filters().empty(); });
  if (!serves) return std::move(translation_);
  const std::string object =
      context_.load_balancers.size() == 1 ? "loadbalancers/" + context_.load_balancers.front()->name : "";
  translation_.resources.push_back(
      xds::make_resource(xds::Type::kListener, name_, xds::serialize(into), object));
  if (requests) {
    translation_.resources.push_back(
        xds::make_resource(xds::Type::kRoutes, name_, xds::serialize(routes), object));
  }
  return std::move(translation_);
}

template <class Extension>
listener::ListenerFilter& add_filter(std::string name, const Extension& extension, listener::Listener& into) {
  auto& filter = *into.add_listener_filters();
  filter.set_name(std::move(name));
  pack(extension, *filter.mutable_typed_config());
  return filter;
}

void PortWriter::write_sources(listener::Listener& into) {
  if (!wanted_.proxied_from.empty()) {
    add_filter("envoy.filters.listener.proxy_protocol", listener_filters::proxy_protocol::v3::ProxyProtocol(),
               into);
    for (const config::LoadBalancer* balancer : context_.load_balancers) {
      for (std::size_t i = 0; i < balancer->spec.listeners.size(); ++i) {
        if (balancer->spec.listeners[i].proxy_protocol_from.empty()) continue;
        context_.add(*balancer, "spec.listeners[" + std::to_string(i) + "].proxy_protocol_from",
                     "Envoy wants a PROXY header from all of a port; connections from elsewhere are refused");
      }
    }
  }
  if (wanted_.https || wanted_.by_name) {
    add_filter("envoy.filters.listener.tls_inspector", listener_filters::tls_inspector::v3::TlsInspector(),
               into);
  }
  if (!wanted_.connections.empty() && !into.listener_filters().empty()) {
    put(kSourcesTimeout, *into.mutable_listener_filters_timeout());
  }
}

// Set on the listening socket, which hands them on to each connection.
void PortWriter::write_liveness(listener::Listener& into) {
  if (wanted_.tcp.keepalive) put_keepalive(*wanted_.tcp.keepalive, *into.mutable_tcp_keepalive());
  if (wanted_.tcp.user_timeout) put_user_timeout(*wanted_.tcp.user_timeout, *into.add_socket_options());
  const auto another = [](const std::optional<Duration>& asked, const std::optional<Duration>& held) {
    return asked && asked != held;
  };
  for (const config::LoadBalancer* balancer : context_.load_balancers) {
    for (std::size_t i = 0; i < balancer->spec.listeners.size(); ++i) {
      const config::Listener& one = balancer->spec.listeners[i];
      if (port_on(one, context_.node) != context_.port) continue;
      if (!another(one.tcp.keepalive, wanted_.tcp.keepalive) &&
          !another(one.tcp.user_timeout, wanted_.tcp.user_timeout)) {
        continue;
      }
      context_.add(*balancer, "spec.listeners[" + std::to_string(i) + "].tcp",
                   "Envoy has these for a whole port; the shortest of all its listeners hold");
    }
  }
}

// One chain for each set of certificates, so that one more host changes its own chain only.
void PortWriter::write_chains(listener::Listener& into) {
  if (!wanted_.https) return write_chain({}, *into.add_filter_chains());
  std::map<Names, std::vector<std::string>> hosts;
  for (const auto& [host, certificates] : wanted_.certificates) {
    if (!host.empty() && !wanted_.hosts_of_tls.contains(host)) hosts[certificates].push_back(host);
  }
  for (const auto& [certificates, names] : hosts) {
    auto& chain = *into.add_filter_chains();
    chain.set_name(names.front());
    for (const std::string& name : names) chain.mutable_filter_chain_match()->add_server_names(name);
    write_chain(certificates, chain);
  }
  const auto any = wanted_.certificates.find("");
  const Names& rest = any == wanted_.certificates.end() ? wanted_.first_certificates : any->second;
  if (wanted_.by_name) return write_chain_beside_tls(rest, into);
  // Clients without SNI, or with one that nobody names, are served as we do, too.
  into.mutable_default_filter_chain()->set_name("*");
  write_chain(rest, *into.mutable_default_filter_chain());
}

// Where TLS listeners have a part of the port, a client that no listener takes is not HTTPS's, as with us.
// All chains match the transport, since Envoy does not come back to one that doesn't.
void PortWriter::write_chain_beside_tls(const Names& rest, listener::Listener& into) {
  const bool shared = context_.port == config::kSharedHttps;
  if ((shared || wanted_.every_host) && !wanted_.hosts_of_tls.contains("")) {
    auto& chain = *into.add_filter_chains();
    chain.set_name("*");
    write_chain(rest, chain);
  }
  for (auto& chain : *into.mutable_filter_chains()) {
    chain.mutable_filter_chain_match()->set_transport_protocol(kTransportTls);
  }
}

void PortWriter::write_chain(const Names& certificates, listener::FilterChain& into) {
  if (wanted_.https) {
    static const std::array<std::string, 2> kProtocols{"h2", "http/1.1"};
    write_downstream_tls(wanted_.tls, certificates, kProtocols, into);
  }
  if (!wanted_.proxied_from.empty()) {
    envoy::extensions::filters::network::rbac::v3::RBAC access;
    access.set_stat_prefix(name_ + "_proxies");
    rbac::Policy& policy = (*access.mutable_rules()->mutable_policies())["proxies"];
    policy.add_permissions()->set_any(true);
    for (const std::string& network : wanted_.proxied_from) {
      put_network(network, *policy.add_principals()->mutable_direct_remote_ip());
    }
    auto& filter = *into.add_filters();
    filter.set_name("envoy.filters.network.rbac");
    pack(access, *filter.mutable_typed_config());
  }
  hcm::HttpConnectionManager manager;
  write_manager(manager);
  auto& filter = *into.add_filters();
  filter.set_name("envoy.filters.network.http_connection_manager");
  pack(manager, *filter.mutable_typed_config());
}

template <class Extension>
hcm::HttpFilter& add_filter(std::string name, const Extension& extension, hcm::HttpConnectionManager& into) {
  auto& filter = *into.add_http_filters();
  filter.set_name(std::move(name));
  pack(extension, *filter.mutable_typed_config());
  return filter;
}

void PortWriter::write_manager(hcm::HttpConnectionManager& into) {
  using Manager = hcm::HttpConnectionManager;
  into.set_stat_prefix(name_);
  into.set_codec_type(wanted_.https || wanted_.h2c ? Manager::AUTO : Manager::HTTP1);
  into.mutable_rds()->set_route_config_name(name_);
  put_ads(*into.mutable_rds()->mutable_config_source());
  into.set_server_header_transformation(Manager::PASS_THROUGH);
  into.mutable_normalize_path()->set_value(true);
  into.set_merge_slashes(true);
  into.set_path_with_escaped_slashes_action(wanted_.encoded_slashes ? Manager::KEEP_UNCHANGED
                                                                    : Manager::REJECT_REQUEST);
  into.set_strip_trailing_host_dot(true);
  put(kStreamIdle, *into.mutable_stream_idle_timeout());
  put(kHeadTimeout, *into.mutable_request_headers_timeout());
  into.add_upgrade_configs()->set_upgrade_type("websocket");
  write_clients(into);
  // Those that are disabled are for the routes that ask for them.
  http_filters::local_ratelimit::v3::LocalRateLimit limit;
  limit.set_stat_prefix("weir");
  add_filter("envoy.filters.http.rbac", http_filters::rbac::v3::RBAC(), into).set_disabled(true);
  add_filter("envoy.filters.http.local_ratelimit", limit, into).set_disabled(true);
  http_filters::basic_auth::v3::BasicAuth nobody;
  nobody.mutable_users()->set_inline_string(std::string(kNobody));
  add_filter("envoy.filters.http.basic_auth", nobody, into).set_disabled(true);
  add_filter("envoy.filters.http.stateful_session", http_filters::stateful_session::v3::StatefulSession(),
             into)
      .set_disabled(true);
  http_filters::router::v3::Router router;
  router.set_suppress_envoy_headers(true);
  add_filter("envoy.filters.http.router", router, into);
}

// Who the client is, and what its origin is told of it.
void PortWriter::write_clients(hcm::HttpConnectionManager& into) {
  into.mutable_internal_address_config();  // nobody may send fields of Envoy's own
  if (wanted_.trusted.empty()) {
    into.mutable_use_remote_address()->set_value(true);
  } else {
    into.mutable_use_remote_address()->set_value(false);
    envoy::extensions::http::original_ip_detection::xff::v3::XffConfig trusted;
    for (const std::string& network : wanted_.trusted) {
      put_network(network, *trusted.mutable_xff_trusted_cidrs()->add_cidrs());
    }
    trusted.mutable_skip_xff_append()->set_value(false);
    auto& detection = *into.add_original_ip_detection_extensions();
    detection.set_name("envoy.http.original_ip_detection.xff");
    pack(trusted, *detection.mutable_typed_config());
  }
  if (wanted_.tls.client_certificates == config::ClientCertificates::kNone) return;
  into.set_forward_client_cert_details(hcm::HttpConnectionManager::SANITIZE_SET);
  auto& details = *into.mutable_set_current_client_cert_details();
  details.mutable_subject()->set_value(true);
  details.set_dns(true);
  details.set_uri(true);
}

}  // namespace

std::uint32_t port_on(const config::Listener& listener, const EnvoyNode& node) {
  using enum config::ListenerProtocol;
  const std::uint32_t port = config::shared_or_own_port(listener);
  if (listener.protocol == kHttp && port == node.http) return config::kSharedHttp;
  if (listener.protocol == kTls && port == node.https) return config::kSharedHttps;
  return port;
}

std::string name_of_port(std::uint32_t port) {
  if (port == config::kSharedHttp) return "http";
  if (port == config::kSharedHttps) return "https";
  return "port-" + std::to_string(port);
}

std::uint16_t number_of_port(std::uint32_t port, const EnvoyNode& node) {
  if (port == config::kSharedHttp) return node.http;
  if (port == config::kSharedHttps) return node.https;
  return static_cast<std::uint16_t>(port);
}

void write_downstream_tls(const config::ListenerTls& spec, const Names& certificates,
                          std::span<const std::string> protocols, listener::FilterChain& into) {
  tls::DownstreamTlsContext context;
  auto& common = *context.mutable_common_tls_context();
  common.mutable_tls_params()->set_tls_minimum_protocol_version(spec.min_version == config::TlsVersion::k13
                                                                    ? tls::TlsParameters::TLSv1_3
                                                                    : tls::TlsParameters::TLSv1_2);
  for (const std::string& protocol : protocols) common.add_alpn_protocols(protocol);
  for (const std::string& name : certificates) {
    auto& secret = *common.add_tls_certificate_sds_secret_configs();
    secret.set_name(name);
    put_ads(*secret.mutable_sds_config());
  }
  if (spec.client_certificates != config::ClientCertificates::kNone) {
    common.mutable_validation_context()->mutable_trusted_ca()->set_inline_string(spec.client_ca);
    context.mutable_require_client_certificate()->set_value(spec.client_certificates ==
                                                            config::ClientCertificates::kRequire);
  }
  into.mutable_transport_socket()->set_name("envoy.transport_sockets.tls");
  pack(context, *into.mutable_transport_socket()->mutable_typed_config());
}

Translation to_envoy(std::uint32_t port, std::span<const config::LoadBalancer* const> load_balancers,
                     const config::Snapshot& snapshot, const EnvoyNode& node) {
  return PortWriter(port, load_balancers, snapshot, node).write();
}

std::vector<Unsaid> unsaid_of_taken(std::uint32_t port,
                                    std::span<const config::LoadBalancer* const> load_balancers,
                                    const EnvoyNode& node) {
  std::vector<Unsaid> all;
  for (const config::LoadBalancer* balancer : load_balancers) {
    for (std::size_t i = 0; i < balancer->spec.listeners.size(); ++i) {
      if (port_on(balancer->spec.listeners[i], node) != port) continue;
      all.push_back({"loadbalancers/" + balancer->name, "spec.listeners[" + std::to_string(i) + "].port",
                     port == node.http
                         ? "it is the shared HTTP port of these Envoys, which other listeners use"
                         : "it is the shared HTTPS port of these Envoys, which other listeners use",
                     Unsaid::Effect::kHeldBack});
    }
  }
  return all;
}

}  // namespace weir::translation
