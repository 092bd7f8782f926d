// Router: from a request's port, host and path to a route. Immutable, made with its Plan, read by every core;
// a lookup allocates nothing. An exact host name wins over a wildcard, a longer wildcard over a shorter, any
// wildcard over listeners without host names. Within a host name the longest path prefix wins, by whole
// segments.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "config/snapshot.h"
#include "lb/policies.h"
#include "lb/weighted.h"

namespace weir::edge {

inline constexpr std::uint16_t kSharedPort = 0;

struct Route {
  std::string load_balancer;
  std::string path_prefix;
  std::unique_ptr<lb::Policy> split;    // over the backends by weight; null when there is one
  mutable lb::Rotation rotation;        // of the split, shared by all cores
  std::vector<std::uint32_t> backends;  // places in the plan's services
  std::optional<Duration> request_timeout;
  std::optional<std::uint64_t> request_body_bytes_max;
};

class Router {
 public:
  // service_places: where each service of the snapshot stands in the plan.
  using ServicePlaces = std::unordered_map<std::string_view, std::uint32_t>;
  Router() = default;
  Router(const config::Snapshot& snapshot, const ServicePlaces& service_places);

  // port: of the listener that the connection came in by; kSharedPort for the role's shared socket.
  const Route* match(std::uint16_t port, std::string_view authority, std::string_view path) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Routes = std::vector<const Route*>;  // longest prefix first
  struct Port {
    std::unordered_map<std::string, Routes, TextHash, std::equal_to<>> exact;
    std::unordered_map<std::string, Routes, TextHash, std::equal_to<>>
        wildcard;  // ".example" for "*.example"
    Routes any;
  };

  void add(const config::LoadBalancer& load_balancer, const ServicePlaces& service_places);
  static void insert(Routes& routes, const Route* route);
  static const Route* longest(const Routes& routes, std::string_view path);

  std::vector<std::unique_ptr<Route>> routes_;
  std::unordered_map<std::uint16_t, Port> ports_;
};

}  // namespace weir::edge
