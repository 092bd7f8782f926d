#include "edge/router.h"

#include <algorithm>
#include <array>
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

void set_match(const config::RouteMatch& match, Route& route) {
  route.precedence = config::precedence_of(match);
  route.methods = match.methods;
  route.headers = value_matches(match.headers);
  route.query = value_matches(match.query);
  if (match.path) {
    route.path = *match.path;
  } else if (match.regex) {
    route.path = *match.regex;
    route.path_pattern.emplace(*match.regex);
  } else {
    route.path = match.path_prefix;
  }
}

void set_limits(const config::Route& spec, Route& route) {
  route.request_timeout = spec.request_timeout;
  route.stream_idle_timeout = spec.stream_idle_timeout;
  route.stream_duration_max = spec.stream_duration_max;
  route.request_body_bytes_max = spec.request_body_bytes_max;
  route.client_rate_min = spec.client_bytes_per_second_min;
  route.retries = spec.retries;
}

bool precedes(const Route* left, const Route* right) {
  return std::pair(left->precedence, right->order) > std::pair(right->precedence, left->order);
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

Route::Mismatch Route::mismatch(const http::RequestHead& head) const {
  using What = Mismatch::What;
  switch (precedence.path) {
    case config::Precedence::Path::kPrefix:
      if (!has_prefix(head.path, path)) return {What::kPath};
      break;
    case config::Precedence::Path::kPattern:
      if (!path_pattern->matches(head.path)) return {What::kPath};
      break;
    case config::Precedence::Path::kExact:
      if (head.path != path) return {What::kPath};
      break;
  }
  if (!methods.empty() && std::ranges::find(methods, head.method_text) == methods.end()) {
    return {What::kMethod};
  }
  for (const ValueMatch& match : headers) {
    const bool is_host = equal_ignoring_case(match.name, "host");
    const http::Field* field = is_host ? nullptr : head.fields.find(match.name);
    const bool there = is_host || field != nullptr;
    if (!there || !match.accepts(is_host ? head.authority : field->value)) return {What::kHeader, &match};
  }
  if (query.empty()) return {};
  std::string scratch;
  for (const ValueMatch& match : query) {
    const auto value = query_value(head.query, match.name, scratch);
    if (!value || !match.accepts(*value)) return {What::kQuery, &match};
  }
  return {};
}

Router::Router(const config::Snapshot& snapshot, const ServicePlaces& service_places,
               const filter::Common& common, const Router* previous, const SharedPorts& shared) {
  RoutesById before;
  if (previous != nullptr) {
    for (const auto& route : previous->routes_) before.emplace(route->id, route.get());
  }
  for (const auto& load_balancer : snapshot.load_balancers) {
    add(*load_balancer, service_places, snapshot, common, before, shared);
  }
  const auto sort = [](Routes& routes) { std::ranges::sort(routes, precedes); };
  for (auto& [number, port] : ports_) {
    for (auto& [host, routes] : port.exact) sort(routes);
    for (auto& [host, routes] : port.wildcard) sort(routes);
    sort(port.any);
  }
}

void Router::add(const config::LoadBalancer& load_balancer, const ServicePlaces& service_places,
                 const config::Snapshot& snapshot, const filter::Common& common, const RoutesById& previous,
                 const SharedPorts& shared) {
  const std::size_t place = names_.size();
  names_.push_back(std::make_unique<const std::string>(load_balancer.name));
  load_balancers_.push_back(*names_.back());
  if (config::is_of_connections(load_balancer.spec)) return;  // see TcpPort
  const config::Route* const with_sign_in = config::route_with_sign_in(load_balancer.spec);
  const auto go_on = [&](Route& route, const config::Route& spec) {
    const auto found = previous.find(route.id);
    const Route* before = found == previous.end() ? nullptr : found->second;
    route.rotation = before != nullptr ? before->rotation : std::make_shared<lb::Rotation>();
    route.chain = filter::make_chain(
        spec, {route.id, load_balancer.name, with_sign_in != nullptr && !spec.sign_in, snapshot, common},
        before != nullptr ? before->chain : nullptr);
  };
  const auto insert_everywhere = [&](std::unique_ptr<Route> route) {
    for (const config::Listener& listener : load_balancer.spec.listeners) {
      if (!listener.redirect_to_https) insert(shared.number_of(listener), listener, route.get());
    }
    routes_.push_back(std::move(route));
  };
  const auto begin = [&](const std::string& name) {
    auto route = std::make_unique<Route>();
    route->load_balancer = load_balancer.name;
    route->load_balancer_place = place;
    route->name = load_balancer.name + '/' + name;
    route->order = routes_.size();
    return route;
  };
  for (std::size_t i = 0; i < load_balancer.spec.routes.size(); ++i) {
    const config::Route& spec = load_balancer.spec.routes[i];
    auto route = begin(std::to_string(i));
    set_match(spec.match, *route);
    route->id = load_balancer.name + ' ' + config::canonical_match(spec.match);
    go_on(*route, spec);
    set_limits(spec, *route);
    route->split = make_split(spec.backends);
    route->hidden_slashes = load_balancer.spec.allow_encoded_slashes;
    for (const config::Backend& backend : spec.backends) {
      route->backends.push_back(service_places.at(backend.service));
      route->backend_weights.push_back(backend.weight);
    }
    insert_everywhere(std::move(route));
  }
  // On whatever routes its visitors sign in, they come back to paths of the whole load balancer.
  for (const std::string_view path : config::kSignInPaths) {
    if (with_sign_in == nullptr) break;
    auto route = begin("sign-in");
    route->id = route->name + ' ' + std::string(path);
    const config::Route spec{.match = {.path = std::string(path)}, .sign_in = with_sign_in->sign_in};
    set_match(spec.match, *route);
    go_on(*route, spec);
    insert_everywhere(std::move(route));
  }
  for (const config::Listener& listener : load_balancer.spec.listeners) {
    for (const std::string& network : listener.trusted_proxies) {
      trusted_[shared.number_of(listener)].push_back(*config::parse_network(network));
    }
    if (!listener.redirect_to_https) continue;
    auto route = begin("to-https");
    set_match({}, *route);
    const config::Route spec{
        .redirect = config::Redirect{.status = 308,
                                     .scheme = "https",
                                     .port = https_port(load_balancer.spec, listener, shared.https)}};
    route->id = route->name;
    go_on(*route, spec);
    insert(shared.number_of(listener), listener, route.get());
    routes_.push_back(std::move(route));
  }
}

void Router::insert(std::uint32_t port_number, const config::Listener& listener, const Route* route) {
  Port& port = ports_[port_number];
  if (listener.hostnames.empty()) port.any.push_back(route);
  for (const std::string& hostname : listener.hostnames) {
    Routes& routes = hostname.starts_with("*.") ? port.wildcard[hostname.substr(1)] : port.exact[hostname];
    routes.push_back(route);
  }
}

template <class Take>
const Route* Router::search(std::uint32_t port_number, std::string_view authority, Take take) const {
  const auto port = ports_.find(port_number);
  if (port == ports_.end()) return nullptr;
  std::string_view host = http::host_of(authority);
  if (host.ends_with('.')) host.remove_suffix(1);  // the root's dot
  std::array<char, kHostBytesMax> lower;
  if (host.size() > lower.size()) host = {};
  std::ranges::transform(host, lower.begin(), ascii_lower);
  host = {lower.data(), host.size()};

  if (const auto exact = port->second.exact.find(host); exact != port->second.exact.end()) {
    return take(exact->first, exact->second);
  }
  if (!port->second.wildcard.empty()) {
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
      const auto wildcard = port->second.wildcard.find(host.substr(dot));
      if (wildcard != port->second.wildcard.end()) return take(wildcard->first, wildcard->second);
    }
  }
  return take(std::string_view(), port->second.any);
}

const Route* Router::match(std::uint32_t port, const http::RequestHead& head) const {
  return search(port, head.authority, [&head](std::string_view, const Routes& routes) -> const Route* {
    for (const Route* route : routes) {
      if (route->matches(head)) return route;
    }
    return nullptr;
  });
}

std::vector<Router::Candidate> Router::candidates(std::uint32_t port, const http::RequestHead& head) const {
  std::vector<Candidate> all;
  (void)search(port, head.authority, [&all](std::string_view hostname, const Routes& routes) -> const Route* {
    const bool wildcard = hostname.empty() || hostname.starts_with('.');
    for (const Route* route : routes) {
      all.push_back({(wildcard ? "*" : "") + std::string(hostname), route});
    }
    return nullptr;
  });
  return all;
}

}  // namespace weir::edge
