// Why: what was decided for a request, and what would be decided for another, as JSON for people and
// programs. The parts of Edge and Proxy that tell; nothing here changes anything.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "edge/edge.h"
#include "edge/intake.h"
#include "edge/proxy.h"
#include "http/h1_parser.h"
#include "record/json.h"

namespace weir::edge {
namespace {

constexpr std::size_t kCandidatesMax = 100;  // routes that are shown of a host
constexpr std::size_t kEndpointsMax = 1000;  // endpoints that are shown of a service

void text_or_null(record::Json& json, std::string_view key, std::string_view value) {
  json.key(key);
  if (value.empty()) {
    json.null();
  } else {
    json.text(value);
  }
}

// Why a host gets no requests now; empty: it may be picked.
std::string_view why_not(const lb::Host& host, bool checked, bool overruled, bool in_spread) {
  if (host.weight == 0) return "its weight is 0";
  if (checked && overruled) return "it is found unhealthy by the other edges";
  if (!lb::may_serve(host.health, checked)) {
    return host.health == lb::Health::kUnknown ? "its health check has not answered yet"
                                               : "its health check fails";
  }
  if (in_spread) return {};
  if (host.ejected) return "it is ejected for its failures";
  if (host.set_aside) return "it is set aside after a failure";
  return "endpoints of a lower priority value serve";
}

void write_endpoints(record::Json& json, const upstream::Upstream& upstream, Instant now) {
  const upstream::PlannedService& service = upstream.service();
  const bool checked = service.spec.health_check.has_value();
  const upstream::Upstream::Survey survey = upstream.survey(now);
  json.key("endpoints").begin_array();
  for (const lb::Host& host : survey.hosts) {
    if (host.index >= kEndpointsMax) break;
    const bool in_spread = std::ranges::any_of(survey.spread.hosts, [&host](const lb::Host& one) {
      return one.index == host.index && one.weight > 0;
    });
    const upstream::SharedHost& shared = *service.hosts[host.index].shared;
    const std::string_view not_picked = why_not(host, checked, shared.overruled(), in_spread);
    json.begin_object();
    json.key("endpoint").text(shared.key);
    json.key("weight").number(host.weight);
    json.key("priority").number(host.priority);
    json.key("health").text(checked ? lb::name_of(host.health) : "not checked");
    json.key("set_aside").boolean(host.set_aside);
    json.key("ejected").boolean(host.ejected);
    json.key("may_be_picked").boolean(in_spread);
    text_or_null(json, "why_not", in_spread ? std::string_view() : not_picked);
    json.end_object();
  }
  json.end_array();
}

void write_service(record::Json& json, const upstream::Upstream& upstream, std::uint32_t weight,
                   Instant now) {
  const upstream::PlannedService& service = upstream.service();
  json.begin_object();
  json.key("service").text(service.name);
  json.key("weight").number(weight);
  json.key("balance").text(lb::kPolicies[static_cast<std::size_t>(service.spec.balance)].name);
  write_endpoints(json, upstream, now);
  json.end_object();
}

std::string match_text(const Route& route) {
  std::string text = "path ";
  switch (route.precedence.path) {
    case config::Precedence::Path::kPrefix: text += "prefix "; break;
    case config::Precedence::Path::kPattern: text += "pattern "; break;
    case config::Precedence::Path::kExact: break;
  }
  text += route.path;
  const auto list = [&text](std::string_view word, const auto& values, auto name_of_value) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      text.append(i == 0 ? std::string(", ").append(word).append(" ") : " ").append(name_of_value(values[i]));
    }
  };
  list("method", route.methods, [](const std::string& method) { return method; });
  list("header", route.headers, [](const ValueMatch& match) { return match.name; });
  list("query", route.query, [](const ValueMatch& match) { return match.name; });
  return text;
}

std::string mismatch_text(const Route::Mismatch& mismatch) {
  using What = Route::Mismatch::What;
  switch (mismatch.what) {
    case What::kNothing: break;
    case What::kPath: return "the path does not match";
    case What::kMethod: return "the method does not match";
    case What::kHeader: return "the header " + mismatch.value->name + " is missing or has another value";
    case What::kQuery: return "the parameter " + mismatch.value->name + " is missing or has another value";
  }
  return "a route before it matches";
}

void write_candidates(record::Json& json, const Router& router, std::uint32_t port,
                      const http::RequestHead& head, const Route* taken) {
  json.key("candidates").begin_array();
  std::size_t shown = 0;
  for (const Router::Candidate& candidate : router.candidates(port, head)) {
    if (shown++ == kCandidatesMax) break;
    json.begin_object();
    json.key("route").text(candidate.route->name);
    json.key("hostname").text(candidate.hostname);
    json.key("match").text(match_text(*candidate.route));
    json.key("taken").boolean(candidate.route == taken);
    text_or_null(json, "why_not",
                 candidate.route == taken ? "" : mismatch_text(candidate.route->mismatch(head)));
    json.end_object();
  }
  json.end_array();
}

// Asks the filters of a route, in order, as far as that leaves no trace, until one answers.
void write_filters(record::Json& json, const Route& route, filter::Exchange& exchange) {
  http::ResponsePtr answer;
  std::string_view answered_by;
  json.key("filters").begin_array();
  for (const filter::NamedFilter& one : route.filters()) {
    std::string_view outcome = "passes it on";
    if (answer) {
      outcome = "is not reached";
    } else if (!one.pure) {
      outcome = "is not asked: it counts requests, or checks who comes";
    } else if ((answer = one.filter->on_request(exchange))) {
      outcome = "answers";
      answered_by = one.name;
    }
    json.begin_object();
    json.key("filter").text(one.name);
    json.key("outcome").text(outcome);
    json.end_object();
  }
  json.end_array();
  json.key("answer");
  if (!answer) return json.null();
  json.begin_object();
  json.key("filter").text(answered_by);
  json.key("status").number(static_cast<std::uint64_t>(answer->head.status));
  json.key("reason").text(exchange.reason);
  text_or_null(json, "location", answer->head.fields.value_of(http::Known::kLocation));
  json.end_object();
}

std::string listener_text(std::uint32_t port) {
  if (port == config::kSharedHttp) return "shared http";
  if (port == config::kSharedHttps) return "shared https";
  return "port " + std::to_string(port);
}

void write_try(record::Json& json, const record::Try& one) {
  json.begin_object();
  json.key("endpoint").text(one.endpoint.view());
  json.key("outcome").text(one.outcome.empty() ? "under way" : one.outcome);
  text_or_null(json, "detail", one.detail);
  json.key("status");
  if (one.status > 0) {
    json.number(one.status);
  } else {
    json.null();
  }
  json.key("connection").text(one.reused ? "reused" : one.connecting ? "none" : "new");
  json.key("ms").milliseconds(one.took);
  json.end_object();
}

void write_flags(record::Json& json, record::Flags flags) {
  json.key("flags").begin_array();
  for (const record::FlagKind& kind : record::kFlags) {
    if (!flags.has(kind.flag)) continue;
    json.begin_object();
    json.key("flag").text(kind.word);
    json.key("means").text(kind.doc);
    json.end_object();
  }
  json.end_array();
}

void write_outcome(record::Json& json, const record::Decision& decision) {
  json.key("ended").boolean(decision.ended);
  json.key("status");
  if (decision.status > 0) {
    json.number(decision.status);
  } else {
    json.null();
  }
  text_or_null(json, "reason", decision.reason);
  write_flags(json, decision.flags);
  json.key("bytes_received").number(decision.bytes_received);
  json.key("bytes_sent").number(decision.bytes_sent);
  json.key("upstream_ms").milliseconds(decision.upstream_took);
  json.key("head_ms");
  if (decision.head_took) {
    json.milliseconds(*decision.head_took);
  } else {
    json.null();
  }
  json.key("duration_ms").milliseconds(decision.took);
}

// The absolute form that the request line of a proxy's client has, so that the parser of requests judges it.
Result<void> parse_supposed(const SupposedRequest& supposed, std::string& bytes, http::RequestHead& head) {
  const auto unfit = [](std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  };
  if (unfit(supposed.line) || std::ranges::any_of(supposed.fields, unfit)) {
    return fail(Code::kMalformed, "it has line ends within");
  }
  const bool whole = supposed.line.starts_with("http://") || supposed.line.starts_with("https://");
  bytes.append(whole ? "GET " : "").append(supposed.line).append(" HTTP/1.1\r\nHost: -\r\n");
  for (const std::string& field : supposed.fields) bytes.append(field).append("\r\n");
  bytes.append("\r\n");
  const auto parsed = http::parse_request_head(bytes, head);
  if (!parsed) return fail(parsed.error());
  if (*parsed != bytes.size()) return fail(Code::kMalformed, "it is not one request");
  if (head.scheme.empty()) return fail(Code::kMalformed, "it has no http:// or https:// URL");
  return {};
}

std::uint32_t port_of_url(const http::RequestHead& head, const Plan& plan) {
  const std::size_t colon = head.authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && head.authority.back() != ']';
  if (has_port) {
    const auto port = parse_decimal(head.authority.substr(colon + 1));
    const auto number = static_cast<std::uint32_t>(port.value_or(0));
    if (std::ranges::binary_search(plan.ports, number, {}, &PlannedPort::number)) return number;
  }
  return head.scheme == "https" ? config::kSharedHttps : config::kSharedHttp;
}

}  // namespace

std::string Proxy::explain(std::string_view id) const {
  const record::Decision* found = journal_.find(id);
  if (found == nullptr) return {};
  const record::Decision& decision = *found;
  const Instant now = env_.loop.now();
  std::string out;
  record::Json json(out);
  json.begin_object();
  json.key("request_id").text(decision.id.view());
  json.key("time").text(format_rfc3339(
      env_.loop.clock().wall_now() - std::chrono::round<std::chrono::milliseconds>(now - decision.arrived)));
  json.key("method").text(decision.method());
  json.key("scheme").text(decision.scheme);
  json.key("host").text(decision.host.view());
  json.key("path").text(decision.target.view());
  json.key("path_cut").boolean(decision.target.cut());
  json.key("peer").text(decision.peer.to_string());
  json.key("listener").text(listener_text(port_of(decision.local_port)));
  text_or_null(json, "trace_id", decision.trace_id.view());
  text_or_null(json, "load_balancer", decision.load_balancer());
  text_or_null(json, "route", decision.route);
  text_or_null(json, "filter", decision.filter);
  text_or_null(json, "service", decision.service);
  json.key("tries_made").number(decision.tries_made);
  json.key("tries").begin_array();
  for (std::size_t i = 0; i < decision.tries_kept(); ++i) write_try(json, decision.tries[i]);
  json.end_array();
  write_outcome(json, decision);
  for (const auto& upstream : active_->upstreams) {
    if (upstream->service().name != decision.service) continue;
    json.key("service_now");
    write_service(json, *upstream, 1, now);
  }
  json.end_object();
  return out;
}

std::expected<std::string, std::string> Proxy::explain_request(const SupposedRequest& supposed) const {
  std::string bytes;
  http::RequestHead head;
  if (const auto parsed = parse_supposed(supposed, bytes, head); !parsed) {
    return std::unexpected(
        "the request must be like GET http://web.example/path, and its fields like Name: value: " +
        std::string(parsed.error().text));
  }
  const auto peer = net::Address::parse_ip(supposed.peer.empty() ? "127.0.0.1" : supposed.peer, 0);
  if (!peer) return std::unexpected("the client's address is no IP address: " + supposed.peer);
  http::Scratch scratch;
  (void)take_in_path(head, scratch);
  const std::shared_ptr<const ActivePlan> active = active_;
  const std::uint32_t port = port_of_url(head, *active->plan);
  const Route* route = active->plan->router->match(port, head);
  std::string out;
  record::Json json(out);
  json.begin_object();
  json.key("method").text(head.method_text);
  json.key("scheme").text(head.scheme);
  json.key("host").text(head.authority);
  json.key("path").text(head.path);
  json.key("listener").text(listener_text(port));
  text_or_null(json, "load_balancer", route == nullptr ? "" : route->load_balancer);
  text_or_null(json, "route", route == nullptr ? "" : route->name);
  text_or_null(json, "reason", route == nullptr ? name_of(Code::kNoRoute) : std::string_view());
  write_candidates(json, *active->plan->router, port, head, route);
  if (route != nullptr) {
    http::Request request{.head = head, .peer = *peer, .scheme = head.scheme};
    auth::FailureThrottle throttle;  // no filter that is asked looks at these
    oidc::Providers providers(env_);
    const http::RequestHead asked = head;
    filter::Exchange exchange{request, env_, throttle, providers, route->matched_prefix(), {}};
    write_filters(json, *route, exchange);
    const bool rewritten = head.authority != asked.authority || head.path != asked.path;
    text_or_null(json, "sent_host", rewritten ? head.authority : std::string_view());
    text_or_null(json, "sent_path", rewritten ? head.path : std::string_view());
  }
  json.key("backends").begin_array();
  for (std::size_t i = 0; route != nullptr && i < route->backends.size(); ++i) {
    write_service(json, *active->upstreams[route->backends[i]], route->backend_weights[i], env_.loop.now());
  }
  json.end_array();
  json.end_object();
  return out;
}

// Every worker is asked: the connection that brought the request may have been on any.
void Edge::explain(std::string request_id, Explained done) {
  struct Search {
    std::string id;
    Explained done;
    std::string found;
    std::size_t left = 0;
  };
  auto search =
      std::make_shared<Search>(std::move(request_id), std::move(done), std::string(), workers_.size());
  for (const auto& worker : workers_) {
    worker->env().loop.post([this, search, target = worker.get()] {
      control_.loop.post([search, text = target->explain(search->id)] {
        if (search->found.empty()) search->found = text;
        if (--search->left > 0) return;
        if (search->found.empty()) {
          search->done(
              std::unexpected("no request with this id is kept: the id is wrong, or too many came after it"));
        } else {
          search->done(std::move(search->found));
        }
      });
    });
  }
}

// One worker stands for all: they differ in which endpoints failed for them a moment ago.
void Edge::explain_request(SupposedRequest supposed, Explained done) {
  Worker* worker = workers_.front().get();
  worker->env().loop.post([this, worker, supposed = std::move(supposed), done = std::move(done)]() mutable {
    control_.loop.post([done = std::move(done), answer = worker->proxy().explain_request(
                                                    supposed)]() mutable { done(std::move(answer)); });
  });
}

}  // namespace weir::edge
