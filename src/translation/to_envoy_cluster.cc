// Services: Cluster and ClusterLoadAssignment.
#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h>
#include <envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>
#include <envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "translation/messages.h"
#include "translation/to_envoy.h"

namespace weir::translation {
namespace {

namespace cluster = envoy::config::cluster::v3;
namespace core = envoy::config::core::v3;
namespace endpoint = envoy::config::endpoint::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;

// Where Debian, Ubuntu and Envoy's own images keep what is trusted.
constexpr std::string_view kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

// Changes of health and weight within it are taken up together. Envoy's own is a second: so long, an endpoint
// that has just come would wait for its first request, and one that fails would get more.
constexpr Duration kMergeWindow = std::chrono::milliseconds(100);

constexpr std::array kBalances{cluster::Cluster::ROUND_ROBIN, cluster::Cluster::LEAST_REQUEST,
                               cluster::Cluster::RANDOM, cluster::Cluster::RING_HASH,
                               cluster::Cluster::MAGLEV};  // in the order of lb::kPolicies
static_assert(kBalances.size() == lb::kPolicies.size());

class ClusterWriter {
 public:
  ClusterWriter(const config::Service& service, const EnvoyNode& node, const UnhealthyKeys& unhealthy)
      : service_(service), spec_(service.spec), node_(node), unhealthy_(unhealthy) {}

  Translation write();

 private:
  using Effect = Unsaid::Effect;
  void unsaid(std::string field, std::string reason, Effect effect = Effect::kWithout) {
    translation_.unsaid.push_back({object_, std::move(field), std::move(reason), effect});
  }
  bool has_names() const {
    return std::ranges::any_of(service_.endpoints, [](const config::Endpoint& one) {
      return one.address.family == config::Address::Family::kName;
    });
  }
  bool tcp() const { return spec_.protocol == config::Protocol::kTcp; }
  std::uint32_t level(const config::Endpoint& one) const {
    const bool elsewhere = !node_.zone.empty() && one.zone != node_.zone;
    return one.priority * 2 + (elsewhere ? 1 : 0);
  }

  void write_balance(cluster::Cluster& into);
  void write_protocol(cluster::Cluster& into);
  void write_limits(cluster::Cluster& into);
  void write_outliers(cluster::Cluster& into);
  void write_health_check(cluster::Cluster& into);
  void write_transport(cluster::Cluster& into);
  void write_liveness(cluster::Cluster& into);
  void say_unsaid_of_tcp();
  bool write_tls(const config::UpstreamTls& spec, tls::UpstreamTlsContext& context);
  void write_endpoints(endpoint::ClusterLoadAssignment& into);
  void write_endpoint(const config::Endpoint& from, endpoint::LbEndpoint& into);

  const config::Service& service_;
  const config::ServiceSpec& spec_;
  const EnvoyNode& node_;
  const UnhealthyKeys& unhealthy_;
  std::string object_ = "services/" + service_.name;
  Translation translation_;
};

Translation ClusterWriter::write() {
  cluster::Cluster into;
  into.set_name(service_.name);
  put(spec_.connect_timeout, *into.mutable_connect_timeout());
  write_balance(into);
  if (!tcp()) write_protocol(into);
  write_limits(into);
  write_outliers(into);
  write_health_check(into);
  write_transport(into);
  write_liveness(into);
  if (tcp()) say_unsaid_of_tcp();
  endpoint::ClusterLoadAssignment endpoints;
  write_endpoints(endpoints);
  if (has_names()) {
    into.set_type(cluster::Cluster::STRICT_DNS);
    into.set_dns_lookup_family(cluster::Cluster::ALL);
    *into.mutable_load_assignment() = std::move(endpoints);
  } else {
    into.set_type(cluster::Cluster::EDS);
    put_ads(*into.mutable_eds_cluster_config()->mutable_eds_config());
  }
  const bool held_back = std::ranges::any_of(
      translation_.unsaid, [](const Unsaid& one) { return one.effect == Effect::kHeldBack; });
  if (held_back) return std::move(translation_);
  translation_.resources.push_back(
      xds::make_resource(xds::Type::kCluster, service_.name, xds::serialize(into), object_));
  if (!has_names()) {
    translation_.resources.push_back(
        xds::make_resource(xds::Type::kEndpoints, service_.name, xds::serialize(endpoints), object_));
  }
  return std::move(translation_);
}

void ClusterWriter::write_balance(cluster::Cluster& into) {
  into.set_lb_policy(kBalances.at(static_cast<std::size_t>(spec_.balance)));
  auto& common = *into.mutable_common_lb_config();
  common.mutable_healthy_panic_threshold()->set_value(spec_.panic_percent);
  put(kMergeWindow, *common.mutable_update_merge_window());
  const bool hashes = lb::kPolicies.at(static_cast<std::size_t>(spec_.balance)).make_table != nullptr;
  if (hashes && spec_.hash_on && spec_.hash_on->load_percent_max > 0) {
    common.mutable_consistent_hashing_lb_config()->mutable_hash_balance_factor()->set_value(
        spec_.hash_on->load_percent_max);
  }
  if (!spec_.slow_start) return;
  switch (into.lb_policy()) {
    case cluster::Cluster::ROUND_ROBIN:
      put(*spec_.slow_start,
          *into.mutable_round_robin_lb_config()->mutable_slow_start_config()->mutable_slow_start_window());
      break;
    case cluster::Cluster::LEAST_REQUEST:
      put(*spec_.slow_start,
          *into.mutable_least_request_lb_config()->mutable_slow_start_config()->mutable_slow_start_window());
      break;
    default: unsaid("spec.slow_start", "Envoy starts slowly with ROUND_ROBIN and LEAST_REQUEST only");
  }
}

void ClusterWriter::write_protocol(cluster::Cluster& into) {
  envoy::extensions::upstreams::http::v3::HttpProtocolOptions options;
  put(spec_.idle_timeout, *options.mutable_common_http_protocol_options()->mutable_idle_timeout());
  auto& how = *options.mutable_explicit_http_config();
  if (spec_.protocol == config::Protocol::kHttp2) {
    how.mutable_http2_protocol_options();
  } else {
    how.mutable_http_protocol_options();
  }
  pack(options, (*into.mutable_typed_extension_protocol_options())
                    ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]);
}

void ClusterWriter::write_limits(cluster::Cluster& into) {
  const config::CircuitBreakers& limits = spec_.circuit_breakers;
  auto& thresholds = *into.mutable_circuit_breakers()->add_thresholds();
  thresholds.mutable_max_connections()->set_value(limits.connections_max);
  thresholds.mutable_max_pending_requests()->set_value(limits.pending_max);
  if (tcp()) return;
  thresholds.mutable_max_requests()->set_value(limits.requests_max);
  thresholds.mutable_retry_budget()->mutable_budget_percent()->set_value(spec_.retries.budget_percent);
  if (limits.retries_max != config::CircuitBreakers().retries_max) {
    unsaid("spec.circuit_breakers.retries_max", "Envoy limits retries by retries.budget_percent alone");
  }
}

void ClusterWriter::write_outliers(cluster::Cluster& into) {
  const config::OutlierDetection& from = spec_.outlier_detection;
  if (!from.enabled) return;
  auto& to = *into.mutable_outlier_detection();
  to.mutable_consecutive_5xx()->set_value(from.consecutive_5xx);
  to.set_split_external_local_origin_errors(true);
  to.mutable_consecutive_local_origin_failure()->set_value(from.consecutive_failures);
  put(from.interval, *to.mutable_interval());
  put(from.ejection_time, *to.mutable_base_ejection_time());
  put(std::max(from.ejection_time_max, from.ejection_time), *to.mutable_max_ejection_time());
  to.mutable_max_ejection_percent()->set_value(from.ejected_percent_max);
  to.mutable_enforcing_success_rate()->set_value(from.success_rate ? 100 : 0);
  to.mutable_enforcing_local_origin_success_rate()->set_value(0);
  to.mutable_enforcing_consecutive_gateway_failure()->set_value(0);
}

void ClusterWriter::write_health_check(cluster::Cluster& into) {
  if (!spec_.health_check) return;
  const config::HealthCheck& from = *spec_.health_check;
  // Else what was taken out goes on to serve for as long as it is healthy.
  into.set_ignore_health_on_host_removal(true);
  auto& to = *into.add_health_checks();
  put(from.interval, *to.mutable_interval());
  put(from.interval, *to.mutable_no_traffic_interval());
  put(from.timeout, *to.mutable_timeout());
  to.mutable_unhealthy_threshold()->set_value(from.unhealthy_threshold);
  to.mutable_healthy_threshold()->set_value(from.healthy_threshold);
  if (from.http) {
    auto& http = *to.mutable_http_health_check();
    http.set_path(from.http->path);
    http.set_host(from.http->host);
    for (const config::StatusRange& range : from.http->expected_statuses) {
      auto& statuses = *http.add_expected_statuses();
      statuses.set_start(range.first);
      statuses.set_end(range.last + 1);
    }
    if (spec_.protocol == config::Protocol::kHttp2) {
      http.set_codec_client_type(envoy::type::v3::CodecClientType::HTTP2);
    }
  } else if (from.grpc) {
    to.mutable_grpc_health_check()->set_service_name(from.grpc->service);
  } else {
    to.mutable_tcp_health_check();
  }
}

// True: it can be said.
bool ClusterWriter::write_tls(const config::UpstreamTls& spec, tls::UpstreamTlsContext& context) {
  auto& common = *context.mutable_common_tls_context();
  if (tcp()) {
    for (const std::string& protocol : spec.alpn) common.add_alpn_protocols(protocol);
  } else {
    common.add_alpn_protocols(spec_.protocol == config::Protocol::kHttp2 ? "h2" : "http/1.1");
  }
  if (!spec.certificate.empty()) {
    auto& shown = *common.add_tls_certificate_sds_secret_configs();
    shown.set_name(spec.certificate);
    put_ads(*shown.mutable_sds_config());
  }
  const auto address = config::parse_address(spec.server_name + ":1");
  const bool names_ip = address && address->family != config::Address::Family::kName;
  if (!spec.server_name.empty()) {
    if (!names_ip) context.set_sni(spec.server_name);
  } else {
    context.set_auto_host_sni(true);
  }
  if (spec.insecure_skip_verify) return true;
  auto& verified = *common.mutable_validation_context();
  if (spec.ca.empty()) {
    verified.mutable_trusted_ca()->set_filename(std::string(kSystemAuthorities));
  } else {
    verified.mutable_trusted_ca()->set_inline_string(spec.ca);
  }
  if (!spec.server_name.empty()) {
    auto& name = *verified.add_match_typed_subject_alt_names();
    name.set_san_type(names_ip ? tls::SubjectAltNameMatcher::IP_ADDRESS : tls::SubjectAltNameMatcher::DNS);
    name.mutable_matcher()->set_exact(spec.server_name);
    return true;
  }
  context.set_auto_sni_san_validation(true);
  const bool all_names = std::ranges::all_of(service_.endpoints, [](const config::Endpoint& one) {
    return one.address.family == config::Address::Family::kName;
  });
  if (!all_names) {
    unsaid("spec.tls.server_name",
           "Envoy verifies an endpoint that is given as an IP address only by a name; give it one",
           Effect::kHeldBack);
  }
  return all_names;
}

void ClusterWriter::write_transport(cluster::Cluster& into) {
  core::TransportSocket socket;
  if (spec_.tls) {
    tls::UpstreamTlsContext context;
    if (!write_tls(*spec_.tls, context)) return;
    socket.set_name("envoy.transport_sockets.tls");
    pack(context, *socket.mutable_typed_config());
  }
  if (spec_.proxy_protocol == config::ProxyProtocol::kNone) {
    if (spec_.tls) *into.mutable_transport_socket() = std::move(socket);
    return;
  }
  if (!spec_.tls) {
    socket.set_name("envoy.transport_sockets.raw_buffer");
    pack(envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer(), *socket.mutable_typed_config());
  }
  envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport header;
  header.mutable_config()->set_version(spec_.proxy_protocol == config::ProxyProtocol::kV1
                                           ? core::ProxyProtocolConfig::V1
                                           : core::ProxyProtocolConfig::V2);
  *header.mutable_transport_socket() = std::move(socket);
  into.mutable_transport_socket()->set_name("envoy.transport_sockets.upstream_proxy_protocol");
  pack(header, *into.mutable_transport_socket()->mutable_typed_config());
}

void ClusterWriter::write_liveness(cluster::Cluster& into) {
  if (spec_.tcp.keepalive) {
    put_keepalive(*spec_.tcp.keepalive, *into.mutable_upstream_connection_options()->mutable_tcp_keepalive());
  }
  if (spec_.tcp.user_timeout) {
    put_user_timeout(*spec_.tcp.user_timeout, *into.mutable_upstream_bind_config()->add_socket_options());
  }
}

void ClusterWriter::say_unsaid_of_tcp() {
  if (spec_.drain_timeout) {
    unsaid("spec.drain_timeout",
           "Envoy keeps the connections to an endpoint that was taken out until they end");
  }
  const config::CircuitBreakers& limits = spec_.circuit_breakers;
  constexpr const char* kNotHeld = "of connections Envoy limits connections_max and pending_max alone";
  if (limits.requests_max != config::CircuitBreakers().requests_max) {
    unsaid("spec.circuit_breakers.requests_max", kNotHeld);
  }
  if (limits.retries_max != config::CircuitBreakers().retries_max) {
    unsaid("spec.circuit_breakers.retries_max", kNotHeld);
  }
  if (spec_.retries.budget_percent != config::Retries().budget_percent) {
    unsaid("spec.retries.budget_percent",
           "Envoy has no budget for further attempts to connect; retries.attempts alone holds");
  }
}

void ClusterWriter::write_endpoint(const config::Endpoint& from, endpoint::LbEndpoint& into) {
  auto& to = *into.mutable_endpoint();
  put_address(from.address.host, from.address.port, *to.mutable_address());
  if (from.address.family == config::Address::Family::kName) to.set_hostname(from.address.host);
  const bool asks_address =
      spec_.health_check && spec_.health_check->http && spec_.health_check->http->host.empty();
  if (asks_address) to.mutable_health_check_config()->set_hostname(from.key);
  into.mutable_load_balancing_weight()->set_value(std::max(from.weight, 1U));
  if (from.weight == 0) {
    into.set_health_status(core::HealthStatus::DRAINING);
  } else if (unhealthy_.contains(from.key)) {
    into.set_health_status(core::HealthStatus::UNHEALTHY);
  }
}

// One locality for each priority and zone. Priorities are counted from 0 without gaps, as Envoy wants them;
// of those that have the same, the ones of the node's own zone come first.
void ClusterWriter::write_endpoints(endpoint::ClusterLoadAssignment& into) {
  into.set_cluster_name(service_.name);
  std::map<std::pair<std::uint32_t, std::string_view>, std::vector<const config::Endpoint*>> localities;
  for (const config::Endpoint& one : service_.endpoints) {
    if (one.tunnels.empty()) localities[{level(one), one.zone}].push_back(&one);
  }
  if (std::ranges::any_of(service_.endpoints, [](const auto& one) { return !one.tunnels.empty(); })) {
    unsaid("spec.endpoints", "Envoy is not given endpoints that come by a tunnel; weir's own edges are");
  }
  std::uint32_t priority = 0;
  std::optional<std::uint32_t> last;
  for (auto& [place, members] : localities) {
    if (last && *last != place.first) ++priority;
    last = place.first;
    std::ranges::sort(members, {}, &config::Endpoint::key);
    auto& locality = *into.add_endpoints();
    locality.set_priority(priority);
    locality.mutable_locality()->set_zone(std::string(place.second));
    std::uint32_t weight = 0;
    for (const config::Endpoint* member : members) {
      write_endpoint(*member, *locality.add_lb_endpoints());
      weight += member->weight;
    }
    locality.mutable_load_balancing_weight()->set_value(std::max(weight, 1U));
  }
}

}  // namespace

Translation to_envoy(const config::Service& service, const EnvoyNode& node, const UnhealthyKeys& unhealthy) {
  return ClusterWriter(service, node, unhealthy).write();
}

Translation to_envoy(const config::Certificate& certificate) {
  tls::Secret secret;
  secret.set_name(certificate.name);
  auto& pair = *secret.mutable_tls_certificate();
  pair.mutable_certificate_chain()->set_inline_string(certificate.spec.certificate);
  pair.mutable_private_key()->set_inline_string(certificate.spec.private_key);
  Translation translation;
  translation.resources.push_back(xds::make_resource(
      xds::Type::kSecret, certificate.name, xds::serialize(secret), "certificates/" + certificate.name));
  return translation;
}

}  // namespace weir::translation
