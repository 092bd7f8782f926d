// Clusters, their endpoints, and secrets.
#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h>
#include <envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>
#include <envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/host_port.h"
#include "lb/hash.h"
#include "translation/from_envoy_parts.h"
#include "translation/messages.h"

namespace weir::translation {
namespace {

namespace cluster = envoy::config::cluster::v3;
namespace core = envoy::config::core::v3;
namespace endpoint = envoy::config::endpoint::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;
using Step = config::Report::Step;

// What Envoy takes where nothing is said.
constexpr Duration kConnectTimeout = std::chrono::seconds(5);
constexpr Duration kPoolIdle = std::chrono::hours(1);
constexpr std::uint32_t kPanicPercent = 50;
constexpr std::uint32_t kLimit = 1024;
constexpr std::uint32_t kRetries = 3;

template <class Wrapper>
std::uint32_t value_or(bool is_set, const Wrapper& wrapper, std::uint32_t otherwise) {
  return is_set ? static_cast<std::uint32_t>(wrapper.value()) : otherwise;
}

std::uint32_t percent_of(const envoy::type::v3::Percent& percent) {
  return static_cast<std::uint32_t>(std::lround(std::clamp(percent.value(), 0.0, 100.0)));
}

struct Policy {
  cluster::Cluster::LbPolicy policy;
  std::string_view extension;
};
// In the order of lb::kPolicies.
constexpr std::array kPolicies{
    Policy{cluster::Cluster::ROUND_ROBIN, "round_robin.v3.RoundRobin"},
    Policy{cluster::Cluster::LEAST_REQUEST, "least_request.v3.LeastRequest"},
    Policy{cluster::Cluster::RANDOM, "random.v3.Random"},
    Policy{cluster::Cluster::RING_HASH, "ring_hash.v3.RingHash"},
    Policy{cluster::Cluster::MAGLEV, "maglev.v3.Maglev"},
};

void read_balance(const cluster::Cluster& from, config::ServiceSpec& into, config::Report& report) {
  auto found = std::ranges::find(kPolicies, from.lb_policy(), &Policy::policy);
  if (from.has_load_balancing_policy()) {
    const auto& policies = from.load_balancing_policy().policies();
    const std::string url =
        policies.empty() ? "" : policies[0].typed_extension_config().typed_config().type_url();
    found =
        std::ranges::find_if(kPolicies, [&url](const Policy& one) { return url.ends_with(one.extension); });
  }
  if (found == kPolicies.end()) {
    const Step step(report, "lb_policy");
    return report.add("is none that is known here");
  }
  into.balance = static_cast<config::Balance>(found - kPolicies.begin());
  const auto& common = from.common_lb_config();
  into.panic_percent =
      common.has_healthy_panic_threshold() ? percent_of(common.healthy_panic_threshold()) : kPanicPercent;
  const auto slow_start = [&into](const cluster::Cluster::SlowStartConfig& config) {
    if (config.has_slow_start_window()) into.slow_start = duration_of(config.slow_start_window());
  };
  if (from.has_round_robin_lb_config()) slow_start(from.round_robin_lb_config().slow_start_config());
  if (from.has_least_request_lb_config()) slow_start(from.least_request_lb_config().slow_start_config());
}

void read_protocol(const cluster::Cluster& from, config::ServiceSpec& into, config::Report& report) {
  into.idle_timeout = kPoolIdle;
  const Step step(report, "typed_extension_protocol_options");
  for (const auto& [name, any] : from.typed_extension_protocol_options()) {
    const Step item(report, name);
    envoy::extensions::upstreams::http::v3::HttpProtocolOptions options;
    if (!unpack(any, options)) {
      report.add("is not supported");
      continue;
    }
    if (options.explicit_http_config().has_http2_protocol_options()) into.protocol = config::Protocol::kHttp2;
    const auto& common = options.common_http_protocol_options();
    if (common.has_idle_timeout()) into.idle_timeout = duration_of(common.idle_timeout());
  }
}

void read_limits(const cluster::Cluster& from, config::ServiceSpec& into, config::Report& report) {
  const auto& all = from.circuit_breakers().thresholds();
  if (all.size() > 1) {
    const Step step(report, "circuit_breakers");
    report.add("has more than one of thresholds");
  }
  const auto limits = all.empty() ? cluster::CircuitBreakers::Thresholds() : all[0];
  into.circuit_breakers.connections_max =
      value_or(limits.has_max_connections(), limits.max_connections(), kLimit);
  into.circuit_breakers.requests_max = value_or(limits.has_max_requests(), limits.max_requests(), kLimit);
  into.circuit_breakers.pending_max =
      value_or(limits.has_max_pending_requests(), limits.max_pending_requests(), kLimit);
  into.retries.attempts = 0;  // unless a route says so
  if (limits.has_retry_budget()) {
    into.retries.budget_percent = percent_of(limits.retry_budget().budget_percent());
  } else {
    into.retries.budget_percent = 100;
    into.circuit_breakers.retries_max = value_or(limits.has_max_retries(), limits.max_retries(), kRetries);
  }
}

void read_outliers(const cluster::Cluster& from, config::ServiceSpec& into, config::Report& report) {
  config::OutlierDetection& to = into.outlier_detection;
  to.enabled = from.has_outlier_detection();
  if (!to.enabled) return;
  const auto& spec = from.outlier_detection();
  if (spec.has_consecutive_5xx()) to.consecutive_5xx = spec.consecutive_5xx().value();
  to.consecutive_failures = to.consecutive_5xx;
  if (spec.has_consecutive_local_origin_failure()) {
    to.consecutive_failures = spec.consecutive_local_origin_failure().value();
  }
  if (spec.has_interval()) to.interval = duration_of(spec.interval());
  if (spec.has_base_ejection_time()) to.ejection_time = duration_of(spec.base_ejection_time());
  if (spec.has_max_ejection_time()) to.ejection_time_max = duration_of(spec.max_ejection_time());
  if (spec.has_max_ejection_percent()) to.ejected_percent_max = spec.max_ejection_percent().value();
  to.success_rate = value_or(spec.has_enforcing_success_rate(), spec.enforcing_success_rate(), 100) > 0;
  const auto must_be_0 = [&report](std::string_view name, std::uint32_t value) {
    if (value == 0) return;
    const Step step(report, "outlier_detection");
    const Step field(report, name);
    report.add("must be 0");
  };
  must_be_0("enforcing_consecutive_gateway_failure", spec.enforcing_consecutive_gateway_failure().value());
  must_be_0("enforcing_local_origin_success_rate", spec.enforcing_local_origin_success_rate().value());
}

void read_health_check(const cluster::Cluster& from, config::ServiceSpec& into, config::Report& report) {
  if (from.health_checks().empty()) return;
  const Step step(report, "health_checks");
  if (from.health_checks_size() > 1) return report.add("has more than one");
  const core::HealthCheck& spec = from.health_checks(0);
  config::HealthCheck& to = into.health_check.emplace();
  to.interval = duration_of(spec.interval());
  to.timeout = duration_of(spec.timeout());
  to.unhealthy_threshold = spec.unhealthy_threshold().value();
  to.healthy_threshold = spec.healthy_threshold().value();
  if (spec.has_grpc_health_check()) {
    to.grpc = config::GrpcCheck{spec.grpc_health_check().service_name()};
  } else if (spec.has_tcp_health_check()) {
    to.tcp.emplace();
  } else {
    const auto& http = spec.http_health_check();
    to.http = config::HttpCheck{.path = http.path(), .host = http.host(), .expected_statuses = {{200, 200}}};
    const bool h2 = http.codec_client_type() == envoy::type::v3::CodecClientType::HTTP2;
    if (h2 != (into.protocol == config::Protocol::kHttp2))
      report.add("has another protocol than the cluster");
    if (!http.expected_statuses().empty()) to.http->expected_statuses.clear();
    for (const auto& range : http.expected_statuses()) {
      const auto last = std::clamp<std::int64_t>(range.end() - 1, 0, 999);
      const auto first = std::clamp<std::int64_t>(range.start(), 0, 999);
      to.http->expected_statuses.push_back(
          {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)});
    }
  }
}

constexpr std::string_view kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

void read_verification(const tls::UpstreamTlsContext& from, config::UpstreamTls& into,
                       config::Report& report) {
  const Step step(report, "validation_context");
  const auto& verified = from.common_tls_context().validation_context();
  const Step ca(report, "trusted_ca");
  if (verified.trusted_ca().filename() != kSystemAuthorities) {
    into.ca = read_text(verified.trusted_ca(), report);
    if (into.ca.empty()) report.add("must be there");
  }
  if (verified.match_typed_subject_alt_names_size() > 1) report.add("goes with one subject name at most");
  for (const auto& name : verified.match_typed_subject_alt_names()) {
    if (into.server_name.empty() && name.san_type() == tls::SubjectAltNameMatcher::IP_ADDRESS) {
      into.server_name = name.matcher().exact();
    } else if (name.san_type() != tls::SubjectAltNameMatcher::DNS ||
               name.matcher().exact() != into.server_name) {
      report.add("goes with the subject name that is the sni, in exact, only");
    }
  }
  if (into.server_name.empty() && !from.auto_sni_san_validation()) {
    report.add("needs sni, or auto_host_sni with auto_sni_san_validation: names are always verified here");
  }
}

void read_tls(const tls::UpstreamTlsContext& from, config::UpstreamTls& into, config::Report& report) {
  const auto& common = from.common_tls_context();
  into.server_name = from.sni();
  const Step step(report, "common_tls_context");
  if (common.tls_certificate_sds_secret_configs_size() > 1) report.add("has more than one certificate");
  for (const auto& shown : common.tls_certificate_sds_secret_configs()) into.certificate = shown.name();
  if (common.has_tls_params()) report.add("has tls_params, which are not supported towards endpoints");
  if (common.has_validation_context()) {
    read_verification(from, into, report);
  } else {
    into.insecure_skip_verify = true;
  }
}

void read_transport(const core::TransportSocket& from, config::ServiceSpec& into, config::Report& report) {
  const Step step(report, "transport_socket");
  envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport header;
  envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer raw;
  tls::UpstreamTlsContext context;
  if (unpack(from.typed_config(), context)) return read_tls(context, into.tls.emplace(), report);
  if (unpack(from.typed_config(), raw)) return;
  if (into.proxy_protocol != config::ProxyProtocol::kNone || !unpack(from.typed_config(), header)) {
    return report.add("is none that is known here");
  }
  into.proxy_protocol = header.config().version() == core::ProxyProtocolConfig::V2
                            ? config::ProxyProtocol::kV2
                            : config::ProxyProtocol::kV1;
  read_transport(header.transport_socket(), into, report);
}

void read_hash_bound(const cluster::Cluster& from, config::ServiceSpec& into) {
  const bool hashes = lb::kPolicies.at(static_cast<std::size_t>(into.balance)).make_table != nullptr;
  const auto& common = from.common_lb_config();
  if (!hashes) return;
  into.hash_on.emplace();  // what is hashed is said by the routes
  into.hash_on->load_percent_max = common.consistent_hashing_lb_config().hash_balance_factor().value();
}

}  // namespace

Read<ReadCluster> cluster_from_envoy(std::string_view body) {
  config::Report report;
  cluster::Cluster from;
  if (!parse(body, from, report)) return std::unexpected(sentence_of(report.take()));
  ReadCluster into;
  into.service.name = from.name();
  config::ServiceSpec& spec = into.service.spec;
  spec.connect_timeout = from.has_connect_timeout() ? duration_of(from.connect_timeout()) : kConnectTimeout;
  const bool eds = from.type() == cluster::Cluster::EDS;
  const bool dns = from.type() == cluster::Cluster::STRICT_DNS;
  if (!eds && !dns && from.type() != cluster::Cluster::STATIC) {
    const Step step(report, "type");
    report.add("must be EDS, STATIC or STRICT_DNS");
  }
  if (eds) {
    const std::string& name = from.eds_cluster_config().service_name();
    into.endpoints = name.empty() ? from.name() : name;
  } else {
    const Step step(report, "load_assignment");
    into.service.endpoints = read_endpoints(from.load_assignment(), dns, report);
  }
  read_balance(from, spec, report);
  read_hash_bound(from, spec);
  read_protocol(from, spec, report);
  read_limits(from, spec, report);
  read_outliers(from, spec, report);
  read_health_check(from, spec, report);
  if (from.has_transport_socket()) read_transport(from.transport_socket(), spec, report);
  config::ServiceSpec checked = spec;
  if (checked.hash_on) checked.hash_on->source = true;  // as long as no route has said
  if (report.size() == 0) check_spec(checked, report);
  if (report.size() > 0) return std::unexpected(sentence_of(report.take()));
  return into;
}

std::vector<config::Endpoint> read_endpoints(const endpoint::ClusterLoadAssignment& from, bool names,
                                             config::Report& report) {
  std::vector<config::Endpoint> endpoints;
  std::set<std::string> keys;
  const Step list(report, "endpoints");
  for (int i = 0; i < from.endpoints_size() && !report.full(); ++i) {
    const auto& locality = from.endpoints(i);
    const Step item(report, static_cast<std::size_t>(i));
    const Step inner(report, "lb_endpoints");
    for (int j = 0; j < locality.lb_endpoints_size() && !report.full(); ++j) {
      const Step place(report, static_cast<std::size_t>(j));
      const auto& one = locality.lb_endpoints(j);
      const auto& socket = one.endpoint().address().socket_address();
      const auto address = config::parse_address(with_port(socket.address(), socket.port_value()));
      if (!address || (!names && address->family == config::Address::Family::kName)) {
        report.add(names ? "has no address and port" : "has no IP address and port");
        continue;
      }
      if (socket.protocol() != core::SocketAddress::TCP) report.add("is not reached by TCP");
      config::Endpoint endpoint{.key = config::to_text(*address), .address = *address};
      const bool serves = one.health_status() == core::HealthStatus::UNKNOWN ||
                          one.health_status() == core::HealthStatus::HEALTHY ||
                          one.health_status() == core::HealthStatus::DEGRADED;
      endpoint.id = lb::hash_bytes(endpoint.key);
      endpoint.weight = !serves                           ? 0
                        : one.has_load_balancing_weight() ? one.load_balancing_weight().value()
                                                          : 1;
      endpoint.priority = locality.priority();
      endpoint.zone = locality.locality().zone();
      const auto& checked = one.endpoint().health_check_config().hostname();
      if (!checked.empty() && checked != endpoint.key) report.add("has a health check host of its own");
      if (keys.insert(endpoint.key).second) endpoints.push_back(std::move(endpoint));
    }
  }
  return endpoints;
}

Read<ReadEndpoints> endpoints_from_envoy(std::string_view body) {
  config::Report report;
  endpoint::ClusterLoadAssignment from;
  if (!parse(body, from, report)) return std::unexpected(sentence_of(report.take()));
  ReadEndpoints into{from.cluster_name(), read_endpoints(from, false, report)};
  if (report.size() > 0) return std::unexpected(sentence_of(report.take()));
  return into;
}

Read<config::Certificate> secret_from_envoy(std::string_view body) {
  config::Report report;
  tls::Secret from;
  if (!parse(body, from, report)) return std::unexpected(sentence_of(report.take()));
  config::Certificate into;
  into.name = from.name();
  {
    const Step step(report, "tls_certificate");
    if (!from.has_tls_certificate()) report.add("must be there: secrets of other kinds are not supported");
    const Step chain(report, "certificate_chain");
    into.spec.certificate = read_text(from.tls_certificate().certificate_chain(), report);
    into.spec.private_key = read_text(from.tls_certificate().private_key(), report);
  }
  if (report.size() == 0) check_spec(into.spec, report);
  if (report.size() > 0) return std::unexpected(sentence_of(report.take()));
  into.uid = std::to_string(lb::hash_bytes(body));  // whose content is another is another one
  return into;
}

}  // namespace weir::translation
