#include "translation/supported.h"

#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::translation {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::string_view kAll = "*";  // whatever it holds has no effect on traffic

struct Supported {
  std::string_view message;  // without "envoy.", which all have
  std::string_view fields;   // with spaces between
};

// By message. What a value may be is said by from_envoy_*.cc.
constexpr std::array kSupported{
    Supported{"config.cluster.v3.CircuitBreakers", "thresholds"},
    Supported{"config.cluster.v3.CircuitBreakers.Thresholds",
              "max_connections max_pending_requests max_requests max_retries retry_budget"},
    Supported{"config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget", "budget_percent"},
    Supported{"config.cluster.v3.Cluster",
              "name type eds_cluster_config connect_timeout lb_policy load_assignment health_checks "
              "circuit_breakers typed_extension_protocol_options outlier_detection common_lb_config "
              "transport_socket round_robin_lb_config least_request_lb_config load_balancing_policy "
              "dns_lookup_family ignore_health_on_host_removal alt_stat_name metadata"},
    Supported{"config.cluster.v3.Cluster.CommonLbConfig",
              "healthy_panic_threshold consistent_hashing_lb_config update_merge_window"},
    Supported{"config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig", "hash_balance_factor"},
    Supported{"config.cluster.v3.Cluster.EdsClusterConfig", "eds_config service_name"},
    Supported{"config.cluster.v3.Cluster.LeastRequestLbConfig", "slow_start_config"},
    Supported{"config.cluster.v3.Cluster.RoundRobinLbConfig", "slow_start_config"},
    Supported{"config.cluster.v3.Cluster.SlowStartConfig", "slow_start_window"},
    Supported{"config.cluster.v3.LoadBalancingPolicy", "policies"},
    Supported{"config.cluster.v3.LoadBalancingPolicy.Policy", "typed_extension_config"},
    Supported{"config.cluster.v3.OutlierDetection",
              "consecutive_5xx interval base_ejection_time max_ejection_percent max_ejection_time "
              "enforcing_success_rate split_external_local_origin_errors consecutive_local_origin_failure "
              "enforcing_local_origin_success_rate enforcing_consecutive_gateway_failure"},
    Supported{"config.core.v3.Address", "socket_address"},
    Supported{"config.core.v3.AggregatedConfigSource", ""},
    Supported{"config.core.v3.CidrRange", "address_prefix prefix_len"},
    Supported{"config.core.v3.ConfigSource", "ads self resource_api_version initial_fetch_timeout"},
    Supported{"config.core.v3.DataSource", "inline_string inline_bytes filename"},
    Supported{"config.core.v3.HeaderValue", "key value"},
    Supported{"config.core.v3.HeaderValueOption", "header append_action keep_empty_value"},
    Supported{"config.core.v3.HealthCheck",
              "timeout interval unhealthy_threshold healthy_threshold http_health_check tcp_health_check "
              "grpc_health_check no_traffic_interval"},
    Supported{"config.core.v3.HealthCheck.GrpcHealthCheck", "service_name"},
    Supported{"config.core.v3.HealthCheck.HttpHealthCheck", "host path expected_statuses codec_client_type"},
    Supported{"config.core.v3.HealthCheck.TcpHealthCheck", ""},
    Supported{"config.core.v3.Http1ProtocolOptions", ""},
    Supported{"config.core.v3.Http2ProtocolOptions", ""},
    Supported{"config.core.v3.HttpProtocolOptions", "idle_timeout"},
    Supported{"config.core.v3.Locality", "region zone sub_zone"},
    Supported{"config.core.v3.Metadata", kAll},
    Supported{"config.core.v3.ProxyProtocolConfig", "version"},
    Supported{"config.core.v3.RuntimeFractionalPercent", "default_value"},
    Supported{"config.core.v3.SelfConfigSource", ""},
    Supported{"config.core.v3.SocketAddress", "address port_value protocol ipv4_compat"},
    Supported{"config.core.v3.TransportSocket", "name typed_config"},
    Supported{"config.core.v3.TypedExtensionConfig", "name typed_config"},
    Supported{"config.endpoint.v3.ClusterLoadAssignment", "cluster_name endpoints"},
    Supported{"config.endpoint.v3.Endpoint", "address hostname health_check_config"},
    Supported{"config.endpoint.v3.Endpoint.HealthCheckConfig", "hostname"},
    Supported{"config.endpoint.v3.LbEndpoint", "endpoint health_status load_balancing_weight metadata"},
    Supported{"config.endpoint.v3.LocalityLbEndpoints",
              "locality lb_endpoints priority load_balancing_weight metadata"},
    Supported{"config.listener.v3.Filter", "name typed_config"},
    Supported{"config.listener.v3.FilterChain", "name filter_chain_match filters transport_socket metadata"},
    Supported{"config.listener.v3.FilterChainMatch", "server_names transport_protocol"},
    Supported{"config.listener.v3.Listener",
              "name address filter_chains default_filter_chain listener_filters stat_prefix metadata "
              "traffic_direction enable_reuse_port per_connection_buffer_limit_bytes"},
    Supported{"config.listener.v3.ListenerFilter", "name typed_config"},
    Supported{"config.rbac.v3.Permission", "any"},
    Supported{"config.rbac.v3.Policy", "permissions principals"},
    Supported{"config.rbac.v3.Principal", "any and_ids or_ids not_id remote_ip direct_remote_ip"},
    Supported{"config.rbac.v3.Principal.Set", "ids"},
    Supported{"config.rbac.v3.RBAC", "action policies"},
    Supported{"config.route.v3.DirectResponseAction", "status body"},
    Supported{"config.route.v3.HeaderMatcher", "name string_match present_match"},
    Supported{"config.route.v3.QueryParameterMatcher", "name string_match present_match"},
    Supported{"config.route.v3.RedirectAction",
              "https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite "
              "regex_rewrite response_code"},
    Supported{"config.route.v3.RetryPolicy",
              "retry_on num_retries per_try_timeout retriable_status_codes retriable_request_headers "
              "retry_host_predicate host_selection_retry_max_attempts"},
    Supported{"config.route.v3.RetryPolicy.RetryHostPredicate", "name typed_config"},
    Supported{"config.route.v3.Route",
              "name match route redirect direct_response typed_per_filter_config request_headers_to_add "
              "request_headers_to_remove response_headers_to_add response_headers_to_remove metadata "
              "stat_prefix"},
    Supported{"config.route.v3.RouteAction",
              "cluster weighted_clusters timeout idle_timeout max_stream_duration retry_policy hash_policy "
              "prefix_rewrite regex_rewrite host_rewrite_literal"},
    Supported{"config.route.v3.RouteAction.HashPolicy", "header cookie connection_properties terminal"},
    Supported{"config.route.v3.RouteAction.HashPolicy.ConnectionProperties", "source_ip"},
    Supported{"config.route.v3.RouteAction.HashPolicy.Cookie", "name"},
    Supported{"config.route.v3.RouteAction.HashPolicy.Header", "header_name"},
    Supported{"config.route.v3.RouteAction.MaxStreamDuration", "max_stream_duration"},
    Supported{"config.route.v3.RouteConfiguration",
              "name virtual_hosts ignore_port_in_host_matching max_direct_response_body_size_bytes "
              "request_headers_to_add metadata"},
    Supported{"config.route.v3.RouteMatch",
              "prefix path safe_regex path_separated_prefix headers query_parameters case_sensitive"},
    Supported{"config.route.v3.VirtualHost", "name domains routes metadata"},
    Supported{"config.route.v3.WeightedCluster", "clusters"},
    Supported{"config.route.v3.WeightedCluster.ClusterWeight", "name weight"},
    Supported{"extensions.filters.http.basic_auth.v3.BasicAuth", "users"},
    Supported{"extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
              "stat_prefix token_bucket filter_enabled filter_enforced max_dynamic_descriptors"},
    Supported{"extensions.filters.http.rbac.v3.RBAC", "rules"},
    Supported{"extensions.filters.http.rbac.v3.RBACPerRoute", "rbac"},
    Supported{"extensions.filters.http.router.v3.Router", "suppress_envoy_headers"},
    Supported{"extensions.filters.http.stateful_session.v3.StatefulSession", ""},
    Supported{"extensions.filters.listener.proxy_protocol.v3.ProxyProtocol", ""},
    Supported{"extensions.filters.listener.tls_inspector.v3.TlsInspector", ""},
    Supported{"extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              "stat_prefix codec_type rds route_config http_filters server_header_transformation "
              "normalize_path merge_slashes path_with_escaped_slashes_action strip_trailing_host_dot "
              "stream_idle_timeout request_headers_timeout upgrade_configs internal_address_config "
              "use_remote_address original_ip_detection_extensions forward_client_cert_details "
              "set_current_client_cert_details"},
    Supported{"extensions.filters.network.http_connection_manager.v3.HttpConnectionManager."
              "InternalAddressConfig",
              ""},
    Supported{"extensions.filters.network.http_connection_manager.v3.HttpConnectionManager."
              "SetCurrentClientCertDetails",
              kAll},
    Supported{"extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig",
              "upgrade_type"},
    Supported{"extensions.filters.network.http_connection_manager.v3.HttpFilter",
              "name typed_config disabled"},
    Supported{"extensions.filters.network.http_connection_manager.v3.Rds", "config_source route_config_name"},
    Supported{"extensions.filters.network.rbac.v3.RBAC", "rules stat_prefix"},
    Supported{"extensions.http.original_ip_detection.xff.v3.XffConfig", "xff_trusted_cidrs skip_xff_append"},
    Supported{"extensions.http.original_ip_detection.xff.v3.XffTrustedCidrs", "cidrs"},
    Supported{"extensions.load_balancing_policies.least_request.v3.LeastRequest", ""},
    Supported{"extensions.load_balancing_policies.maglev.v3.Maglev", ""},
    Supported{"extensions.load_balancing_policies.random.v3.Random", ""},
    Supported{"extensions.load_balancing_policies.ring_hash.v3.RingHash", ""},
    Supported{"extensions.load_balancing_policies.round_robin.v3.RoundRobin", ""},
    Supported{"extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", ""},
    Supported{"extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
              "config transport_socket"},
    Supported{"extensions.transport_sockets.raw_buffer.v3.RawBuffer", ""},
    Supported{"extensions.transport_sockets.tls.v3.CertificateValidationContext",
              "trusted_ca match_typed_subject_alt_names"},
    Supported{"extensions.transport_sockets.tls.v3.CommonTlsContext",
              "tls_params alpn_protocols tls_certificate_sds_secret_configs validation_context"},
    Supported{"extensions.transport_sockets.tls.v3.DownstreamTlsContext",
              "common_tls_context require_client_certificate"},
    Supported{"extensions.transport_sockets.tls.v3.SdsSecretConfig", "name sds_config"},
    Supported{"extensions.transport_sockets.tls.v3.Secret", "name tls_certificate"},
    Supported{"extensions.transport_sockets.tls.v3.SubjectAltNameMatcher", "san_type matcher"},
    Supported{"extensions.transport_sockets.tls.v3.TlsCertificate", "certificate_chain private_key"},
    Supported{"extensions.transport_sockets.tls.v3.TlsParameters", "tls_minimum_protocol_version"},
    Supported{"extensions.transport_sockets.tls.v3.UpstreamTlsContext",
              "common_tls_context sni auto_host_sni auto_sni_san_validation"},
    Supported{"extensions.upstreams.http.v3.HttpProtocolOptions",
              "common_http_protocol_options explicit_http_config"},
    Supported{"extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig",
              "http_protocol_options http2_protocol_options"},
    Supported{"type.matcher.v3.RegexMatchAndSubstitute", "pattern substitution"},
    Supported{"type.matcher.v3.RegexMatcher", "regex"},
    Supported{"type.matcher.v3.StringMatcher", "exact safe_regex"},
    Supported{"type.v3.FractionalPercent", "numerator denominator"},
    Supported{"type.v3.Int64Range", "start end"},
    Supported{"type.v3.Percent", "value"},
    Supported{"type.v3.TokenBucket", "max_tokens tokens_per_fill fill_interval"},
};
static_assert(std::ranges::is_sorted(kSupported, {}, &Supported::message));

const Supported* find_supported(std::string_view message) {
  constexpr std::string_view kPrefix = "envoy.";
  if (!message.starts_with(kPrefix)) return nullptr;
  message.remove_prefix(kPrefix.size());
  const auto* found = std::ranges::lower_bound(kSupported, message, {}, &Supported::message);
  return found != kSupported.end() && found->message == message ? found : nullptr;
}

bool names(std::string_view fields, std::string_view field) {
  while (!fields.empty()) {
    const std::string_view one = fields.substr(0, fields.find(' '));
    if (one == field) return true;
    fields.remove_prefix(std::min(fields.size(), one.size() + 1));
  }
  return false;
}

void check_any(const google::protobuf::Any& any, config::Report& report) {
  const std::string_view url = any.type_url();
  const std::string name(url.substr(std::min(url.size(), url.rfind('/') + 1)));
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (type == nullptr || find_supported(name) == nullptr) {
    return report.add(fmt::format("is a {}, which is not supported", name.empty() ? "nothing" : name));
  }
  const Message* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
  const std::unique_ptr<Message> inner(prototype->New());
  if (!inner->ParseFromString(any.value())) return report.add("can't be read as a " + name);
  check_supported(*inner, report);
}

void check_field(const Message& message, const FieldDescriptor& field, config::Report& report) {
  const auto& reflection = *message.GetReflection();
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return;
  if (!field.is_repeated()) return check_supported(reflection.GetMessage(message, &field), report);
  for (int i = 0; i < reflection.FieldSize(message, &field) && !report.full(); ++i) {
    const config::Report::Step item(report, static_cast<std::size_t>(i));
    check_supported(reflection.GetRepeatedMessage(message, &field, i), report);
  }
}

}  // namespace

void check_supported(const Message& message, config::Report& report) {
  const auto& reflection = *message.GetReflection();
  if (const auto& unknown = reflection.GetUnknownFields(message); !unknown.empty()) {
    report.add(
        fmt::format("has a field with the number {}, which is not known here", unknown.field(0).number()));
  }
  const auto* type = message.GetDescriptor();
  if (type == google::protobuf::Any::descriptor()) {
    return check_any(static_cast<const google::protobuf::Any&>(message), report);
  }
  const bool is_plain = type->options().map_entry() || type->full_name().starts_with("google.protobuf.");
  const Supported* supported = is_plain ? nullptr : find_supported(type->full_name());
  if (supported != nullptr && supported->fields == kAll) return;
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (report.full()) return;
    const config::Report::Step step(report, field->name());
    if (!is_plain && (supported == nullptr || !names(supported->fields, field->name()))) {
      report.add("is not supported");
    } else {
      check_field(message, *field, report);
    }
  }
}

std::string supported_reference() {
  std::string text = "| message | fields |\n|---|---|\n";
  for (const Supported& one : kSupported) {
    text += fmt::format("| `{}` | {} |\n", one.message,
                        one.fields == kAll   ? "any: without effect"
                        : one.fields.empty() ? "none: its being there"
                                             : one.fields);
  }
  return text;
}

}  // namespace weir::translation
