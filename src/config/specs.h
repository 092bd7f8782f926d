// The specs of all kinds: plain values, defaults in place. What may stand in each field, and its one line of
// documentation, is in the tables of kinds.h. Immutable once validated, so any core may read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace weir::config {

using Labels = std::map<std::string, std::string, std::less<>>;

enum class Protocol : std::uint8_t { kHttp };
enum class Balance : std::uint8_t {};  // a place in lb::kPolicies; 0 = ROUND_ROBIN
enum class Role : std::uint8_t { kAdmin, kViewer };

// Both ends included.
struct StatusRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

// --- Service
struct StaticEndpoint {
  std::string address;  // "127.0.0.1:80", "[::1]:80", "name.example:80"
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  friend bool operator==(const StaticEndpoint&, const StaticEndpoint&) = default;
};

struct HttpCheck {
  std::string path = "/";
  std::string host;  // empty: the endpoint's address
  std::vector<StatusRange> expected_statuses{{200, 399}};
  friend bool operator==(const HttpCheck&, const HttpCheck&) = default;
};

struct TcpCheck {
  friend bool operator==(const TcpCheck&, const TcpCheck&) = default;
};

// Exactly one of http and tcp is there.
struct HealthCheck {
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(2);
  std::uint32_t unhealthy_threshold = 2;
  std::uint32_t healthy_threshold = 1;
  std::optional<HttpCheck> http;
  std::optional<TcpCheck> tcp;
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

struct Retries {
  std::uint32_t attempts = 2;         // after the first one
  std::uint32_t budget_percent = 20;  // of requests
  friend bool operator==(const Retries&, const Retries&) = default;
};

struct ServiceSpec {
  Protocol protocol = Protocol::kHttp;
  Balance balance{};
  std::vector<StaticEndpoint> endpoints;
  std::optional<HealthCheck> health_check;
  Duration connect_timeout = std::chrono::seconds(2);
  Duration request_timeout = std::chrono::seconds(60);  // from the request sent to the response's head
  Duration idle_timeout = std::chrono::seconds(60);     // of a pooled upstream connection
  Retries retries;
  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

// --- LoadBalancer
struct Listener {
  Protocol protocol = Protocol::kHttp;
  std::vector<std::string> hostnames;  // "a.example", "*.example"; none: every host nobody else names
  std::optional<std::uint32_t> port;   // none: the shared socket of the protocol
  friend bool operator==(const Listener&, const Listener&) = default;
};

struct RouteMatch {
  std::string path_prefix = "/";  // by segment: "/a" matches "/a" and "/a/b", not "/ab"
  friend bool operator==(const RouteMatch&, const RouteMatch&) = default;
};

struct Backend {
  std::string service;
  std::uint32_t weight = 1;
  friend bool operator==(const Backend&, const Backend&) = default;
};

struct Route {
  RouteMatch match;
  std::vector<Backend> backends;
  std::optional<Duration> request_timeout;              // none: the service's
  std::optional<std::uint64_t> request_body_bytes_max;  // none: no limit
  friend bool operator==(const Route&, const Route&) = default;
};

struct EdgeSelector {
  Labels match;  // an edge must have all of them
  friend bool operator==(const EdgeSelector&, const EdgeSelector&) = default;
};

struct LoadBalancerSpec {
  std::vector<Listener> listeners;
  std::vector<Route> routes;
  EdgeSelector edges;
  friend bool operator==(const LoadBalancerSpec&, const LoadBalancerSpec&) = default;
};

// --- Endpoint: one that joined a service by itself
struct EndpointSpec {
  std::string service;
  std::string address;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  friend bool operator==(const EndpointSpec&, const EndpointSpec&) = default;
};

// --- Token
struct TokenSpec {
  std::string description;
  Role role = Role::kViewer;
  std::optional<WallTime> expires_at;
  std::string hash;  // of the secret that the caller presents; set by the server, never shown
  friend bool operator==(const TokenSpec&, const TokenSpec&) = default;
};

// --- Event: one line of the audit
struct EventSpec {
  std::optional<WallTime> time;
  std::string actor;
  std::string verb;
  std::string kind;  // of the object
  std::string name;
  std::uint64_t revision = 0;
  std::string remote_address;
  std::string before;  // JSON, without secrets; empty: there was none
  std::string after;
  friend bool operator==(const EventSpec&, const EventSpec&) = default;
};

// --- Edge: a registered machine
struct EdgeSpec {
  std::string provider;
  std::string region;
  std::string city;
  std::string address;
  std::string version;
  std::vector<std::string> capabilities;
  friend bool operator==(const EdgeSpec&, const EdgeSpec&) = default;
};

}  // namespace weir::config
