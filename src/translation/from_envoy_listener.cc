// Listeners: an address, TLS by SNI, and an HTTP connection manager that all chains have alike.
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/http/router/v3/router.pb.h>
#include <envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
#include <envoy/extensions/http/original_ip_detection/xff/v3/xff.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>

#include <algorithm>
#include <utility>

#include "translation/from_envoy_parts.h"
#include "xds/resource.h"

namespace weir::translation {
namespace {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
namespace listener = envoy::config::listener::v3;
namespace rbac = envoy::config::rbac::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;
using Manager = hcm::HttpConnectionManager;
using Step = config::Report::Step;

class Reader {
 public:
  Reader(const listener::Listener& from, config::Report& report) : from_(from), report_(report) {}
  ReadListener read();

 private:
  void read_chain(const listener::FilterChain& chain, bool is_default);
  void read_tls(const listener::FilterChain& chain, bool is_default);
  void read_filters(const listener::FilterChain& chain);
  void read_proxies(const rbac::RBAC& rules);
  void read_manager(const Manager& manager);
  void read_http_filters(const Manager& manager);
  void read_clients(const Manager& manager);
  void add(std::string message) { report_.add(std::move(message)); }

  const listener::Listener& from_;
  config::Report& report_;
  ReadListener into_;
  std::optional<std::string> manager_;  // as the chains before have it
  bool first_ = true;
};

ReadListener Reader::read() {
  const auto& socket = from_.address().socket_address();
  {
    const Step step(report_, "address");
    if (socket.port_value() == 0) add("must have a port");
    if (socket.protocol() != envoy::config::core::v3::SocketAddress::TCP) add("must be of TCP");
  }
  into_.listener.port = socket.port_value();
  for (int i = 0; i < from_.filter_chains_size() && !report_.full(); ++i) {
    const Step list(report_, "filter_chains");
    const Step item(report_, static_cast<std::size_t>(i));
    read_chain(from_.filter_chains(i), false);
  }
  if (from_.has_default_filter_chain()) {
    const Step step(report_, "default_filter_chain");
    read_chain(from_.default_filter_chain(), true);
  }
  if (first_) add("has no filter chain");
  const bool proxied = std::ranges::any_of(from_.listener_filters(), [](const auto& filter) {
    envoy::extensions::filters::listener::proxy_protocol::v3::ProxyProtocol header;
    return unpack(filter.typed_config(), header);
  });
  if (proxied && into_.listener.proxy_protocol_from.empty()) {
    into_.listener.proxy_protocol_from = {"0.0.0.0/0", "::/0"};
  } else if (!proxied && !into_.listener.proxy_protocol_from.empty()) {
    add("has an envoy.filters.network.rbac without the proxy_protocol listener filter");
  }
  return std::move(into_);
}

void Reader::read_chain(const listener::FilterChain& chain, bool is_default) {
  read_tls(chain, is_default);
  read_filters(chain);
  first_ = false;
}

void Reader::read_tls(const listener::FilterChain& chain, bool is_default) {
  const auto& match = chain.filter_chain_match();
  const bool https = chain.has_transport_socket();
  if (!match.transport_protocol().empty() && match.transport_protocol() != (https ? "tls" : "raw_buffer")) {
    add("must match the transport protocol of its transport socket");
  }
  const auto protocol = https ? config::ListenerProtocol::kHttps : config::ListenerProtocol::kHttp;
  if (!first_ && protocol != into_.listener.protocol) add("must be TLS or not, as the other chains are");
  into_.listener.protocol = protocol;
  if (!https) {
    if (!match.server_names().empty()) add("must not match server_names without TLS");
    return;
  }
  const Step step(report_, "transport_socket");
  tls::DownstreamTlsContext context;
  if (!unpack(chain.transport_socket().typed_config(), context)) return add("must be TLS");
  const auto& common = context.common_tls_context();
  config::ListenerTls spec;
  const auto minimum = common.tls_params().tls_minimum_protocol_version();
  if (minimum == tls::TlsParameters::TLSv1_3) spec.min_version = config::TlsVersion::k13;
  if (common.has_validation_context()) {
    const Step field(report_, "trusted_ca");
    spec.client_ca = read_text(common.validation_context().trusted_ca(), report_);
    spec.client_certificates = context.require_client_certificate().value()
                                   ? config::ClientCertificates::kRequire
                                   : config::ClientCertificates::kRequest;
    if (!common.validation_context().match_typed_subject_alt_names().empty()) {
      add("goes without match_typed_subject_alt_names, which is not supported here");
    }
  } else if (context.require_client_certificate().value()) {
    add("requires a client certificate, but has no validation_context");
  }
  std::vector<std::string> names;
  for (const auto& secret : common.tls_certificate_sds_secret_configs()) names.push_back(secret.name());
  if (names.empty()) add("has no certificate in tls_certificate_sds_secret_configs");
  if (into_.listener.tls && *into_.listener.tls != spec) add("must demand the same as the other chains");
  into_.listener.tls = spec;
  if (is_default || match.server_names().empty()) into_.certificates.emplace("", names);
  for (const std::string& name : match.server_names()) into_.certificates.emplace(name, names);
}

void Reader::read_filters(const listener::FilterChain& chain) {
  const Step list(report_, "filters");
  for (int i = 0; i < chain.filters_size(); ++i) {
    const Step item(report_, static_cast<std::size_t>(i));
    Manager manager;
    envoy::extensions::filters::network::rbac::v3::RBAC access;
    const auto& config = chain.filters(i).typed_config();
    if (i + 1 < chain.filters_size()) {
      if (unpack(config, access)) {
        read_proxies(access.rules());
      } else {
        add("is not supported before an HTTP connection manager");
      }
    } else if (!unpack(config, manager)) {
      add("must be an HTTP connection manager");
    } else if (first_) {
      manager_ = xds::serialize(manager);
      read_manager(manager);
    } else if (manager_ != xds::serialize(manager)) {
      add("must be the same as in the other chains");
    }
  }
  if (chain.filters().empty()) add("must be there");
}

void Reader::read_proxies(const rbac::RBAC& rules) {
  if (!first_) return;
  if (rules.action() != rbac::RBAC::ALLOW || rules.policies().size() != 1) {
    return add("must allow, by one policy");
  }
  for (const rbac::Principal& one : rules.policies().begin()->second.principals()) {
    if (!one.has_direct_remote_ip()) return add("must be of direct_remote_ip only");
    into_.listener.proxy_protocol_from.push_back(read_network(one.direct_remote_ip()));
  }
}

void Reader::read_manager(const Manager& manager) {
  const bool https = into_.listener.protocol == config::ListenerProtocol::kHttps;
  switch (manager.codec_type()) {
    case Manager::AUTO: into_.listener.h2c = !https; break;
    case Manager::HTTP1: break;
    default: add("has a codec_type other than AUTO and HTTP1");
  }
  switch (manager.path_with_escaped_slashes_action()) {
    case Manager::IMPLEMENTATION_SPECIFIC_DEFAULT:
    case Manager::KEEP_UNCHANGED: break;
    case Manager::REJECT_REQUEST: into_.encoded_slashes = false; break;
    default: add("has a path_with_escaped_slashes_action that changes paths");
  }
  if (manager.has_normalize_path() && !manager.normalize_path().value()) {
    add("has normalize_path: false; paths are always normal here");
  }
  for (const auto& upgrade : manager.upgrade_configs()) {
    if (upgrade.upgrade_type() != "websocket") add("has an upgrade other than websocket");
  }
  if (manager.has_route_config()) {
    const Step step(report_, "route_config");
    into_.inline_routes = read_routes(manager.route_config(), report_);
    check_routes(*into_.inline_routes, report_);
  } else {
    into_.routes = manager.rds().route_config_name();
    if (into_.routes.empty()) add("must have rds or route_config");
  }
  read_clients(manager);
  read_http_filters(manager);
}

void Reader::read_clients(const Manager& manager) {
  const auto& detection = manager.original_ip_detection_extensions();
  for (const auto& extension : detection) {
    envoy::extensions::http::original_ip_detection::xff::v3::XffConfig trusted;
    if (!unpack(extension.typed_config(), trusted) || detection.size() > 1) {
      return add("must have one original_ip_detection_extension, of xff");
    }
    for (const auto& network : trusted.xff_trusted_cidrs().cidrs()) {
      into_.listener.trusted_proxies.push_back(read_network(network));
    }
  }
  if (detection.empty() && !manager.use_remote_address().value()) {
    add("must have use_remote_address: true, or xff_trusted_cidrs; not everybody's word is taken here");
  }
}

void Reader::read_http_filters(const Manager& manager) {
  const Step list(report_, "http_filters");
  for (int i = 0; i < manager.http_filters_size(); ++i) {
    const Step item(report_, static_cast<std::size_t>(i));
    const hcm::HttpFilter& filter = manager.http_filters(i);
    envoy::extensions::filters::http::router::v3::Router router;
    const bool is_router = unpack(filter.typed_config(), router);
    const bool is_last = i + 1 == manager.http_filters_size();
    if (is_router != is_last || (is_router && filter.disabled()))
      add("must be the router exactly at the end");
    if (!is_router && !filter.disabled())
      add("must be disabled here, and be enabled by the routes that want it");
  }
  if (manager.http_filters().empty()) add("must end with the router");
}

}  // namespace

Read<ReadListener> listener_from_envoy(std::string_view body) {
  config::Report report;
  listener::Listener from;
  if (!parse(body, from, report)) return std::unexpected(sentence_of(report.take()));
  ReadListener into = Reader(from, report).read();
  if (report.size() == 0) {
    config::LoadBalancerSpec spec;
    spec.listeners.push_back(into.listener);
    spec.routes.emplace_back().respond.emplace();
    check_spec(spec, report);
  }
  if (report.size() > 0) return std::unexpected(sentence_of(report.take()));
  return into;
}

}  // namespace weir::translation
