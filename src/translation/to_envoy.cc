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
#include <map>
#include <utility>

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

// For a filter that has to name somebody: no password has this hash.
constexpr std::string_view kNobody = "nobody:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

using Names = std::set<std::string, std::less<>>;

class PortWriter {
 public:
  PortWriter(std::uint32_t port, std::span<const config::LoadBalancer* const> load_balancers,
             const config::Snapshot& snapshot, const EnvoyNode& node)
      : context_{port, load_balancers, snapshot, node, translation_.unsaid} {
    collect();
  }

  Translation write();

 private:
  // What the listeners of the port want, together.
  struct Wanted {
    bool https = false;
    bool h2c = false;
    bool encoded_slashes = true;  // all of their load balancers take them
    config::ListenerTls tls;      // of the first: versions and demands are the same for all of a port
    Names proxied_from;
    Names trusted;
    std::map<std::string, Names> certificates;  // by host name; "" for listeners without any
    Names first_certificates;                   // of the first listener that names some
  };

  void collect();
  void collect(const config::LoadBalancer& balancer, std::size_t place);
  void say_encoded_slashes();
  void write_sources(listener::Listener& into);
  void write_chains(listener::Listener& into);
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
      if (config::shared_or_own_port(balancer->spec.listeners[i]) != context_.port) continue;
      collect(*balancer, i);
      here = true;
    }
    if (here && !balancer->spec.allow_encoded_slashes) wanted_.encoded_slashes = false;
  }
}

void PortWriter::collect(const config::LoadBalancer& balancer, std::size_t place) {
  const config::Listener& from = balancer.spec.listeners[place];
  wanted_.h2c |= from.h2c;
  wanted_.proxied_from.insert(from.proxy_protocol_from.begin(), from.proxy_protocol_from.end());
  wanted_.trusted.insert(from.trusted_proxies.begin(), from.trusted_proxies.end());
  if (from.protocol != config::ListenerProtocol::kHttps) return;
  wanted_.https = true;
  if (from.tls) wanted_.tls = *from.tls;
  if (!from.tls || from.tls->certificates.empty()) {
    context_.add(balancer, "spec.listeners[" + std::to_string(place) + "].tls.certificates",
                 "weir's own authority issues certificates to weir's edges only; name a Certificate");
    return;
  }
  const std::vector<std::string>& named = from.tls->certificates;
  if (wanted_.first_certificates.empty()) wanted_.first_certificates.insert(named.begin(), named.end());
  if (from.hostnames.empty()) wanted_.certificates[""].insert(named.begin(), named.end());
  for (const std::string& host : from.hostnames) {
    wanted_.certificates[host].insert(named.begin(), named.end());
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

Translation PortWriter::write() {
  envoy::config::route::v3::RouteConfiguration routes;
  routes.set_name(name_);
  write_virtual_hosts(context_, routes);
  say_encoded_slashes();
  if (wanted_.https && wanted_.first_certificates.empty()) {
    for (Unsaid& one : translation_.unsaid) {
      if (one.field.ends_with(".tls.certificates")) one.effect = Unsaid::Effect::kHeldBack;
    }
    return std::move(translation_);  // nobody can be served there
  }
  listener::Listener into;
  into.set_name(name_);
  put_address(context_.node.address, number_of_port(context_.port, context_.node), *into.mutable_address());
  write_sources(into);
  write_chains(into);
  const std::string object =
      context_.load_balancers.size() == 1 ? "loadbalancers/" + context_.load_balancers.front()->name : "";
  translation_.resources.push_back(
      xds::make_resource(xds::Type::kListener, name_, xds::serialize(into), object));
  translation_.resources.push_back(
      xds::make_resource(xds::Type::kRoutes, name_, xds::serialize(routes), object));
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
  if (wanted_.https) {
    add_filter("envoy.filters.listener.tls_inspector", listener_filters::tls_inspector::v3::TlsInspector(),
               into);
  }
}

// One chain for each set of certificates, so that one more host changes its own chain only.
void PortWriter::write_chains(listener::Listener& into) {
  if (!wanted_.https) return write_chain({}, *into.add_filter_chains());
  std::map<Names, std::vector<std::string>> hosts;
  for (const auto& [host, certificates] : wanted_.certificates) {
    if (!host.empty()) hosts[certificates].push_back(host);
  }
  for (const auto& [certificates, names] : hosts) {
    auto& chain = *into.add_filter_chains();
    chain.set_name(names.front());
    for (const std::string& name : names) chain.mutable_filter_chain_match()->add_server_names(name);
    write_chain(certificates, chain);
  }
  // Clients without SNI, or with one that nobody names, are served as we do, too.
  const auto any = wanted_.certificates.find("");
  auto& rest = *into.mutable_default_filter_chain();
  rest.set_name("*");
  write_chain(any == wanted_.certificates.end() ? wanted_.first_certificates : any->second, rest);
}

void PortWriter::write_chain(const Names& certificates, listener::FilterChain& into) {
  if (wanted_.https) {
    tls::DownstreamTlsContext context;
    auto& common = *context.mutable_common_tls_context();
    common.mutable_tls_params()->set_tls_minimum_protocol_version(
        wanted_.tls.min_version == config::TlsVersion::k13 ? tls::TlsParameters::TLSv1_3
                                                           : tls::TlsParameters::TLSv1_2);
    common.add_alpn_protocols("h2");
    common.add_alpn_protocols("http/1.1");
    for (const std::string& name : certificates) {
      auto& secret = *common.add_tls_certificate_sds_secret_configs();
      secret.set_name(name);
      put_ads(*secret.mutable_sds_config());
    }
    if (wanted_.tls.client_certificates != config::ClientCertificates::kNone) {
      common.mutable_validation_context()->mutable_trusted_ca()->set_inline_string(wanted_.tls.client_ca);
      context.mutable_require_client_certificate()->set_value(wanted_.tls.client_certificates ==
                                                              config::ClientCertificates::kRequire);
    }
    into.mutable_transport_socket()->set_name("envoy.transport_sockets.tls");
    pack(context, *into.mutable_transport_socket()->mutable_typed_config());
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

Translation to_envoy(std::uint32_t port, std::span<const config::LoadBalancer* const> load_balancers,
                     const config::Snapshot& snapshot, const EnvoyNode& node) {
  return PortWriter(port, load_balancers, snapshot, node).write();
}

}  // namespace weir::translation
