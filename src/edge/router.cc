#include "edge/router.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace weir::edge {
namespace {

constexpr std::size_t kHostBytesMax = 255;  // RFC 1035 section 2.3.4

// By segment: "/a" holds "/a" and "/a/b", not "/ab".
bool has_prefix(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::unique_ptr<lb::Policy> make_split(const std::vector<config::Backend>& backends) {
  if (backends.size() < 2) return nullptr;
  std::vector<lb::Host> hosts;
  for (const config::Backend& backend : backends) {
    const auto index = static_cast<std::uint32_t>(hosts.size());
    hosts.push_back({.id = index, .index = index, .weight = backend.weight});
  }
  std::erase_if(hosts, [](const lb::Host& host) { return host.weight == 0; });
  return lb::make_round_robin(hosts);
}

std::vector<ValueMatch> value_matches(const std::vector<config::FieldMatch>& specs) {
  std::vector<ValueMatch> matches;
  for (const config::FieldMatch& spec : specs) {
    ValueMatch match{.name = spec.name, .exact = spec.exact, .pattern = std::nullopt};
    if (spec.regex) match.pattern.emplace(*spec.regex);
    matches.push_back(std::move(match));
  }
  return matches;
}

void set_path(const config::RouteMatch& match, Route& route) {
  if (match.path) {
    route.path_kind = Route::PathKind::kExact;
    route.path = *match.path;
  } else if (match.regex) {
    route.path_kind = Route::PathKind::kPattern;
    route.path = *match.regex;
    route.path_pattern.emplace(*match.regex);
  } else {
    route.path = match.path_prefix;
  }
}

bool precedes(const Route* left, const Route* right) {
  const auto rank = [](const Route& route) {
    return std::tuple(route.path_kind, route.path.size(), !route.methods.empty(), route.headers.size(),
                      route.query.size());
  };
  return std::pair(rank(*left), right->order) > std::pair(rank(*right), left->order);
}

// What the listener says, else where its load balancer takes HTTPS, else where everybody does.
std::uint32_t https_port(const config::LoadBalancerSpec& spec, const config::Listener& from,
                         std::uint16_t shared) {
  if (from.https_port) return *from.https_port;
  for (const config::Listener& listener : spec.listeners) {
    if (listener.protocol == config::ListenerProtocol::kHttps && listener.port) return *listener.port;
  }
  return shared == 0 ? 443 : shared;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Of application/x-www-form-urlencoded; an escape that is none stays as it is.
std::string_view decoded(std::string_view text, std::string& scratch) {
  if (!text.contains('%') && !text.contains('+')) return text;
  scratch.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (!escape) {
      scratch += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    scratch += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return scratch;
}

}  // namespace

std::optional<std::string_view> query_value(std::string_view query, std::string_view name,
                                            std::string& scratch) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (decoded(pair.substr(0, equals), scratch) != name) continue;
    return equals == std::string_view::npos ? std::string_view() : decoded(pair.substr(equals + 1), scratch);
  }
  return std::nullopt;
}

bool ValueMatch::accepts(std::string_view value) const {
  if (exact) return value == *exact;
  return !pattern || pattern->matches(value);
}

bool Route::matches(const http::RequestHead& head) const {
  switch (path_kind) {
    case PathKind::kPrefix:
      if (!has_prefix(head.path, path)) return false;
      break;
    case PathKind::kPattern:
      if (!path_pattern->matches(head.path)) return false;
      break;
    case PathKind::kExact:
      if (head.path != path) return false;
      break;
  }
  if (!methods.empty() && std::ranges::find(methods, head.method_text) == methods.end()) return false;
  for (const ValueMatch& match : headers) {
    const bool is_host = equal_ignoring_case(match.name, "host");
    const http::Field* field = is_host ? nullptr : head.fields.find(match.name);
    if (!is_host && field == nullptr) return false;
    if (!match.accepts(is_host ? head.authority : field->value)) return false;
  }
  if (query.empty()) return true;
  std::string scratch;
  return std::ranges::all_of(query, [&](const ValueMatch& match) {
    const auto value = query_value(head.query, match.name, scratch);
    return value && match.accepts(*value);
  });
}

Router::Router(const config::Snapshot& snapshot, const ServicePlaces& service_places,
               const std::shared_ptr<lb::RateLimiter>& limiter, std::uint16_t https) {
  for (const config::LoadBalancer& load_balancer : snapshot.load_balancers) {
    add(load_balancer, service_places, snapshot, limiter, https);
  }
  const auto sort = [](Routes& routes) { std::ranges::sort(routes, precedes); };
  for (auto& [number, port] : ports_) {
    for (auto& [host, routes] : port.exact) sort(routes);
    for (auto& [host, routes] : port.wildcard) sort(routes);
    sort(port.any);
  }
}

void Router::add(const config::LoadBalancer& load_balancer, const ServicePlaces& service_places,
                 const config::Snapshot& snapshot, const std::shared_ptr<lb::RateLimiter>& limiter,
                 std::uint16_t https) {
  for (std::size_t i = 0; i < load_balancer.spec.routes.size(); ++i) {
    const config::Route& spec = load_balancer.spec.routes[i];
    auto route = std::make_unique<Route>();
    route->load_balancer = load_balancer.name;
    route->name = load_balancer.name + '/' + std::to_string(i);
    set_path(spec.match, *route);
    route->methods = spec.match.methods;
    route->headers = value_matches(spec.match.headers);
    route->query = value_matches(spec.match.query);
    route->filters = filter::make_filters(
        spec, {load_balancer.name + ' ' + config::canonical_match(spec.match), snapshot, limiter});
    route->split = make_split(spec.backends);
    route->request_timeout = spec.request_timeout;
    route->request_body_bytes_max = spec.request_body_bytes_max;
    route->retries = spec.retries;
    for (const config::Backend& backend : spec.backends) {
      route->backends.push_back(service_places.at(backend.service));
    }
    for (const config::Listener& listener : load_balancer.spec.listeners) {
      if (!listener.redirect_to_https) insert(listener, route.get());
    }
    route->order = routes_.size();
    routes_.push_back(std::move(route));
  }
  for (const config::Listener& listener : load_balancer.spec.listeners) {
    if (!listener.redirect_to_https) continue;
    auto route = std::make_unique<Route>();
    route->load_balancer = load_balancer.name;
    route->name = load_balancer.name + "/to-https";
    route->path = "/";
    const config::Route spec{
        .redirect = config::Redirect{
            .status = 308, .scheme = "https", .port = https_port(load_balancer.spec, listener, https)}};
    route->filters = filter::make_filters(spec, {route->name, snapshot, limiter});
    insert(listener, route.get());
    route->order = routes_.size();
    routes_.push_back(std::move(route));
  }
}

void Router::insert(const config::Listener& listener, const Route* route) {
  Port& port = ports_[config::shared_or_own_port(listener)];
  if (listener.hostnames.empty()) port.any.push_back(route);
  for (const std::string& hostname : listener.hostnames) {
    Routes& routes = hostname.starts_with("*.") ? port.wildcard[hostname.substr(1)] : port.exact[hostname];
    routes.push_back(route);
  }
}

const Route* Router::match(std::uint32_t port_number, const http::RequestHead& head) const {
  const auto port = ports_.find(port_number);
  if (port == ports_.end()) return nullptr;
  std::string_view host = http::host_of(head.authority);
  if (host.ends_with('.')) host.remove_suffix(1);  // the root's dot
  std::array<char, kHostBytesMax> lower;
  if (host.size() > lower.size()) host = {};
  std::ranges::transform(host, lower.begin(), ascii_lower);
  host = {lower.data(), host.size()};

  const auto first = [&head](const Routes& routes) -> const Route* {
    for (const Route* route : routes) {
      if (route->matches(head)) return route;
    }
    return nullptr;
  };
  if (const auto exact = port->second.exact.find(host); exact != port->second.exact.end()) {
    if (const Route* route = first(exact->second)) return route;
  }
  if (!port->second.wildcard.empty()) {
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
      const auto wildcard = port->second.wildcard.find(host.substr(dot));
      if (wildcard == port->second.wildcard.end()) continue;
      if (const Route* route = first(wildcard->second)) return route;
    }
  }
  return first(port->second.any);
}

}  // namespace weir::edge
