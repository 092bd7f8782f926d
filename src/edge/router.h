// Router: from a request to a route. Immutable, made with its Plan, read by every core; a lookup allocates
// nothing. An exact host name wins over a wildcard, a longer wildcard over a shorter, any wildcard over
// listeners without host names. As in the Gateway API, those who named the host best answer for all of it:
// what none of their routes takes is for nobody else, so no wildcard sees what another's host does not serve.
// Within a host name the order is the Gateway API's, too: an exact path, then a pattern, then the longest
// prefix by whole segments; then whoever names methods, then the most headers, then the most query
// parameters, then the load balancer's name and the place of the route in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "config/snapshot.h"
#include "edge/ports.h"
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
  // What of a request this route does not take.
  struct Mismatch {
    enum class What : std::uint8_t { kNothing, kPath, kMethod, kHeader, kQuery };
    What what = What::kNothing;
    const ValueMatch* value = nullptr;  // of a header or a query parameter
  };

  std::string load_balancer;
  std::size_t load_balancer_place = 0;  // in Router::load_balancers()
  std::string name;                     // "web/0": the load balancer and the place in it
  std::string id;  // "web path prefix /a": wherever it stands; what a plan keeps of the one before goes by it
  std::size_t order = 0;  // by load balancer and place
  config::Precedence precedence;
  std::string path;
  std::optional<config::Pattern> path_pattern;
  std::vector<std::string> methods;
  std::vector<ValueMatch> headers;
  std::vector<ValueMatch> query;

  filter::ChainPointer chain;
  std::unique_ptr<lb::Policy> split;  // over the backends by weight; null when there is one
  std::shared_ptr<lb::Rotation>
      rotation;  // of the split: shared by all cores, and by the plans that have the route
  std::vector<std::uint32_t> backends;  // places in the plan's services; none: a filter answers
  std::vector<std::uint32_t> backend_weights;
  std::optional<Duration> request_timeout;
  std::optional<Duration> stream_idle_timeout;
  std::optional<Duration> stream_duration_max;
  std::optional<std::uint64_t> request_body_bytes_max;
  std::uint64_t client_rate_min = 0;  // bytes a second
  std::optional<config::Retries> retries;
  bool hidden_slashes = false;  // paths with %2F and the like may come

  const std::vector<filter::NamedFilter>& filters() const { return chain->filters; }
  Mismatch mismatch(const http::RequestHead& head) const;
  bool matches(const http::RequestHead& head) const {
    return mismatch(head).what == Mismatch::What::kNothing;
  }
  std::string_view matched_prefix() const {
    return precedence.path == config::Precedence::Path::kPrefix ? std::string_view(path) : std::string_view();
  }
};

class Router {
 public:
  // service_places: where each service of the snapshot stands in the plan. previous:
  // whose routes' rotations and filters go on; may be null.
  using ServicePlaces = std::unordered_map<std::string_view, std::uint32_t>;
  Router() = default;
  // shared: redirects of whole listeners lead to its HTTPS port; 0: 443.
  Router(const config::Snapshot& snapshot, const ServicePlaces& service_places, const filter::Common& common,
         const Router* previous, const SharedPorts& shared);

  // port: of the listener that the connection came in by; config::kSharedHttp and kSharedHttps for the role's
  // shared sockets.
  const Route* match(std::uint32_t port, const http::RequestHead& head) const;
  // Proxies in front of that port that are believed about their clients.
  std::span<const config::Network> trusted(std::uint32_t port) const {
    const auto found = trusted_.empty() ? trusted_.end() : trusted_.find(port);
    return found == trusted_.end() ? std::span<const config::Network>() : found->second;
  }
  std::size_t routes() const { return routes_.size(); }
  // The names of all load balancers, those of connections too, in order.
  std::span<const std::string_view> load_balancers() const { return load_balancers_; }

  // What match() goes through, until one matches: every route of every listener whose host names take the
  // request's host, in order of precedence.
  struct Candidate {
    std::string hostname;  // "web.example", "*.example", or "*" for a listener that takes all
    const Route* route;
  };
  std::vector<Candidate> candidates(std::uint32_t port, const http::RequestHead& head) const;

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

  using RoutesById = std::unordered_map<std::string_view, const Route*>;
  void add(const config::LoadBalancer& load_balancer, const ServicePlaces& service_places,
           const config::Snapshot& snapshot, const filter::Common& common, const RoutesById& previous,
           const SharedPorts& shared);
  void insert(std::uint32_t port_number, const config::Listener& listener, const Route* route);

  // Hands the routes of the most specific host name that takes the request to `take`.
  template <class Take>
  const Route* search(std::uint32_t port, std::string_view authority, Take take) const;

  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<std::unique_ptr<const std::string>> names_;  // of the load balancers
  std::vector<std::string_view> load_balancers_;           // views of them
  std::unordered_map<std::uint32_t, Port> ports_;
  std::unordered_map<std::uint32_t, std::vector<config::Network>> trusted_;  // by port
};

// The first value of a query parameter, decoded; nothing: it is not there. scratch: holds what was decoded.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name,
                                            std::string& scratch);

}  // namespace weir::edge
