// Kinds: the tables of all resource kinds. A kind is a struct in specs.h, its table here, a line of kKinds,
// and a validate() for what spans fields. Everything that reads, prints, compares or documents follows from
// that.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "config/formats.h"
#include "config/object.h"
#include "config/schema.h"
#include "config/specs.h"
#include "lb/policies.h"

namespace weir::config {

// --- bounds that several tables share
inline constexpr std::int64_t kWeightMax =
    1000;  // as Envoy and the DNS services; enough for percentages in tenths
inline constexpr std::int64_t kPriorityMax = 15;         // groups of endpoints
inline constexpr std::size_t kEndpointsMax = 1000;       // static ones of one service
inline constexpr std::int64_t kTextBytesMax = 256;       // any text without a bound of its own
inline constexpr std::int64_t kJsonBytesMax = 1 << 20U;  // an object within an event
inline constexpr std::int64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

constexpr std::int64_t nanoseconds(Duration duration) { return duration.count(); }
inline constexpr std::int64_t kTimeoutMin = nanoseconds(std::chrono::milliseconds(10));
inline constexpr std::int64_t kTimeoutMax = nanoseconds(std::chrono::hours(1));

// --- words
template <>
struct Words<Protocol> {
  static constexpr std::array<std::string_view, 1> words{"HTTP"};
};
inline constexpr std::array<std::string_view, 2> kServiceProtocolsLater{"HTTP2", "TCP"};
inline constexpr std::array<std::string_view, 3> kListenerProtocolsLater{"HTTPS", "TCP", "TLS"};

template <>
struct Words<Balance> {
  static constexpr std::array<std::string_view, lb::kPolicies.size()> words = [] {
    std::array<std::string_view, lb::kPolicies.size()> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = lb::kPolicies[i].name;
    return names;
  }();
};
static_assert(Words<Balance>::words[0] == "ROUND_ROBIN", "the default of ServiceSpec::balance");
inline constexpr std::array<std::string_view, 2> kPoliciesLater{"RING_HASH", "MAGLEV"};

template <>
struct Words<Role> {
  static constexpr std::array<std::string_view, 2> words{"admin", "viewer"};
};

// --- metadata
template <>
struct Schema<Metadata> {
  static constexpr std::string_view name = "Metadata";
  static constexpr std::array fields{
      field<&Metadata::name>(
          {.name = "name",
           .doc = "unique among the objects of its kind: a-z, 0-9 and -, at most 63 characters",
           .required = true,
           .min = 1,
           .max = 63,
           .check = check_name}),
      field<&Metadata::labels>({.name = "labels", .doc = "what selectors match on"}),
      field<&Metadata::annotations>({.name = "annotations", .doc = "notes of tools and people", .max = 4096}),
      field<&Metadata::uid>({.name = "uid", .doc = "set at creation, never used twice", .server_set = true}),
      field<&Metadata::revision>({.name = "revision",
                                  .doc = "of the store, at the last change of this object",
                                  .server_set = true,
                                  .max = kNumberMax}),
      field<&Metadata::created_at>({.name = "created_at", .doc = "when it was created", .server_set = true}),
      field<&Metadata::updated_at>(
          {.name = "updated_at", .doc = "when it was last changed", .server_set = true}),
  };
};

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
      field<&HealthCheck::http>({.name = "http", .doc = "check with an HTTP request"}),
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
  };
};

template <>
struct Schema<ServiceSpec> {
  static constexpr std::string_view name = "ServiceSpec";
  static constexpr std::array fields{
      field<&ServiceSpec::protocol>(
          {.name = "protocol", .doc = "spoken to the endpoints", .later = kServiceProtocolsLater}),
      field<&ServiceSpec::balance>(
          {.name = "balance", .doc = "how an endpoint is chosen for a request", .later = kPoliciesLater}),
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
  };
  static void validate(const ServiceSpec& spec, Report& report);
};

// --- LoadBalancer
template <>
struct Schema<Listener> {
  static constexpr std::string_view name = "Listener";
  static constexpr std::array fields{
      field<&Listener::protocol>({.name = "protocol",
                                  .doc = "spoken by the clients",
                                  .required = true,
                                  .later = kListenerProtocolsLater}),
      field<&Listener::hostnames>(
          {.name = "hostnames",
           .doc = "hosts it answers for, exact or *.example; absent: all that nobody else names",
           .min = 1,
           .max = 255,
           .items_max = 256,
           .check = check_hostname_pattern}),
      field<&Listener::port>({.name = "port",
                              .doc = "a port of its own; absent: the shared port of the protocol",
                              .min = 1,
                              .max = 65535}),
  };
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
           .check = check_path_prefix}),
  };
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
struct Schema<Route> {
  static constexpr std::string_view name = "Route";
  static constexpr std::array fields{
      field<&Route::match>({.name = "match", .doc = "which requests; absent: all"}),
      field<&Route::backends>({.name = "backends",
                               .doc = "where they go, by weight",
                               .required = true,
                               .items_min = 1,
                               .items_max = 32}),
      field<&Route::request_timeout>({.name = "request_timeout",
                                      .doc = "in place of the service's",
                                      .min = kTimeoutMin,
                                      .max = kTimeoutMax}),
      field<&Route::request_body_bytes_max>(
          {.name = "request_body_bytes_max",
           .doc = "a longer request body is refused with 413; absent: no limit",
           .max = kNumberMax}),
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
  };
  static void validate(const LoadBalancerSpec& spec, Report& report);
};

// --- Endpoint
template <>
struct Schema<EndpointSpec> {
  static constexpr std::string_view name = "EndpointSpec";
  static constexpr std::array fields{
      field<&EndpointSpec::service>({.name = "service",
                                     .doc = "name of the Service that it joins",
                                     .required = true,
                                     .min = 1,
                                     .max = 63,
                                     .check = check_name,
                                     .refers_to = "Service"}),
      field<&EndpointSpec::address>(
          {.name = "address",
           .doc = "host:port; the host is an IPv4 address, an [IPv6] address or a DNS name",
           .required = true,
           .min = 1,
           .max = 260,
           .check = check_address}),
      field<&EndpointSpec::weight>({.name = "weight",
                                    .doc = "share of the requests, relative to the others; 0 drains it",
                                    .max = kWeightMax}),
      field<&EndpointSpec::priority>({.name = "priority",
                                      .doc = "lower ones serve first, higher ones only when no lower one can",
                                      .max = kPriorityMax}),
  };
};

// --- Token
template <>
struct Schema<TokenSpec> {
  static constexpr std::string_view name = "TokenSpec";
  static constexpr std::array fields{
      field<&TokenSpec::description>({.name = "description", .doc = "what it is for"}),
      field<&TokenSpec::role>({.name = "role", .doc = "what it may do: viewer reads, admin also writes"}),
      field<&TokenSpec::expires_at>({.name = "expires_at", .doc = "refused from then on; absent: never"}),
      field<&TokenSpec::hash>({.name = "hash",
                               .doc = "of the secret, which itself is kept nowhere",
                               .secret = true,
                               .server_set = true}),
  };
};

// --- Event
template <>
struct Schema<EventSpec> {
  static constexpr std::string_view name = "EventSpec";
  static constexpr std::array fields{
      field<&EventSpec::time>({.name = "time", .doc = "when"}),
      field<&EventSpec::actor>({.name = "actor", .doc = "who: the name of a Token"}),
      field<&EventSpec::verb>({.name = "verb", .doc = "create, update or delete"}),
      field<&EventSpec::kind>({.name = "kind", .doc = "of the object"}),
      field<&EventSpec::name>({.name = "name", .doc = "of the object"}),
      field<&EventSpec::revision>({.name = "revision", .doc = "that the change made", .max = kNumberMax}),
      field<&EventSpec::remote_address>({.name = "remote_address", .doc = "from where"}),
      field<&EventSpec::before>({.name = "before",
                                 .doc = "the object before, without secrets",
                                 .type = &kJsonText,
                                 .max = kJsonBytesMax}),
      field<&EventSpec::after>({.name = "after",
                                .doc = "the object after, without secrets",
                                .type = &kJsonText,
                                .max = kJsonBytesMax}),
  };
};

// --- Edge
template <>
struct Schema<EdgeSpec> {
  static constexpr std::string_view name = "EdgeSpec";
  static constexpr std::array fields{
      field<&EdgeSpec::provider>({.name = "provider", .doc = "the cloud it runs in"}),
      field<&EdgeSpec::region>({.name = "region", .doc = "the provider's name of the region"}),
      field<&EdgeSpec::city>({.name = "city", .doc = "where it is"}),
      field<&EdgeSpec::address>(
          {.name = "address", .doc = "by which clients reach it", .check = check_host_field}),
      field<&EdgeSpec::version>({.name = "version", .doc = "of its program"}),
      field<&EdgeSpec::capabilities>({.name = "capabilities", .doc = "what it can do", .min = 1, .max = 63}),
  };
};

// --- all of them
struct KindInfo {
  Kind kind;
  std::string_view name;    // "LoadBalancer"
  std::string_view plural;  // "loadbalancers", as in the API's paths
  std::string_view doc;     // one line
  bool client_writes;       // false: only the server makes them
  const Type* spec;
  Spec (*make)();
};

template <class T>
constexpr KindInfo kind_line(Kind kind, std::string_view name, std::string_view plural, std::string_view doc,
                             bool client_writes = true) {
  return {kind, name, plural, doc, client_writes, &kType<T>, [] { return Spec(T{}); }};
}

inline constexpr std::array kKinds{
    kind_line<LoadBalancerSpec>(Kind::kLoadBalancer, "LoadBalancer", "loadbalancers",
                                "listeners for clients, and routes from there to services"),
    kind_line<ServiceSpec>(Kind::kService, "Service", "services",
                           "a pool of endpoints with its balancing policy and health check"),
    kind_line<EndpointSpec>(Kind::kEndpoint, "Endpoint", "endpoints",
                            "one endpoint that joined a service by itself"),
    kind_line<TokenSpec>(Kind::kToken, "Token", "tokens", "lets a program or a person use the API"),
    kind_line<EventSpec>(Kind::kEvent, "Event", "events", "one line of the audit: who changed what and when",
                         false),
    kind_line<EdgeSpec>(Kind::kEdge, "Edge", "edges", "a registered machine that carries traffic"),
};

constexpr const KindInfo& info_of(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
const KindInfo* find_kind(std::string_view name);  // "Service"; null: none
// "services", "service", "Service": what a person types; null: none.
const KindInfo* find_kind_loosely(std::string_view word);
const KindInfo* find_plural(std::string_view plural);  // "services"; null: none

const void* spec_of(const Object& object);  // what info_of(object.kind()).spec describes
void* spec_of(Object& object);

}  // namespace weir::config
