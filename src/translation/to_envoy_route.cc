// One route: its match, and where it leads.
#include <envoy/config/route/v3/route_components.pb.h>
#include <envoy/extensions/filters/http/stateful_session/v3/stateful_session.pb.h>
#include <envoy/extensions/http/stateful_session/cookie/v3/cookie.pb.h>
#include <envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "config/kinds.h"
#include "translation/messages.h"
#include "translation/to_envoy_parts.h"

namespace weir::translation {
namespace {

namespace core = envoy::config::core::v3;
namespace route = envoy::config::route::v3;
using Effect = Unsaid::Effect;

constexpr std::uint16_t kHttpUsual = 80;
constexpr std::uint16_t kHttpsUsual = 443;
constexpr std::string_view kIdempotent = "GET|HEAD|OPTIONS|TRACE|PUT|DELETE";  // RFC 9110 section 9.2.2
constexpr int kHostTriesMax = 5;  // picks of another endpoint for a retry, before one is tried twice

std::string regex_of(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_';
    if (!plain) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// What regex_rewrite writes as it is.
std::string literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped.append(c == '\\' ? 2 : 1, c);
  return escaped;
}

template <class Into>  // HeaderMatcher or QueryParameterMatcher
void write_value(const config::FieldMatch& from, Into& into) {
  if (from.exact) {
    into.mutable_string_match()->set_exact(*from.exact);
  } else if (from.regex) {
    into.mutable_string_match()->mutable_safe_regex()->set_regex(*from.regex);
  } else {
    into.set_present_match(true);
  }
}

void write_methods(const std::vector<std::string>& methods, route::HeaderMatcher& into) {
  into.set_name(":method");
  if (methods.size() == 1) {
    into.mutable_string_match()->set_exact(methods.front());
    return;
  }
  std::string pattern;
  for (const std::string& method : methods) pattern += (pattern.empty() ? "" : "|") + regex_of(method);
  into.mutable_string_match()->mutable_safe_regex()->set_regex(pattern);
}

void write_match(const config::RouteMatch& from, route::RouteMatch& into) {
  if (from.path) {
    into.set_path(*from.path);
  } else if (from.regex) {
    into.mutable_safe_regex()->set_regex(*from.regex);
  } else if (from.path_prefix == "/") {
    into.set_prefix("/");
  } else {
    into.set_path_separated_prefix(from.path_prefix);
  }
  if (!from.methods.empty()) write_methods(from.methods, *into.add_headers());
  for (const config::FieldMatch& field : from.headers) {
    auto& header = *into.add_headers();
    header.set_name(equal_ignoring_case(field.name, "host") ? ":authority" : field.name);
    write_value(field, header);
  }
  for (const config::FieldMatch& field : from.query) {
    auto& parameter = *into.add_query_parameters();
    parameter.set_name(field.name);
    write_value(field, parameter);
  }
}

// Replaces the prefix that matched by whole segments, which prefix_rewrite does not when one of them is "/".
void write_new_prefix(std::string_view matched, std::string_view prefix,
                      envoy::type::matcher::v3::RegexMatchAndSubstitute& into) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  // The rest keeps its slash; a path of nothing but the prefix becomes the new one, or "/".
  if (matched == "/") {
    into.mutable_pattern()->set_regex("^/");
    into.set_substitution(literal(prefix) + '/');
  } else if (prefix.empty()) {
    into.mutable_pattern()->set_regex('^' + regex_of(matched) + "(?:/|$)");
    into.set_substitution("/");
  } else {
    into.mutable_pattern()->set_regex('^' + regex_of(matched));
    into.set_substitution(literal(prefix));
  }
}

void write_redirect(const config::Route& from, route::RedirectAction& into) {
  const config::Redirect& spec = *from.redirect;
  switch (spec.status) {
    case 301: into.set_response_code(route::RedirectAction::MOVED_PERMANENTLY); break;
    case 303: into.set_response_code(route::RedirectAction::SEE_OTHER); break;
    case 307: into.set_response_code(route::RedirectAction::TEMPORARY_REDIRECT); break;
    case 308: into.set_response_code(route::RedirectAction::PERMANENT_REDIRECT); break;
    default: into.set_response_code(route::RedirectAction::FOUND);
  }
  if (!spec.scheme.empty()) into.set_scheme_redirect(spec.scheme);
  into.set_host_redirect(spec.hostname);
  if (spec.port) into.set_port_redirect(*spec.port);
  if (spec.path) into.set_path_redirect(*spec.path);
  if (spec.path_prefix) {
    write_new_prefix(from.match.path_prefix, *spec.path_prefix, *into.mutable_regex_rewrite());
  }
}

void write_answer(std::uint32_t status, std::string_view body, std::string_view content_type,
                  route::Route& into) {
  into.mutable_direct_response()->set_status(status);
  into.mutable_direct_response()->mutable_body()->set_inline_string(std::string(body));
  auto& type = *into.add_response_headers_to_add();
  type.mutable_header()->set_key("content-type");
  type.mutable_header()->set_value(std::string(content_type));
  type.set_append_action(core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
}

void write_retries(const config::Retries& from, Duration request_timeout, route::RetryPolicy& into) {
  put(from.per_try_timeout.value_or(request_timeout), *into.mutable_per_try_timeout());
  into.mutable_num_retries()->set_value(from.attempts);
  if (from.attempts == 0) return;
  std::string on = "connect-failure,refused-stream,reset";
  for (const config::StatusRange& range : from.on_statuses) {
    for (std::uint32_t status = range.first; status <= range.last; ++status) {
      into.add_retriable_status_codes(status);
    }
  }
  if (!from.on_statuses.empty()) on += ",retriable-status-codes";
  for (const config::GrpcStatus status : from.on_grpc_statuses) {
    on.append(",").append(kGrpcRetries[static_cast<std::size_t>(status)]);
  }
  into.set_retry_on(on);
  if (!from.non_idempotent) {
    auto& method = *into.add_retriable_request_headers();
    method.set_name(":method");
    method.mutable_string_match()->mutable_safe_regex()->set_regex(std::string(kIdempotent));
  }
  auto& others = *into.add_retry_host_predicate();
  others.set_name("envoy.retry_host_predicates.previous_hosts");
  pack(envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate(),
       *others.mutable_typed_config());
  into.set_host_selection_retry_max_attempts(kHostTriesMax);
}

void write_hash(const config::HashOn& from, route::RouteAction& into) {
  if (!from.header.empty()) {
    auto& policy = *into.add_hash_policy();
    policy.mutable_header()->set_header_name(from.header);
    policy.set_terminal(true);
  }
  if (!from.cookie.empty()) {
    auto& policy = *into.add_hash_policy();
    policy.mutable_cookie()->set_name(from.cookie);
    policy.set_terminal(true);
  }
  if (!from.source) return;
  auto& policy = *into.add_hash_policy();
  policy.mutable_connection_properties()->set_source_ip(true);
  policy.set_terminal(true);
}

void write_sticky(const config::StickyCookie& from, route::Route& into) {
  envoy::extensions::http::stateful_session::cookie::v3::CookieBasedSessionState state;
  state.mutable_cookie()->set_name(from.name);
  state.mutable_cookie()->set_path("/");
  if (from.max_age) put(*from.max_age, *state.mutable_cookie()->mutable_ttl());
  envoy::extensions::filters::http::stateful_session::v3::StatefulSessionPerRoute filter;
  auto& kind = *filter.mutable_stateful_session()->mutable_session_state();
  kind.set_name("envoy.http.stateful_session.cookie");
  pack(state, *kind.mutable_typed_config());
  pack(filter, (*into.mutable_typed_per_filter_config())["envoy.filters.http.stateful_session"]);
}

// What of a service stands in Envoy's route: of several services, that of the first holds for all.
void write_service(const PortContext& context, const config::LoadBalancer& balancer, const std::string& field,
                   const config::Route& from, route::Route& into) {
  const config::Service* first = context.snapshot.find_service(from.backends.front().service);
  if (first == nullptr) return;
  const config::ServiceSpec& spec = first->spec;
  auto& action = *into.mutable_route();
  for (const config::Backend& backend : from.backends) {
    const config::Service* service = context.snapshot.find_service(backend.service);
    if (service == nullptr || service == first) continue;
    const bool same = service->spec.hash_on == spec.hash_on && service->spec.sticky == spec.sticky &&
                      (from.retries || service->spec.retries == spec.retries) &&
                      (from.request_timeout || service->spec.request_timeout == spec.request_timeout);
    if (same) continue;
    context.add(balancer, field + ".backends",
                "Envoy has these for a whole route: hash_on, sticky, retries, request_timeout; those of " +
                    first->name + " hold for " + service->name + ", too");
  }
  const config::Retries& retries = from.retries ? *from.retries : spec.retries;
  write_retries(retries, from.request_timeout.value_or(spec.request_timeout), *action.mutable_retry_policy());
  if (from.retries && from.retries->budget_percent != spec.retries.budget_percent) {
    context.add(balancer, field + ".retries.budget_percent", "Envoy has one for a service");
  }
  if (spec.hash_on) write_hash(*spec.hash_on, action);
  if (spec.sticky) write_sticky(*spec.sticky, into);
}

void write_backends(const PortContext& context, const config::LoadBalancer& balancer,
                    const std::string& field, const config::Route& from, route::Route& into) {
  auto& action = *into.mutable_route();
  if (from.backends.size() == 1) {
    action.set_cluster(from.backends.front().service);
  } else {
    for (const config::Backend& backend : from.backends) {
      auto& one = *action.mutable_weighted_clusters()->add_clusters();
      one.set_name(backend.service);
      one.mutable_weight()->set_value(backend.weight);
    }
  }
  action.mutable_timeout();  // none for the whole of a response; per_try_timeout is until its head
  write_service(context, balancer, field, from, into);
  if (from.stream_idle_timeout) put(*from.stream_idle_timeout, *action.mutable_idle_timeout());
  if (from.stream_duration_max) {
    put(*from.stream_duration_max, *action.mutable_max_stream_duration()->mutable_max_stream_duration());
  }
  if (from.rewrite) {
    if (!from.rewrite->hostname.empty()) action.set_host_rewrite_literal(from.rewrite->hostname);
    if (from.rewrite->path) {
      action.mutable_regex_rewrite()->mutable_pattern()->set_regex("^.*$");
      action.mutable_regex_rewrite()->set_substitution(literal(*from.rewrite->path));
    } else if (from.rewrite->path_prefix) {
      write_new_prefix(from.match.path_prefix, *from.rewrite->path_prefix, *action.mutable_regex_rewrite());
    }
  }
  if (from.request_body_bytes_max) {
    context.add(balancer, field + ".request_body_bytes_max",
                "Envoy limits a body only where it keeps all of it before it is sent on");
  }
  if (from.client_bytes_per_second_min != config::Route().client_bytes_per_second_min) {
    context.add(balancer, field + ".client_bytes_per_second_min", "Envoy has no lowest rate for its clients");
  }
}

}  // namespace

void write_route(const PortContext& context, const config::LoadBalancer& balancer, std::size_t place,
                 route::Route& into) {
  const config::Route& from = balancer.spec.routes[place];
  const std::string field = "spec.routes[" + std::to_string(place) + ']';
  into.set_name(balancer.name + '/' + std::to_string(place));
  write_match(from.match, *into.mutable_match());
  if (!write_route_filters(context, balancer, field, from, into)) {
    into.clear_typed_per_filter_config();
    into.clear_request_headers_to_add();
    into.clear_request_headers_to_remove();
    into.clear_response_headers_to_add();
    into.clear_response_headers_to_remove();
    return write_answer(503, "this can't be served here\n", "text/plain; charset=utf-8", into);
  }
  if (from.redirect) {
    write_redirect(from, *into.mutable_redirect());
  } else if (from.respond) {
    write_answer(from.respond->status, from.respond->body, from.respond->content_type, into);
  } else {
    write_backends(context, balancer, field, from, into);
  }
}

void write_https_redirect(const PortContext& context, const config::LoadBalancer& balancer,
                          const config::Listener& listener, route::Route& into) {
  into.set_name(balancer.name + "/to-https");
  into.mutable_match()->set_prefix("/");
  auto& redirect = *into.mutable_redirect();
  redirect.set_https_redirect(true);
  redirect.set_response_code(route::RedirectAction::PERMANENT_REDIRECT);
  std::uint32_t port = context.node.https;
  for (const config::Listener& other : balancer.spec.listeners) {
    if (other.protocol == config::ListenerProtocol::kHttps && other.port) {
      port = *other.port;
      break;
    }
  }
  if (listener.https_port) port = *listener.https_port;
  const bool both_usual = port == kHttpsUsual && number_of_port(context.port, context.node) == kHttpUsual;
  if (!both_usual) redirect.set_port_redirect(port);  // a Host then has a port, which must not stay
}

}  // namespace weir::translation
