// The tables of a LoadBalancer. See schema.h for what a table is.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "config/formats.h"
#include "config/schema_common.h"
#include "config/schema_service.h"

namespace weir::config {

// --- LoadBalancer
template <>
struct Schema<ListenerTls> {
  static constexpr std::string_view name = "ListenerTls";
  static constexpr std::array fields{
      field<&ListenerTls::mode>({.name = "mode",
                                 .doc = "of a TLS listener; PASSTHROUGH: the endpoints have the certificates",
                                 .quiet = true}),
      field<&ListenerTls::certificates>(
          {.name = "certificates",
           .doc = "names of Certificates; the client's SNI chooses. Absent: weir's own authority issues one",
           .min = 1,
           .max = 63,
           .items_max = 16384,
           .check = check_name,
           .refers_to = "Certificate"}),
      field<&ListenerTls::min_version>({.name = "min_version", .doc = "oldest version of TLS"}),
      field<&ListenerTls::client_certificates>(
          {.name = "client_certificates", .doc = "whether clients are asked for one, or must have one"}),
      field<&ListenerTls::client_ca>({.name = "client_ca",
                                      .doc = "PEM bundle that client certificates are verified with",
                                      .max = kPemBytesMax,
                                      .lines = true}),
      field<&ListenerTls::alpn>(
          {.name = "alpn",
           .doc =
               "of a TLS listener: protocols that clients may choose from (ALPN); with PASSTHROUGH it takes "
               "those who offer one of them",
           .min = 1,
           .max = kAlpnBytesMax,
           .items_max = kAlpnMax}),
  };
  static void validate(const ListenerTls& tls, Report& report);
};

template <>
struct Schema<Listener> {
  static constexpr std::string_view name = "Listener";
  static constexpr std::array fields{
      field<&Listener::protocol>({.name = "protocol", .doc = "spoken by the clients", .required = true}),
      field<&Listener::hostnames>(
          {.name = "hostnames",
           .doc = "hosts it answers for, exact or *.example; absent: all that nobody else names. Of a TLS "
                  "listener: what clients send as SNI",
           .min = 1,
           .max = 255,
           .items_max = 256,
           .check = check_hostname_pattern}),
      field<&Listener::port>({.name = "port",
                              .doc =
                                  "a port of its own; absent: the shared port of the protocol, and for TCP "
                                  "and TLS one that is handed out",
                              .min = 1,
                              .max = 65535}),
      field<&Listener::tls>({.name = "tls", .doc = "of an HTTPS or TLS listener"}),
      field<&Listener::proxy_protocol_from>(
          {.name = "proxy_protocol_from",
           .doc =
               "networks, such as 10.0.0.0/8, whose connections begin with a PROXY header; of all of a port",
           .min = 1,
           .max = 64,
           .check = check_network}),
      field<&Listener::trusted_proxies>({.name = "trusted_proxies",
                                         .doc = "networks of proxies in front, whose X-Forwarded-For, -Proto "
                                                "and -Host are believed; of all of a port",
                                         .min = 1,
                                         .max = 64,
                                         .check = check_network}),
      field<&Listener::h2c>({.name = "h2c",
                             .doc = "of an HTTP listener: HTTP/2 by prior knowledge, on all of its port",
                             .quiet = true}),
      field<&Listener::redirect_to_https>({.name = "redirect_to_https",
                                           .doc = "of an HTTP listener: all that comes is sent to https://",
                                           .quiet = true}),
      field<&Listener::https_port>(
          {.name = "https_port",
           .doc = "that redirect_to_https leads to, such as 443 behind a forwarded port; absent: where HTTPS "
                  "is served",
           .min = 1,
           .max = 65535}),
      field<&Listener::connections_max>(
          {.name = "connections_max",
           .doc = "of a TCP or TLS listener: open at a time, on each edge; absent: no limit",
           .min = 1,
           .max = 1 << 20U}),
      field<&Listener::connections_per_source_max>({.name = "connections_per_source_max",
                                                    .doc = "the same of one client address; of IPv6 its /64",
                                                    .min = 1,
                                                    .max = 1 << 20U}),
      field<&Listener::tcp>({.name = "tcp", .doc = "of the clients' connections", .quiet = true}),
  };
  static void validate(const Listener& listener, Report& report);
};

template <>
struct Schema<FieldMatch> {
  static constexpr std::string_view name = "FieldMatch";
  static constexpr std::array fields{
      field<&FieldMatch::name>({.name = "name",
                                .doc = "of the header or query parameter",
                                .required = true,
                                .min = 1,
                                .check = check_token}),
      field<&FieldMatch::exact>({.name = "exact", .doc = "the whole value", .max = 4096}),
      field<&FieldMatch::regex>({.name = "regex",
                                 .doc = "of the whole value (RE2 syntax)",
                                 .min = 1,
                                 .max = 1024,
                                 .check = check_regex}),
  };
  static void validate(const FieldMatch& match, Report& report);
};

template <>
struct Schema<RouteMatch> {
  static constexpr std::string_view name = "RouteMatch";
  static constexpr std::array fields{
      field<&RouteMatch::path_prefix>(
          {.name = "path_prefix",
           .doc = "matches by segment: /a takes /a and /a/b, not /ab; the longest wins",
           .min = 1,
           .max = 1024,
           .check = check_match_path}),
      field<&RouteMatch::path>({.name = "path",
                                .doc = "the whole path, in place of path_prefix; wins over every prefix",
                                .min = 1,
                                .max = 1024,
                                .check = check_match_path}),
      field<&RouteMatch::regex>({.name = "path_regex",
                                 .doc = "of the whole path (RE2 syntax), in place of path_prefix",
                                 .min = 1,
                                 .max = 1024,
                                 .check = check_regex}),
      field<&RouteMatch::methods>(
          {.name = "methods", .doc = "absent: all", .min = 1, .max = 32, .check = check_token}),
      field<&RouteMatch::headers>(
          {.name = "headers", .doc = "that must match, all of them", .items_max = 16}),
      field<&RouteMatch::query>(
          {.name = "query", .doc = "parameters that must match, all of them", .items_max = 16}),
  };
  static void validate(const RouteMatch& match, Report& report);
};

template <>
struct Schema<Backend> {
  static constexpr std::string_view name = "Backend";
  static constexpr std::array fields{
      field<&Backend::service>({.name = "service",
                                .doc = "name of a Service",
                                .required = true,
                                .min = 1,
                                .max = 63,
                                .check = check_name,
                                .refers_to = "Service"}),
      field<&Backend::weight>({.name = "weight",
                               .doc = "share of the route's requests, relative to the others",
                               .max = kWeightMax}),
  };
};

template <>
struct Schema<Redirect> {
  static constexpr std::string_view name = "Redirect";
  static constexpr std::array fields{
      field<&Redirect::status>(
          {.name = "status", .doc = "301, 302, 303, 307 or 308", .min = 301, .max = 308}),
      field<&Redirect::scheme>({.name = "scheme", .doc = "http or https; absent: the request's"}),
      field<&Redirect::hostname>(
          {.name = "hostname", .doc = "absent: the request's", .max = 253, .check = check_hostname}),
      field<&Redirect::port>(
          {.name = "port", .doc = "absent: the request's, or that of a new scheme", .min = 1, .max = 65535}),
      field<&Redirect::path>({.name = "path",
                              .doc = "in place of the whole path",
                              .min = 1,
                              .max = 1024,
                              .check = check_path_prefix}),
      field<&Redirect::path_prefix>({.name = "path_prefix",
                                     .doc = "in place of the prefix that matched",
                                     .min = 1,
                                     .max = 1024,
                                     .check = check_path_prefix}),
  };
  static void validate(const Redirect& redirect, Report& report);
};

template <>
struct Schema<DirectResponse> {
  static constexpr std::string_view name = "DirectResponse";
  static constexpr std::array fields{
      field<&DirectResponse::status>({.name = "status", .doc = "of the response", .min = 200, .max = 599}),
      field<&DirectResponse::content_type>(
          {.name = "content_type", .doc = "of the body", .check = check_field_value}),
      field<&DirectResponse::body>(
          {.name = "body", .doc = "of the response", .max = 64 << 10U, .lines = true}),
  };
};

template <>
struct Schema<Rewrite> {
  static constexpr std::string_view name = "Rewrite";
  static constexpr std::array fields{
      field<&Rewrite::hostname>({.name = "hostname",
                                 .doc = "that endpoints are asked for; absent: as the client sent it",
                                 .max = 253,
                                 .check = check_host_field}),
      field<&Rewrite::path>({.name = "path",
                             .doc = "in place of the whole path",
                             .min = 1,
                             .max = 1024,
                             .check = check_path_prefix}),
      field<&Rewrite::path_prefix>({.name = "path_prefix",
                                    .doc = "in place of the prefix that matched",
                                    .min = 1,
                                    .max = 1024,
                                    .check = check_path_prefix}),
  };
  static void validate(const Rewrite& rewrite, Report& report);
};

template <>
struct Schema<HeaderValue> {
  static constexpr std::string_view name = "HeaderValue";
  static constexpr std::array fields{
      field<&HeaderValue::name>(
          {.name = "name", .doc = "of the field", .required = true, .min = 1, .check = check_editable_field}),
      field<&HeaderValue::value>({.name = "value",
                                  .doc = "as it is, or one of ${client_address}, ${request_id}, ${host}",
                                  .max = 4096,
                                  .check = check_field_value}),
  };
};

template <>
struct Schema<HeaderEdits> {
  static constexpr std::string_view name = "HeaderEdits";
  static constexpr std::array fields{
      field<&HeaderEdits::remove>({.name = "remove",
                                   .doc = "fields that go",
                                   .min = 1,
                                   .items_max = 16,
                                   .check = check_editable_field}),
      field<&HeaderEdits::set>(
          {.name = "set", .doc = "fields that take the place of those of the name", .items_max = 16}),
      field<&HeaderEdits::add>(
          {.name = "add", .doc = "fields that come beside those there are", .items_max = 16}),
  };
};

template <>
struct Schema<RateLimit> {
  static constexpr std::string_view name = "RateLimit";
  static constexpr std::array fields{
      field<&RateLimit::requests>(
          {.name = "requests", .doc = "allowed in each period, on each edge", .min = 1, .max = 1'000'000}),
      field<&RateLimit::per>(
          {.name = "per", .doc = "the period", .min = nanoseconds(std::chrono::seconds(1)), .max = kDayMax}),
      field<&RateLimit::burst>({.name = "burst",
                                .doc = "allowed at once; 0: as many as requests",
                                .max = 1'000'000,
                                .quiet = true}),
      field<&RateLimit::by_address>(
          {.name = "by_address", .doc = "each client address has its own", .quiet = true}),
      field<&RateLimit::by_header>(
          {.name = "by_header", .doc = "each value of this field has its own", .check = check_token}),
  };
};

template <>
struct Schema<BasicAuth> {
  static constexpr std::string_view name = "BasicAuth";
  static constexpr std::array fields{
      field<&BasicAuth::realm>(
          {.name = "realm", .doc = "that browsers show", .min = 1, .check = check_realm}),
      field<&BasicAuth::secret>(
          {.name = "secret",
           .doc = "name of a Secret that holds user: password hash, as htpasswd -nbB or mkpasswd print them",
           .required = true,
           .min = 1,
           .max = 63,
           .check = check_name,
           .refers_to = "Secret"}),
  };
};

template <>
struct Schema<VisitorSignIn> {
  static constexpr std::string_view name = "VisitorSignIn";
  static constexpr std::array fields{
      field<&VisitorSignIn::issuer>(
          {.name = "issuer",
           .doc = "of the provider of identities (OpenID Connect): its https:// address",
           .required = true,
           .min = 1,
           .max = 1024,
           .check = check_issuer}),
      field<&VisitorSignIn::client_id>({.name = "client_id",
                                        .doc = "by which the provider knows this load balancer",
                                        .required = true,
                                        .min = 1,
                                        .max = 1024}),
      field<&VisitorSignIn::secret>(
          {.name = "secret",
           .doc = "name of a Secret whose client_secret is the provider's, of 16 bytes or more; another one "
                  "ends all sessions",
           .required = true,
           .min = 1,
           .max = 63,
           .check = check_name,
           .refers_to = "Secret"}),
      field<&VisitorSignIn::allow_emails>({.name = "allow_emails",
                                           .doc = "e-mail addresses of who may come, in whatever case",
                                           .min = 1,
                                           .max = 254,
                                           .items_max = kVisitorsMax,
                                           .check = check_email}),
      field<&VisitorSignIn::allow_domains>(
          {.name = "allow_domains",
           .doc = "all whose e-mail address is of one of these domains, not of one below it, may come",
           .min = 1,
           .max = 253,
           .items_max = kVisitorsMax,
           .check = check_hostname}),
      field<&VisitorSignIn::session>({.name = "session",
                                      .doc = "after which visitors sign in again",
                                      .min = nanoseconds(std::chrono::minutes(1)),
                                      .max = nanoseconds(std::chrono::days(30))}),
  };
  static void validate(const VisitorSignIn& sign_in, Report& report);
};

template <>
struct Schema<IpAccess> {
  static constexpr std::string_view name = "IpAccess";
  static constexpr std::array fields{
      field<&IpAccess::allow>({.name = "allow",
                               .doc = "networks that may come; absent: all",
                               .min = 1,
                               .max = 64,
                               .items_max = 1024,
                               .check = check_network}),
      field<&IpAccess::deny>({.name = "deny",
                              .doc = "networks that may not, also when they are allowed",
                              .min = 1,
                              .max = 64,
                              .items_max = 1024,
                              .check = check_network}),
  };
};

template <>
struct Schema<Route> {
  static constexpr std::string_view name = "Route";
  static constexpr std::array fields{
      field<&Route::match>({.name = "match", .doc = "which requests; absent: all"}),
      field<&Route::backends>({.name = "backends", .doc = "where they go, by weight", .items_max = 32}),
      field<&Route::redirect>({.name = "redirect", .doc = "answered with a redirect, in place of backends"}),
      field<&Route::respond>({.name = "respond", .doc = "answered by the edge, in place of backends"}),
      field<&Route::rewrite>({.name = "rewrite", .doc = "of host and path, before it is sent on"}),
      field<&Route::request_headers>({.name = "request_headers", .doc = "edits before it is sent on"}),
      field<&Route::response_headers>({.name = "response_headers", .doc = "edits before it is sent back"}),
      field<&Route::ip_access>({.name = "ip_access", .doc = "who may come, by address; others get 403"}),
      field<&Route::basic_auth>({.name = "basic_auth", .doc = "who may come, by name and password"}),
      field<&Route::sign_in>({.name = "sign_in", .doc = "who may come, by e-mail address (OpenID Connect)"}),
      field<&Route::rate_limits>(
          {.name = "rate_limits", .doc = "all of them hold; beyond: 429", .items_max = 8}),
      field<&Route::request_timeout>({.name = "request_timeout",
                                      .doc = "in place of the service's",
                                      .min = kTimeoutMin,
                                      .max = kTimeoutMax}),
      field<&Route::stream_idle_timeout>({.name = "stream_idle_timeout",
                                          .doc = "silence that ends a request or response under way; absent: "
                                                 "1h for TCP, TLS, gRPC and WebSocket, else 1m of the "
                                                 "endpoint's and 30s of the client's",
                                          .min = kTimeoutMin,
                                          .max = kDayMax}),
      field<&Route::stream_duration_max>(
          {.name = "stream_duration_max",
           .doc = "from the request to the end of its response, WebSockets too; absent: no limit",
           .min = kTimeoutMin,
           .max = kDayMax}),
      field<&Route::half_close_timeout>(
          {.name = "half_close_timeout",
           .doc = "of TCP and TLS: after one side has ended, silence of the other that ends it; absent: "
                  "stream_idle_timeout",
           .min = kTimeoutMin,
           .max = kDayMax}),
      field<&Route::request_body_bytes_max>(
          {.name = "request_body_bytes_max",
           .doc = "a longer request body is refused with 413; absent: no limit",
           .max = kNumberMax}),
      field<&Route::client_bytes_per_second_min>(
          {.name = "client_bytes_per_second_min",
           .doc =
               "a client that sends its request or takes the response slower is ended as a silent one; not "
               "for gRPC and WebSocket; 0: no limit",
           .max = 1'000'000'000,
           .quiet = true}),
      field<&Route::retries>({.name = "retries", .doc = "in place of the service's"}),
  };
  static void validate(const Route& route, Report& report);
};

template <>
struct Schema<EdgeSelector> {
  static constexpr std::string_view name = "EdgeSelector";
  static constexpr std::array fields{
      field<&EdgeSelector::match>(
          {.name = "match",
           .doc = "labels that an edge must have, all of them; also provider, region and city"}),
  };
};

template <>
struct Schema<LoadBalancerSpec> {
  static constexpr std::string_view name = "LoadBalancerSpec";
  static constexpr std::array fields{
      field<&LoadBalancerSpec::listeners>(
          {.name = "listeners", .doc = "where clients come in", .required = true, .items_min = 1}),
      field<&LoadBalancerSpec::routes>(
          {.name = "routes", .doc = "where requests go", .required = true, .items_min = 1, .items_max = 256}),
      field<&LoadBalancerSpec::edges>({.name = "edges", .doc = "which edges carry it; absent: all"}),
      field<&LoadBalancerSpec::allow_encoded_slashes>(
          {.name = "allow_encoded_slashes",
           .doc = "paths with %2F, %5C or \\ are passed on as they are; else they are refused with 400",
           .quiet = true}),
  };
  static void validate(const LoadBalancerSpec& spec, Report& report);
};

}  // namespace weir::config
