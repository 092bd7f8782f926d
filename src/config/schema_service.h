// The tables of a Service. See schema.h for what a table is.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "config/formats.h"
#include "config/schema_common.h"

namespace weir::config {

// --- Service
template <>
struct Schema<StaticEndpoint> {
  static constexpr std::string_view name = "StaticEndpoint";
  static constexpr std::array fields{
      field<&StaticEndpoint::address>(
          {.name = "address",
           .doc = "host:port; the host is an IPv4 address, an [IPv6] address or a DNS name",
           .required = true,
           .min = 1,
           .max = 260,
           .check = check_address}),
      field<&StaticEndpoint::weight>({.name = "weight",
                                      .doc = "share of the requests, relative to the others; 0 drains it",
                                      .max = kWeightMax}),
      field<&StaticEndpoint::priority>(
          {.name = "priority",
           .doc = "lower ones serve first, higher ones only when no lower one can",
           .max = kPriorityMax}),
      field<&StaticEndpoint::zone>(
          {.name = "zone", .doc = "where it is: edges of the region of that name prefer it", .max = 63}),
  };
};

template <>
struct Schema<HttpCheck> {
  static constexpr std::string_view name = "HttpCheck";
  static constexpr std::array fields{
      field<&HttpCheck::path>(
          {.name = "path", .doc = "asked for with GET", .min = 1, .max = 1024, .check = check_path}),
      field<&HttpCheck::host>({.name = "host",
                               .doc = "the Host field of the request; the endpoint's address when absent",
                               .check = check_host_field}),
      field<&HttpCheck::expected_statuses>({.name = "expected_statuses",
                                            .doc = "statuses that pass, each like 204 or \"200-299\"",
                                            .items_min = 1,
                                            .items_max = 16}),
  };
};

template <>
struct Schema<GrpcCheck> {
  static constexpr std::string_view name = "GrpcCheck";
  static constexpr std::array fields{
      field<&GrpcCheck::service>({.name = "service",
                                  .doc = "that is asked about; absent: the server as a whole",
                                  .check = check_field_value}),
  };
};

template <>
struct Schema<TcpCheck> {
  static constexpr std::string_view name = "TcpCheck";
  static constexpr std::array<Field, 0> fields{};
};

template <>
struct Schema<HealthCheck> {
  static constexpr std::string_view name = "HealthCheck";
  static constexpr std::array fields{
      field<&HealthCheck::interval>({.name = "interval",
                                     .doc = "between two checks of an endpoint",
                                     .min = kTimeoutMin,
                                     .max = kTimeoutMax}),
      field<&HealthCheck::timeout>({.name = "timeout",
                                    .doc = "a check without an answer has failed",
                                    .min = kTimeoutMin,
                                    .max = kTimeoutMax}),
      field<&HealthCheck::unhealthy_threshold>({.name = "unhealthy_threshold",
                                                .doc = "failed checks in a row that take an endpoint out",
                                                .min = 1,
                                                .max = 100}),
      field<&HealthCheck::healthy_threshold>(
          {.name = "healthy_threshold",
           .doc = "passed checks in a row that bring it back; its very first pass is enough",
           .min = 1,
           .max = 100}),
      field<&HealthCheck::quorum_percent>(
          {.name = "quorum_percent",
           .doc =
               "of the edges that have a verdict, how many must find an endpoint unhealthy for all to leave "
               "it",
           .min = 1,
           .max = 100,
           .quiet = true}),
      field<&HealthCheck::http>({.name = "http", .doc = "check with an HTTP request"}),
      field<&HealthCheck::grpc>(
          {.name = "grpc", .doc = "check with grpc.health.v1.Health/Check; written grpc: {}"}),
      field<&HealthCheck::tcp>({.name = "tcp", .doc = "check by connecting; written tcp: {}"}),
  };
  static void validate(const HealthCheck& check, Report& report);
};

template <>
struct Schema<Retries> {
  static constexpr std::string_view name = "Retries";
  static constexpr std::array fields{
      field<&Retries::attempts>(
          {.name = "attempts", .doc = "further attempts on other endpoints after a failed one", .max = 5}),
      field<&Retries::budget_percent>(
          {.name = "budget_percent", .doc = "retries may be this share of the requests", .max = 100}),
      field<&Retries::on_statuses>({.name = "on_statuses",
                                    .doc =
                                        "answers that are not passed on while another attempt can be made, "
                                        "each like 503 or \"502-504\"",
                                    .items_max = 16}),
      field<&Retries::on_grpc_statuses>(
          {.name = "on_grpc_statuses",
           .doc =
               "calls of gRPC that are answered with one of these before any message are made again, while "
               "another attempt can be made; with non_idempotent only, as each is a POST",
           .items_max = 5}),
      field<&Retries::per_try_timeout>(
          {.name = "per_try_timeout",
           .doc = "of one attempt, from connecting to the head of the response; then the next is made, and "
                  "request_timeout holds for all of them",
           .min = kTimeoutMin,
           .max = kTimeoutMax}),
      field<&Retries::non_idempotent>(
          {.name = "non_idempotent",
           .doc = "true: also POST and PATCH, which an endpoint may then have acted upon twice",
           .quiet = true}),
  };
  static void validate(const Retries& retries, Report& report);
};

template <>
struct Schema<HashOn> {
  static constexpr std::string_view name = "HashOn";
  static constexpr std::array fields{
      field<&HashOn::header>({.name = "header", .doc = "the value of this field", .check = check_token}),
      field<&HashOn::cookie>({.name = "cookie", .doc = "the value of this cookie", .check = check_token}),
      field<&HashOn::source>({.name = "source", .doc = "the client's address", .quiet = true}),
      field<&HashOn::load_percent_max>(
          {.name = "load_percent_max",
           .doc = "requests under way at an endpoint, in percent of the average; beyond, its keys go to the "
                  "next one. At least 100; 0: no bound",
           .max = 1000}),
  };
  static void validate(const HashOn& hash_on, Report& report);
};

template <>
struct Schema<StickyCookie> {
  static constexpr std::string_view name = "StickyCookie";
  static constexpr std::array fields{
      field<&StickyCookie::name>({.name = "name",
                                  .doc = "of the cookie; absent: weir-endpoint- and the service's name",
                                  .check = check_token}),
      field<&StickyCookie::max_age>({.name = "max_age",
                                     .doc = "absent: until the browser is closed",
                                     .min = nanoseconds(std::chrono::seconds(1)),
                                     .max = 400 * kDayMax}),
  };
};

template <>
struct Schema<OutlierDetection> {
  static constexpr std::string_view name = "OutlierDetection";
  static constexpr std::array fields{
      field<&OutlierDetection::enabled>({.name = "enabled", .doc = "false: endpoints are never ejected"}),
      field<&OutlierDetection::consecutive_5xx>({.name = "consecutive_5xx",
                                                 .doc = "responses of 500 and above in a row; 0: not counted",
                                                 .max = 1000}),
      field<&OutlierDetection::consecutive_failures>(
          {.name = "consecutive_failures",
           .doc = "connections refused, reset or timed out in a row; 0: not counted",
           .max = 1000}),
      field<&OutlierDetection::interval>({.name = "interval",
                                          .doc = "between two looks at the success rates",
                                          .min = nanoseconds(std::chrono::seconds(1)),
                                          .max = kTimeoutMax}),
      field<&OutlierDetection::ejection_time>(
          {.name = "ejection_time",
           .doc = "of the first ejection; the second in a row takes twice",
           .min = nanoseconds(std::chrono::milliseconds(100)),
           .max = kTimeoutMax}),
      field<&OutlierDetection::ejection_time_max>({.name = "ejection_time_max",
                                                   .doc = "the longest that an ejection takes",
                                                   .min = nanoseconds(std::chrono::milliseconds(100)),
                                                   .max = kDayMax}),
      field<&OutlierDetection::ejected_percent_max>(
          {.name = "ejected_percent_max",
           .doc = "share of the endpoints that may be ejected at a time, one at least",
           .max = 100}),
      field<&OutlierDetection::success_rate>(
          {.name = "success_rate", .doc = "eject those that fail much more often than the others"}),
  };
};

template <>
struct Schema<CircuitBreakers> {
  static constexpr std::string_view name = "CircuitBreakers";
  static constexpr std::array fields{
      field<&CircuitBreakers::connections_max>({.name = "connections_max",
                                                .doc = "to the endpoints of the service, from one edge",
                                                .min = 1,
                                                .max = 1 << 20U}),
      field<&CircuitBreakers::requests_max>(
          {.name = "requests_max", .doc = "under way at a time, on one edge", .min = 1, .max = 1 << 20U}),
      field<&CircuitBreakers::pending_max>(
          {.name = "pending_max", .doc = "waiting for a connection, on one edge", .min = 1, .max = 1 << 20U}),
      field<&CircuitBreakers::retries_max>(
          {.name = "retries_max", .doc = "under way at a time, on one edge", .max = 1 << 20U}),
  };
};

template <>
struct Schema<UpstreamTls> {
  static constexpr std::string_view name = "UpstreamTls";
  static constexpr std::array fields{
      field<&UpstreamTls::server_name>(
          {.name = "server_name",
           .doc = "sent as SNI and verified; absent: the host of the endpoint's address",
           .max = 253,
           .check = check_host_field}),
      field<&UpstreamTls::ca>({.name = "ca",
                               .doc = "PEM bundle that endpoints are verified with; absent: the system's",
                               .max = kPemBytesMax,
                               .lines = true}),
      field<&UpstreamTls::certificate>({.name = "certificate",
                                        .doc = "name of a Certificate that is shown to endpoints",
                                        .max = 63,
                                        .refers_to = "Certificate"}),
      field<&UpstreamTls::alpn>({.name = "alpn",
                                 .doc = "of a service of protocol TCP: what is offered to endpoints (ALPN)",
                                 .min = 1,
                                 .max = kAlpnBytesMax,
                                 .items_max = kAlpnMax}),
      field<&UpstreamTls::insecure_skip_verify>({.name = "insecure_skip_verify",
                                                 .doc = "true: whoever answers is believed; for tests only",
                                                 .quiet = true}),
  };
  static void validate(const UpstreamTls& tls, Report& report);
};

template <>
struct Schema<Discovery> {
  static constexpr std::string_view name = "Discovery";
  static constexpr std::array fields{
      field<&Discovery::type>(
          {.name = "type",
           .doc = "what it is to DNS-SD: _http._tcp, _postgresql._tcp; absent: _http._tcp",
           .max = 22,
           .check = check_service_type}),
      field<&Discovery::subtypes>({.name = "subtypes",
                                   .doc = "by which it is found, too: _printer",
                                   .min = 1,
                                   .max = 63,
                                   .check = check_subtype}),
  };
};

template <>
struct Schema<ServiceSpec> {
  static constexpr std::string_view name = "ServiceSpec";
  static constexpr std::array fields{
      field<&ServiceSpec::protocol>(
          {.name = "protocol", .doc = "spoken to the endpoints; TCP: whatever clients and they speak"}),
      field<&ServiceSpec::balance>({.name = "balance", .doc = "how an endpoint is chosen for a request"}),
      field<&ServiceSpec::hash_on>(
          {.name = "hash_on", .doc = "for RING_HASH and MAGLEV: what of a request decides its endpoint"}),
      field<&ServiceSpec::sticky>(
          {.name = "sticky", .doc = "a cookie keeps a client at the endpoint that answered it first"}),
      field<&ServiceSpec::endpoints>({.name = "endpoints",
                                      .doc = "static ones; those that join by themselves are Endpoints",
                                      .items_max = kEndpointsMax}),
      field<&ServiceSpec::health_check>(
          {.name = "health_check",
           .doc = "active check; an endpoint serves after its first pass. Absent: all serve"}),
      field<&ServiceSpec::connect_timeout>({.name = "connect_timeout",
                                            .doc = "for a connection to an endpoint",
                                            .min = kTimeoutMin,
                                            .max = nanoseconds(std::chrono::minutes(1))}),
      field<&ServiceSpec::request_timeout>({.name = "request_timeout",
                                            .doc = "from the request sent to the head of the response",
                                            .min = kTimeoutMin,
                                            .max = kTimeoutMax}),
      field<&ServiceSpec::idle_timeout>({.name = "idle_timeout",
                                         .doc = "an unused connection to an endpoint is closed after it",
                                         .min = kTimeoutMin,
                                         .max = kTimeoutMax}),
      field<&ServiceSpec::retries>(
          {.name = "retries", .doc = "what happens to a request that an endpoint failed"}),
      field<&ServiceSpec::outlier_detection>(
          {.name = "outlier_detection", .doc = "takes out endpoints that fail real requests", .quiet = true}),
      field<&ServiceSpec::circuit_breakers>({.name = "circuit_breakers",
                                             .doc = "beyond them requests are answered with 503 at once",
                                             .quiet = true}),
      field<&ServiceSpec::panic_percent>(
          {.name = "panic_percent",
           .doc = "with a smaller share of healthy endpoints all that ever passed are used; 0: never",
           .max = 100,
           .quiet = true}),
      field<&ServiceSpec::slow_start>(
          {.name = "slow_start",
           .doc = "time in which a new or recovered endpoint comes to its full share; absent: at once",
           .min = nanoseconds(std::chrono::seconds(1)),
           .max = kTimeoutMax}),
      field<&ServiceSpec::tls>({.name = "tls", .doc = "TLS to the endpoints; written tls: {}"}),
      field<&ServiceSpec::proxy_protocol>(
          {.name = "proxy_protocol",
           .doc = "PROXY header that tells endpoints the client's address; such connections carry one client",
           .quiet = true}),
      field<&ServiceSpec::tcp>({.name = "tcp", .doc = "of connections to endpoints", .quiet = true}),
      field<&ServiceSpec::drain_timeout>(
          {.name = "drain_timeout",
           .doc = "of protocol TCP: an endpoint that was taken out keeps its connections so long; absent: "
                  "until they end",
           .max = kDayMax}),
      field<&ServiceSpec::discovery>(
          {.name = "discovery",
           .doc = "how it is found by DNS-SD (RFC 6763) in weir's own domain; absent: it is not"}),
  };
  static void validate(const ServiceSpec& spec, Report& report);
};

}  // namespace weir::config
