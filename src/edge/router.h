// Router: from a request to a route. Immutable, made with its Plan, read by every core; a lookup allocates
// nothing. An exact host name wins over a wildcard, a longer wildcard over a shorter, any wildcard over
// listeners without host names. Within a host name the order is that of the Gateway API: an exact path, then
// a pattern, then the longest prefix by whole segments; then whoever names methods, then the most headers,
// then the most query parameters, then the load balancer's name and the place of the route in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "config/http_formats.h"
#include "config/kinds.h"
#include "config/snapshot.h"
#include "filter/filters.h"
#include "http/message.h"
#include "lb/policies.h"
#include "lb/weighted.h"

namespace weir::edge {

// A header or query parameter that must be there, and what its value must be.
struct ValueMatch {
  std::string name;
  std::optional<std::string> exact;
  std::optional<config::Pattern> pattern;

  bool accepts(std::string_view value) const;
};

struct Route {
  enum class PathKind : std::uint8_t { kPrefix, kPattern, kExact };  // ascending in precedence

  std::string load_balancer;
  std::string name;       // "web/0": the load balancer and the place in it
  std::size_t order = 0;  // by load balancer and place
  PathKind path_kind = PathKind::kPrefix;
  std::string path;
  std::optional<config::Pattern> path_pattern;
  std::vector<std::string> methods;
  std::vector<ValueMatch> headers;
  std::vector<ValueMatch> query;

  std::vector<filter::NamedFilter> filters;
  std::unique_ptr<lb::Policy> split;    // over the backends by weight; null when there is one
  mutable lb::Rotation rotation;        // of the split, shared by all cores
  std::vector<std::uint32_t> backends;  // places in the plan's services; none: a filter answers
  std::optional<Duration> request_timeout;
  std::optional<std::uint64_t> request_body_bytes_max;
  std::optional<config::Retries> retries;

  bool matches(const http::RequestHead& head) const;
  std::string_view matched_prefix() const {
    return path_kind == PathKind::kPrefix ? std::string_view(path) : std::string_view();
  }
};

class Router {
 public:
  // service_places: where each service of the snapshot stands in the plan. limiter: of all routes.
  using ServicePlaces = std::unordered_map<std::string_view, std::uint32_t>;
  Router() = default;
  // https: the port of the shared HTTPS listener, which redirects of whole listeners lead to; 0: 443.
  Router(const config::Snapshot& snapshot, const ServicePlaces& service_places,
         const std::shared_ptr<lb::RateLimiter>& limiter, std::uint16_t https);

  // port: of the listener that the connection came in by; config::kSharedHttp and kSharedHttps for the role's
  // shared sockets.
  const Route* match(std::uint32_t port, const http::RequestHead& head) const;
  std::size_t routes() const { return routes_.size(); }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Routes = std::vector<const Route*>;  // in order of precedence
  struct Port {
    std::unordered_map<std::string, Routes, TextHash, std::equal_to<>> exact;
    std::unordered_map<std::string, Routes, TextHash, std::equal_to<>>
        wildcard;  // ".example" for "*.example"
    Routes any;
  };

  void add(const config::LoadBalancer& load_balancer, const ServicePlaces& service_places,
           const config::Snapshot& snapshot, const std::shared_ptr<lb::RateLimiter>& limiter,
           std::uint16_t https);
  void insert(const config::Listener& listener, const Route* route);

  std::vector<std::unique_ptr<Route>> routes_;
  std::unordered_map<std::uint32_t, Port> ports_;
};

// The first value of a query parameter, decoded; nothing: it is not there. scratch: holds what was decoded.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name,
                                            std::string& scratch);

}  // namespace weir::edge
