#include "translation/bootstrap.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace weir::translation {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kCluster = "weir-controllers";
// A controller that is gone without a word is noticed after the two together, as by weir's own edges.
constexpr std::string_view kKeepaliveInterval = "0.700s";
constexpr std::string_view kKeepaliveTimeout = "0.900s";
constexpr std::string_view kConnectTimeout = "1s";
// Before the next controller is tried: up to so long at first. Envoy alone takes half a second and 30 s.
constexpr std::string_view kRetryFirst = "0.050s";
constexpr std::string_view kRetryMax = "10s";
constexpr std::string_view kIdentity = "weir-identity";  // the name of the node's Secret

Json typed(std::string_view type, Json value) {
  Json any{{"@type", "type.googleapis.com/" + std::string(type)}};
  any.update(value);
  return any;
}

Json source(const PemSource& from) {
  return {{from.kind == PemSource::Kind::kFile ? "filename" : "inline_string", from.text}};
}

Json transport_socket(const Bootstrap& from) {
  Json verified{{"trusted_ca", source(from.ca)}};
  Json context;
  for (const std::string& name : from.server_names) {
    const auto address = config::parse_address(name + ":1");
    const bool is_name = address && address->family == config::Address::Family::kName;
    verified["match_typed_subject_alt_names"].push_back(
        {{"san_type", is_name ? "DNS" : "IP_ADDRESS"}, {"matcher", {{"exact", name}}}});
    if (is_name && !context.contains("sni")) context["sni"] = name;
  }
  Json& common = context["common_tls_context"];
  // As a client Envoy would stop at 1.2.
  common["tls_params"] = {{"tls_minimum_protocol_version", "TLSv1_3"},
                          {"tls_maximum_protocol_version", "TLSv1_3"}};
  common["alpn_protocols"] = {"h2"};
  common["validation_context"] = verified;
  if (!from.identity_path.empty()) {
    const Json file{{"path_config_source", {{"path", from.identity_path}}}, {"resource_api_version", "V3"}};
    common["tls_certificate_sds_secret_configs"] = Json::array({{{"name", kIdentity}, {"sds_config", file}}});
  } else if (!from.certificate.empty()) {
    common["tls_certificates"] = {
        {{"certificate_chain", source(from.certificate)}, {"private_key", source(from.private_key)}}};
  }
  return {{"name", "envoy.transport_sockets.tls"},
          {"typed_config",
           typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", std::move(context))}};
}

Json controllers(const Bootstrap& from) {
  Json endpoints = Json::array();
  for (const config::Address& address : from.controllers) {
    const Json socket{{"address", address.host}, {"port_value", address.port}};
    endpoints.push_back({{"endpoint", {{"address", {{"socket_address", socket}}}}}});
  }
  const Json keepalive{{"interval", kKeepaliveInterval}, {"timeout", kKeepaliveTimeout}};
  const Json http2{{"http2_protocol_options", {{"connection_keepalive", keepalive}}}};
  Json cluster{{"name", kCluster},
               {"type", "STRICT_DNS"},
               {"connect_timeout", kConnectTimeout},
               {"typed_extension_protocol_options",
                {{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                  typed("envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                        {{"explicit_http_config", http2}})}}},
               {"load_assignment",
                {{"cluster_name", kCluster}, {"endpoints", Json::array({{{"lb_endpoints", endpoints}}})}}}};
  if (!from.ca.empty()) cluster["transport_socket"] = transport_socket(from);
  return cluster;
}

}  // namespace

std::string envoy_bootstrap(const Bootstrap& from) {
  const Json ads{{"ads", Json::object()}, {"resource_api_version", "V3"}};
  Json node{{"id", from.node}, {"cluster", "weir"}};
  if (!from.where.region.empty() || !from.where.city.empty()) {
    node["locality"] = {{"region", from.where.region}, {"zone", from.where.city}};
  }
  Json labels = Json::object();
  for (const auto& [key, value] : from.labels) labels[key] = value;
  node["metadata"] = {{"labels", labels},
                      {"provider", from.where.provider},
                      {"address", from.listen},
                      {"http", std::to_string(from.http_port)},
                      {"https", std::to_string(from.https_port)}};
  const Json again{{"retry_back_off", {{"base_interval", kRetryFirst}, {"max_interval", kRetryMax}}}};
  const Json grpc{{"cluster_name", kCluster}, {"retry_policy", again}};
  Json all{{"node", node},
           {"dynamic_resources",
            {{"ads_config",
              {{"api_type", "DELTA_GRPC"},
               {"transport_api_version", "V3"},
               {"set_node_on_first_message_only", true},
               {"grpc_services", Json::array({{{"envoy_grpc", grpc}}})}}},
             {"cds_config", ads},
             {"lds_config", ads}}},
           {"static_resources", {{"clusters", Json::array({controllers(from)})}}}};
  if (from.admin_port != 0) {
    const Json socket{{"address", "127.0.0.1"}, {"port_value", from.admin_port}};
    all["admin"] = {{"address", {{"socket_address", socket}}}};
  }
  return all.dump(1) + '\n';
}

std::string envoy_identity(const std::string& certificate, const std::string& private_key) {
  const Json pair{{"certificate_chain", {{"inline_string", certificate}}},
                  {"private_key", {{"inline_string", private_key}}}};
  const Json secret = typed("envoy.extensions.transport_sockets.tls.v3.Secret",
                            {{"name", kIdentity}, {"tls_certificate", pair}});
  return Json{{"resources", Json::array({secret})}}.dump(1) + '\n';
}

}  // namespace weir::translation
