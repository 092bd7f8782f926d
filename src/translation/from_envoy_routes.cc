// RouteConfigurations: virtual hosts and their routes.
#include <envoy/config/route/v3/route.pb.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "config/kinds.h"
#include "translation/from_envoy_parts.h"
#include "translation/messages.h"

namespace weir::translation {
namespace {

namespace core = envoy::config::core::v3;
namespace matcher = envoy::type::matcher::v3;
namespace route = envoy::config::route::v3;
using Step = config::Report::Step;

constexpr Duration kRouteTimeout = std::chrono::seconds(15);      // Envoy's, where nothing is said
constexpr Duration kNever = std::chrono::hours(1);                // the longest that weir has
constexpr std::string_view kPlainInRegex = "-/_~%!@=,:;&'\"<> ";  // besides letters and digits
constexpr std::size_t kRoutesMax = 1000;  // of a virtual host: whether they overlap is asked of every pair

std::string regex_of(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                       kPlainInRegex.contains(c);
    if (!plain) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// What a regular expression takes, when that is one text; else nothing.
std::optional<std::string> literal_of(std::string_view pattern) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      if (++i == pattern.size() || (pattern[i] >= '0' && pattern[i] <= 'z' && pattern[i] != '_' &&
                                    ((pattern[i] <= '9') || (ascii_lower(pattern[i]) >= 'a')))) {
        return std::nullopt;  // an escape with a meaning
      }
    } else if (std::string_view(".[]{}()*+?^$|").contains(pattern[i])) {
      return std::nullopt;
    }
    text += pattern[i];
  }
  return text;
}

template <class From>  // HeaderMatcher or QueryParameterMatcher
void read_value(const From& from, config::FieldMatch& into, config::Report& report) {
  if (from.has_string_match()) {
    if (from.string_match().has_safe_regex()) {
      into.regex = from.string_match().safe_regex().regex();
    } else {
      into.exact = from.string_match().exact();
    }
  } else if (!from.present_match()) {
    report.add("must have string_match, or present_match: true");
  }
}

// One method, or several as a|b.
void read_methods(const route::HeaderMatcher& from, config::RouteMatch& into, config::Report& report) {
  const auto& match = from.string_match();
  if (!match.has_safe_regex()) {
    if (match.exact().empty()) report.add("must name methods");
    return (void)into.methods.push_back(match.exact());
  }
  std::string_view rest = match.safe_regex().regex();
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('|'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const auto method = literal_of(one);
    if (!method || method->empty()) return report.add("must be methods with | between them");
    into.methods.push_back(*method);
  }
}

void read_match(const route::RouteMatch& from, config::RouteMatch& into, config::Report& report) {
  const Step step(report, "match");
  switch (from.path_specifier_case()) {
    case route::RouteMatch::kPath: into.path = from.path(); break;
    case route::RouteMatch::kSafeRegex: into.regex = from.safe_regex().regex(); break;
    case route::RouteMatch::kPathSeparatedPrefix: into.path_prefix = from.path_separated_prefix(); break;
    case route::RouteMatch::kPrefix:
      // A prefix by bytes: "/a" takes "/ab", too.
      if (from.prefix() != "/" && !from.prefix().empty()) into.regex = regex_of(from.prefix()) + ".*";
      break;
    default: report.add("must have prefix, path, safe_regex or path_separated_prefix");
  }
  if (from.has_case_sensitive() && !from.case_sensitive().value()) {
    const Step field(report, "case_sensitive");
    report.add("must be true");
  }
  for (int i = 0; i < from.headers_size(); ++i) {
    const Step list(report, "headers");
    const Step item(report, static_cast<std::size_t>(i));
    const route::HeaderMatcher& header = from.headers(i);
    if (header.name() == ":method") {
      if (into.methods.empty()) {
        read_methods(header, into, report);
      } else {
        report.add("names methods twice");
      }
      continue;
    }
    config::FieldMatch& field = into.headers.emplace_back();
    field.name = header.name() == ":authority" ? "Host" : header.name();
    read_value(header, field, report);
  }
  for (int i = 0; i < from.query_parameters_size(); ++i) {
    const Step list(report, "query_parameters");
    const Step item(report, static_cast<std::size_t>(i));
    config::FieldMatch& field = into.query.emplace_back();
    field.name = from.query_parameters(i).name();
    read_value(from.query_parameters(i), field, report);
  }
}

struct NewPath {
  std::optional<std::string> whole;
  std::optional<std::string> prefix;
};

// What to_envoy_route.cc writes, and no other: the prefix that matched by another, or all of the path.
void read_regex_rewrite(const matcher::RegexMatchAndSubstitute& from, std::string_view matched, NewPath& into,
                        config::Report& report) {
  const Step step(report, "regex_rewrite");
  std::string text;
  for (std::size_t i = 0; i < from.substitution().size(); ++i) {
    if (from.substitution()[i] == '\\' &&
        (++i == from.substitution().size() || from.substitution()[i] != '\\')) {
      return report.add("has a group in its substitution");
    }
    text += from.substitution()[i];
  }
  std::string_view pattern = from.pattern().regex();
  if (pattern == "^.*$") return (void)(into.whole = text);
  if (pattern.starts_with('^')) {
    pattern.remove_prefix(1);
    const bool slash = pattern.ends_with("(?:/|$)");
    if (slash) pattern.remove_suffix(7);
    const auto replaced = literal_of(pattern);
    const bool prefix = replaced && *replaced == matched && (!slash || text == "/");
    if (prefix && matched == "/" && text.ends_with('/')) {
      while (text.ends_with('/')) text.pop_back();
      return (void)(into.prefix = text.empty() ? "/" : text);
    }
    if (prefix && matched != "/") return (void)(into.prefix = text);
  }
  report.add("does something else than replacing the prefix that matched, or the whole path");
}

void read_prefix_rewrite(const std::string& from, const config::RouteMatch& match, NewPath& into,
                         config::Report& report) {
  if (from.empty()) return;
  const Step step(report, "prefix_rewrite");
  const bool by_segment = !match.regex && !match.path && match.path_prefix != "/" && !from.ends_with('/');
  if (match.path) return (void)(into.whole = from);
  if (!by_segment && !(match.path_prefix == "/" && !match.regex && from == "/")) {
    return report.add("must go with path_separated_prefix, and not end in /");
  }
  into.prefix = from;
}

void read_retries(const route::RetryPolicy& from, config::Route& into, config::Report& report) {
  const Step step(report, "retry_policy");
  config::Retries& to = into.retries.emplace();
  to.attempts = from.has_num_retries() ? from.num_retries().value() : 1;
  std::string_view rest = from.retry_on();
  bool statuses = false;
  if (rest.empty()) to.attempts = 0;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    statuses |= one == "retriable-status-codes";
    if (one == "gateway-error") {
      to.on_statuses.push_back({502, 504});
    } else if (one == "5xx") {
      to.on_statuses.push_back({500, 599});
    } else if (const auto* grpc = std::ranges::find(kGrpcRetries, one); grpc != kGrpcRetries.end()) {
      to.on_grpc_statuses.push_back(static_cast<config::GrpcStatus>(grpc - kGrpcRetries.begin()));
    } else if (one != "connect-failure" && one != "refused-stream" && one != "reset" &&
               one != "retriable-status-codes") {
      report.add("has an unknown word in retry_on: " + std::string(one));
    }
  }
  for (const std::uint32_t status :
       statuses ? from.retriable_status_codes() : google::protobuf::RepeatedField<std::uint32_t>()) {
    const auto value = static_cast<std::uint16_t>(std::min(status, 999U));
    if (!to.on_statuses.empty() && to.on_statuses.back().last + 1 == value) {
      to.on_statuses.back().last = value;
    } else {
      to.on_statuses.push_back({value, value});
    }
  }
  to.non_idempotent = to.attempts > 0 && from.retriable_request_headers().empty();
  for (const auto& header : from.retriable_request_headers()) {
    const bool methods = header.name() == ":method" && from.retriable_request_headers_size() == 1 &&
                         header.string_match().safe_regex().regex() == "GET|HEAD|OPTIONS|TRACE|PUT|DELETE";
    if (!methods) report.add("has retriable_request_headers other than the idempotent methods");
  }
  if (from.has_per_try_timeout()) to.per_try_timeout = duration_of(from.per_try_timeout());
}

// Envoy's time-out is for the whole response, weir's until its head; a response without the former may still
// be bounded by the tries. per_try_timeout alone is what request_timeout is said as.
void read_timeouts(const route::RouteAction& from, config::Route& into) {
  const Duration timeout = from.has_timeout() ? duration_of(from.timeout()) : kRouteTimeout;
  if (from.has_timeout() && timeout == Duration::zero()) {
    into.request_timeout = kNever;
    if (into.retries && into.retries->per_try_timeout) {
      into.request_timeout = std::exchange(into.retries->per_try_timeout, std::nullopt);
    }
  } else {
    into.request_timeout = timeout;
    into.stream_duration_max = timeout;
  }
  if (from.has_idle_timeout()) into.stream_idle_timeout = duration_of(from.idle_timeout());
  if (from.max_stream_duration().has_max_stream_duration()) {
    into.stream_duration_max = duration_of(from.max_stream_duration().max_stream_duration());
  }
}

void read_hash(const route::RouteAction& from, ReadRoute& into, config::Report& report) {
  if (from.hash_policy().empty()) return;
  const Step step(report, "hash_policy");
  config::HashOn& to = into.hash_on.emplace();
  int rank = 0;  // weir asks the header, then the cookie, then the address
  for (int i = 0; i < from.hash_policy_size(); ++i) {
    const Step item(report, static_cast<std::size_t>(i));
    const auto& policy = from.hash_policy(i);
    const int kind = policy.has_header() ? 1 : policy.has_cookie() ? 2 : 3;
    if (kind <= rank || (!policy.terminal() && i + 1 < from.hash_policy_size())) {
      report.add("must be terminal, in the order of header, cookie, source_ip");
    }
    rank = kind;
    to.header += policy.header().header_name();
    to.cookie += policy.cookie().name();
    to.source |= policy.connection_properties().source_ip();
  }
}

void read_action(const route::RouteAction& from, ReadRoute& into, config::Report& report) {
  const Step step(report, "route");
  config::Route& to = into.route;
  if (from.has_weighted_clusters()) {
    for (const auto& one : from.weighted_clusters().clusters()) {
      to.backends.push_back({one.name(), one.weight().value()});
    }
  } else {
    to.backends.push_back({from.cluster(), 1});
  }
  if (from.has_retry_policy()) {
    read_retries(from.retry_policy(), to, report);
  } else {
    to.retries = config::Retries{.attempts = 0};
  }
  read_timeouts(from, to);
  read_hash(from, into, report);
  NewPath path;
  if (from.has_regex_rewrite()) read_regex_rewrite(from.regex_rewrite(), to.match.path_prefix, path, report);
  read_prefix_rewrite(from.prefix_rewrite(), to.match, path, report);
  if (path.whole || path.prefix || !from.host_rewrite_literal().empty()) {
    to.rewrite = config::Rewrite{from.host_rewrite_literal(), path.whole, path.prefix};
  }
}

void read_redirect(const route::RedirectAction& from, config::Route& into, config::Report& report) {
  const Step step(report, "redirect");
  config::Redirect& to = into.redirect.emplace();
  constexpr std::array kStatuses{301U, 302U, 303U, 307U, 308U};  // in the order of Envoy's enum
  to.status = kStatuses.at(static_cast<std::size_t>(std::clamp<int>(from.response_code(), 0, 4)));
  to.scheme = from.https_redirect() ? "https" : from.scheme_redirect();
  to.hostname = from.host_redirect();
  if (from.port_redirect() != 0) to.port = from.port_redirect();
  NewPath path;
  if (!from.path_redirect().empty()) path.whole = from.path_redirect();
  if (from.has_regex_rewrite())
    read_regex_rewrite(from.regex_rewrite(), into.match.path_prefix, path, report);
  read_prefix_rewrite(from.prefix_rewrite(), into.match, path, report);
  to.path = path.whole;
  to.path_prefix = path.prefix;
}

void read_answer(const route::DirectResponseAction& from, config::Route& into, config::Report& report) {
  const Step step(report, "direct_response");
  const Step body(report, "body");
  into.respond = config::DirectResponse{from.status(), "", read_text(from.body(), report)};
  // What to_envoy_route.cc writes before a route's own edits.
  auto& edits = into.response_headers;
  if (edits && !edits->set.empty() && equal_ignoring_case(edits->set.front().name, "content-type")) {
    into.respond->content_type = edits->set.front().value;
    edits->set.erase(edits->set.begin());
    if (*edits == config::HeaderEdits()) edits.reset();
  }
}

bool holds(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// False only when no request can match both.
bool may_overlap(const config::RouteMatch& left, const config::RouteMatch& right) {
  if (!left.methods.empty() && !right.methods.empty() &&
      std::ranges::find_first_of(left.methods, right.methods) == left.methods.end()) {
    return false;
  }
  if (left.regex || right.regex) return true;
  if (left.path && right.path) return *left.path == *right.path;
  if (left.path) return holds(*left.path, right.path_prefix);
  if (right.path) return holds(*right.path, left.path_prefix);
  return holds(left.path_prefix, right.path_prefix) || holds(right.path_prefix, left.path_prefix);
}

// Envoy takes the first that matches, weir the most specific one: they must be the same.
void check_order(const std::vector<ReadRoute>& routes, config::Report& report) {
  const Step list(report, "routes");
  if (routes.size() > kRoutesMax) return report.add("has more than " + std::to_string(kRoutesMax));
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto rank = config::precedence_of(routes[i].route.match);
    for (std::size_t j = 0; j < i && !report.full(); ++j) {
      const config::RouteMatch& earlier = routes[j].route.match;
      if (rank <= config::precedence_of(earlier) || !may_overlap(earlier, routes[i].route.match)) continue;
      const Step item(report, i);
      report.add("comes after [" + std::to_string(j) +
                 "], which is less specific and may take its requests; put it before");
      return;
    }
  }
}

void check_forwarded_host(const route::RouteConfiguration& from, config::Report& report) {
  const Step step(report, "request_headers_to_add");
  for (const auto& option : from.request_headers_to_add()) {
    const bool ours =
        option.header().key() == "x-forwarded-host" && option.header().value() == "%REQ(:AUTHORITY)%";
    if (!ours) report.add("is supported for x-forwarded-host only, which weir adds anyway");
  }
}

}  // namespace

ReadRoutes read_routes(const route::RouteConfiguration& from, config::Report& report) {
  ReadRoutes into;
  into.name = from.name();
  check_forwarded_host(from, report);
  const Step list(report, "virtual_hosts");
  for (int i = 0; i < from.virtual_hosts_size() && !report.full(); ++i) {
    const Step item(report, static_cast<std::size_t>(i));
    const route::VirtualHost& host = from.virtual_hosts(i);
    ReadHost& to = into.hosts.emplace_back();
    to.name = host.name();
    to.domains.assign(host.domains().begin(), host.domains().end());
    for (int j = 0; j < host.routes_size() && !report.full(); ++j) {
      const Step routes(report, "routes");
      const Step place(report, static_cast<std::size_t>(j));
      const route::Route& one = host.routes(j);
      ReadRoute& read = to.routes.emplace_back();
      read_match(one.match(), read.route.match, report);
      read_route_filters(one, read.route, report);
      switch (one.action_case()) {
        case route::Route::kRoute: read_action(one.route(), read, report); break;
        case route::Route::kRedirect: read_redirect(one.redirect(), read.route, report); break;
        case route::Route::kDirectResponse: read_answer(one.direct_response(), read.route, report); break;
        default: report.add("must have route, redirect or direct_response");
      }
    }
    check_order(to.routes, report);
  }
  return into;
}

// They have the last word on each value.
void check_routes(const ReadRoutes& routes, config::Report& report) {
  for (const ReadHost& host : routes.hosts) {
    if (report.size() > 0) return;
    config::LoadBalancerSpec spec;
    config::Listener& listener = spec.listeners.emplace_back();
    for (const std::string& domain : host.domains) {
      if (domain != "*") listener.hostnames.push_back(domain);
    }
    for (const ReadRoute& one : host.routes) spec.routes.push_back(one.route);
    check_spec(spec, report);
  }
}

Read<ReadRoutes> routes_from_envoy(std::string_view body) {
  config::Report report;
  route::RouteConfiguration from;
  if (!parse(body, from, report)) return std::unexpected(sentence_of(report.take()));
  ReadRoutes into = read_routes(from, report);
  check_routes(into, report);
  if (report.size() > 0) return std::unexpected(sentence_of(report.take()));
  return into;
}

}  // namespace weir::translation
