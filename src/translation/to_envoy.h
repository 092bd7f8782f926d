// To Envoy: what the objects of a Snapshot are in Envoy's API. Pure functions, one object (or one port) each,
// so that a change costs as much as what has changed; the translator (translator.h) knows what that is. What
// Envoy can't be told is returned beside, never left out in silence. Control side; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "xds/resource.h"

namespace weir::translation {

// What the translation depends on of the Envoys that it is for.
struct EnvoyNode {
  std::string address = "0.0.0.0";  // that listeners bind to; "::" is all of both
  std::uint16_t http = 80;          // port of the shared HTTP listener
  std::uint16_t https = 443;
  std::string zone;  // its region: endpoints there are preferred; empty: none is
  friend auto operator<=>(const EnvoyNode&, const EnvoyNode&) = default;
};

// A part of the configuration that Envoy can't be told as it is meant.
struct Unsaid {
  enum class Effect : std::uint8_t {
    kWithout,   // Envoy does the rest of the object, without this
    kHeldBack,  // Envoy gets nothing of the object; a route answers 503 in place of what it should do
  };
  std::string object;  // "services/web"
  std::string field;   // "spec.sticky"
  std::string reason;
  Effect effect = Effect::kWithout;
  friend bool operator==(const Unsaid&, const Unsaid&) = default;
};

struct Translation {
  std::vector<xds::ResourcePtr> resources;
  std::vector<Unsaid> unsaid;
};

// Keys of endpoints that checks elsewhere have found unhealthy.
using UnhealthyKeys = std::set<std::string, std::less<>>;

// The Cluster of that name, and its ClusterLoadAssignment unless an endpoint is given as a DNS name: then
// Envoy resolves it, and the endpoints stand in the Cluster.
Translation to_envoy(const config::Service& service, const EnvoyNode& node,
                     const UnhealthyKeys& unhealthy = {});

// The Secret of that name. Holds the private key.
Translation to_envoy(const config::Certificate& certificate);

// What a listener's socket goes by: its own port, or config::kSharedHttp and kSharedHttps. As on edges, an
// HTTP listener that names the shared HTTP port is on it, and so is a TLS listener that names the shared
// HTTPS port. kNoPort: it has none.
std::uint32_t port_on(const config::Listener& listener, const EnvoyNode& node);

// "http", "https", or "port-8443": the name of a port's Listener and of its RouteConfiguration.
std::string name_of_port(std::uint32_t port);

// The Listener of a port (see port_on), and its RouteConfiguration where requests are taken. load_balancers:
// by name, those that have a listener there.
Translation to_envoy(std::uint32_t port, std::span<const config::LoadBalancer* const> load_balancers,
                     const config::Snapshot& snapshot, const EnvoyNode& node);

// That nothing is done on a port, since a shared listener is there.
std::vector<Unsaid> unsaid_of_taken(std::uint32_t port,
                                    std::span<const config::LoadBalancer* const> load_balancers,
                                    const EnvoyNode& node);

}  // namespace weir::translation
