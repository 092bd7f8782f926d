// From Envoy: resources of somebody else's control plane as parts of a Snapshot. Strict: a field that is set
// and not understood, or a value that weir can't do, refuses the resource with the field's path, which is the
// text of the NACK. Pure functions; any thread.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"

namespace weir::translation {

// The error: one sentence for each thing that is wrong.
template <class T>
using Read = std::expected<T, std::string>;

struct ReadCluster {
  config::Service service;
  std::string endpoints;  // name of the ClusterLoadAssignment that has them; empty: they are in the service
};

struct ReadEndpoints {
  std::string name;
  std::vector<config::Endpoint> endpoints;
};

// What a route says that weir keeps with the service.
struct ReadRoute {
  config::Route route;
  std::optional<config::HashOn> hash_on;
};

struct ReadHost {
  std::string name;
  std::vector<std::string> domains;  // "*" for all
  std::vector<ReadRoute> routes;
};

struct ReadRoutes {
  std::string name;
  std::vector<ReadHost> hosts;
};

struct ReadListener {
  config::Listener listener;  // without host names and certificates
  std::string routes;         // name of the RouteConfiguration; empty: it is within
  std::optional<ReadRoutes> inline_routes;
  std::map<std::string, std::vector<std::string>> certificates;  // by SNI; "" for all others
  bool encoded_slashes = true;
};

// body: the serialised message.
Read<ReadCluster> cluster_from_envoy(std::string_view body);
Read<ReadEndpoints> endpoints_from_envoy(std::string_view body);
Read<ReadListener> listener_from_envoy(std::string_view body);
Read<ReadRoutes> routes_from_envoy(std::string_view body);
Read<config::Certificate> secret_from_envoy(std::string_view body);

}  // namespace weir::translation
