#include "insight/insight.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/access.h"
#include "base/text.h"
#include "config/object.h"
#include "config/specs.h"
#include "insight/audit.h"
#include "insight/exec_session.h"
#include "insight/request_text.h"
#include "websocket/handshake.h"

namespace weir::insight {
namespace {

using api::Answer;
using api::Problem;
using api::problem_of;
using api::refuse;

std::unexpected<Problem> no_such(const api::Target& target) {
  return refuse(404, "not-found", "there is no " + std::string(target.kind->name) + "/" + target.name);
}

// What an Error of a channel means for the caller.
std::unexpected<Problem> no_channel(const std::string& node, const Error& error) {
  const bool busy = error.code == Code::kOverloaded;
  return refuse(Problem{503,
                        busy ? "overloaded" : "not-ready",
                        busy ? std::string(error.text) : "on the node " + node + ": " + error.text,
                        {},
                        {},
                        busy ? std::uint32_t{5} : std::uint32_t{1}});
}

}  // namespace

net::Task<Answer<http::ResponsePtr>> Insight::handle(http::Request& request, const api::Target& target,
                                                     const auth::Identity& caller,
                                                     std::function<bool()> allowed) {
  switch (target.place) {
    case api::Place::kExec: return exec(request, target, caller, std::move(allowed));
    case api::Place::kGraphs: return graphs(request, caller, std::move(allowed));
    case api::Place::kLogs: return logs(request, target, std::move(allowed));
    default: return requests_.handle(request, target, caller, std::move(allowed));
  }
}

void Insight::stop() {
  stopped_ = true;
  requests_.stop();
  for (LogStream* stream : streams_) stream->stop();
  for (GraphStream* stream : graphs_) stream->stop();
}

// Who may read an object may see what became of it; what is of all objects together, who may read all of
// them.
net::Task<Answer<http::ResponsePtr>> Insight::graphs(http::Request& request, const auth::Identity& caller,
                                                     std::function<bool()> allowed) {
  auto query = api::parse_query(request.head.query, api::QueryKind::kGraphs);
  if (!query) co_return refuse(std::move(query.error()));
  const std::string_view of = query->graph.of == "*" ? std::string_view("edges/*") : query->graph.of;
  const std::size_t slash = of.find('/');
  if (const config::KindInfo* kind = config::find_plural(of.substr(0, slash)); kind != nullptr) {
    const bool is_one = slash != std::string_view::npos && of.substr(slash) != "/*";
    const api::Target target{is_one ? api::Place::kObject : api::Place::kCollection, kind,
                             is_one ? std::string(of.substr(slash + 1)) : std::string()};
    if (auto permitted = api::permit(caller, target, http::Method::kGet); !permitted) {
      co_return refuse(std::move(permitted.error()));
    }
  }
  if (auto present = co_await mirror_.catch_up(); !present) co_return refuse(problem_of(present.error()));
  auto asked = understand(query->graph, mirror_.objects(), env_.loop.clock().wall_now());
  if (!asked) co_return refuse(std::move(asked.error()));
  if (!query->watch) {
    auto response =
        std::make_unique<http::TextResponse>(200, "application/json", graph_json(*asked, history_) + '\n');
    response->head.fields.add(http::Known::kCacheControl, "no-store");
    if (!request.id.empty()) response->add_field(http::Known::kXRequestId, std::string(request.id));
    co_return http::ResponsePtr(std::move(response));
  }
  if (stopped_) co_return refuse(Problem{503, "draining", "this controller is about to end", {}, {}, 1});
  if (graphs_.size() >= kGraphStreamsMax) {
    co_return refuse(Problem{503, "overloaded", "too many graphs are being watched here", {}, {}, 5});
  }
  metrics::Question& question = asked->question;
  if (query->graph.from.empty()) question.from = question.to;
  // An EventSource that reconnects sends the URL of its first request, and how far it got.
  if (const auto id = parse_decimal(request.head.fields.value_of(http::Known::kLastEventId)); id) {
    const auto seen = static_cast<std::int64_t>(std::min<std::uint64_t>(*id, 1ULL << 40U));
    question.from =
        std::clamp(seen / question.step * question.step, question.from, std::max(question.from, question.to));
  }
  auto stream = std::make_unique<GraphStream>(env_, history_, std::move(*asked), std::move(allowed),
                                              std::string(request.id),
                                              [this](GraphStream& gone) { graphs_.erase(&gone); });
  graphs_.insert(stream.get());
  co_return http::ResponsePtr(std::move(stream));
}

net::Task<Answer<http::ResponsePtr>> Insight::logs(http::Request& request, const api::Target& target,
                                                   std::function<bool()> allowed) {
  auto query = api::parse_query(request.head.query, api::QueryKind::kLogs);
  if (!query) co_return refuse(std::move(query.error()));
  if (stopped_) co_return refuse(Problem{503, "draining", "this controller is about to end", {}, {}, 1});
  if (streams_.size() >= kLogStreamsMax) {
    co_return refuse(Problem{503, "overloaded", "too many logs are being read here", {}, {}, 5});
  }
  if (auto present = co_await mirror_.catch_up(); !present) co_return refuse(problem_of(present.error()));
  if (!mirror_.objects().find(target.kind->kind, target.name)) co_return no_such(target);
  const api::VisitQuestion& visit = query->visit;
  LogsAsked asked{.kind = target.kind->kind,
                  .name = target.name,
                  .instance = visit.instance,
                  .container = visit.container,
                  .timestamps = visit.timestamps,
                  .wanted = {.follow = visit.follow, .since = visit.since_time, .tail = visit.tail},
                  .allowed = std::move(allowed),
                  .request_id = std::string(request.id)};
  if (visit.since_ago) {
    asked.wanted.since =
        std::chrono::floor<std::chrono::milliseconds>(env_.loop.clock().wall_now() - *visit.since_ago);
  }
  const std::size_t count = LogStream::count(mirror_.objects(), asked);
  if (count == 0 && !visit.instance.empty()) {
    co_return refuse(404, "not-found", target.name + " has no instance " + visit.instance);
  }
  if (count > LogStream::kInstancesMax) {
    co_return refuse(422, "too-large",
                     target.name + " has " + std::to_string(count) +
                         " instances; name one of them with ?instance=, at most " +
                         std::to_string(LogStream::kInstancesMax) + " are shown at once");
  }
  auto stream = std::make_unique<LogStream>(env_, mirror_, channels_, std::move(asked),
                                            [this](LogStream& gone) { streams_.erase(&gone); });
  streams_.insert(stream.get());
  co_return http::ResponsePtr(std::move(stream));
}

net::Task<Answer<http::ResponsePtr>> Insight::exec(http::Request& request, const api::Target& target,
                                                   const auth::Identity& caller,
                                                   std::function<bool()> allowed) {
  auto query = api::parse_query(request.head.query, api::QueryKind::kExec);
  if (!query) co_return refuse(std::move(query.error()));
  Try one{.instance = target.name,
          .container = query->visit.container,
          .asked = std::move(query->visit),
          .caller = caller,
          .from = request.peer.ip()};
  if (caller.role > auth::Role::kAdmin) {
    const std::string why = "a token of the role " + std::string(auth::name_of(caller.role)) +
                            " may not run commands in instances";
    if (may_put_down()) (void)co_await put_down(one, why);
    co_return refuse(403, "forbidden", why);
  }
  const std::string wrong = websocket::check_request(request.head.fields);
  if (request.upgrade == nullptr || !wrong.empty()) {
    co_return refuse(426, "upgrade-required",
                     wrong.empty() ? "this is a WebSocket: ask with GET, over HTTP/1.1" : wrong);
  }
  if (auto present = co_await mirror_.catch_up(); !present) co_return refuse(problem_of(present.error()));
  if (!mirror_.objects().find(config::Kind::kInstance, target.name)) co_return no_such(target);
  auto channel = co_await begin(one);
  if (!channel) {
    (void)co_await put_down(one, channel.error().detail);
    co_return refuse(std::move(channel.error()));
  }
  co_return std::make_unique<ExecSession>(env_.loop, std::move(*channel), *request.upgrade,
                                          request.head.fields.value_of(http::Known::kSecWebsocketKey),
                                          std::move(allowed));
}

// Put down before the node hears of it.
net::Task<Answer<std::unique_ptr<channel::Channel>>> Insight::begin(Try& one) {
  const auto object = mirror_.objects().find(config::Kind::kInstance, one.instance);
  const auto& spec = std::get<config::InstanceSpec>(object->spec);
  const auto named = [&one](const config::Container& container) { return container.name == one.container; };
  if (one.container.empty() && !spec.containers.empty()) one.container = spec.containers.front().name;
  if (std::ranges::find_if(spec.containers, named) == spec.containers.end()) {
    co_return refuse(404, "not-found", one.instance + " has no container " + one.container);
  }
  const std::string node = spec.node;
  if (auto done = co_await put_down(one, {}); !done) co_return refuse(problem_of(done.error()));
  auto channel = co_await channels_.open(
      node, {.instance = one.instance,
             .container = one.container,
             .what = channel::ExecWanted{.command = one.asked.command,
                                         .terminal = one.asked.terminal,
                                         .size = {one.asked.rows, one.asked.columns}}});
  if (!channel) co_return no_channel(node, channel.error());
  co_return std::move(*channel);
}

bool Insight::may_put_down() {
  const Instant now = env_.loop.now();
  if (minute_ == Instant::min() || now - minute_ >= std::chrono::minutes(1)) {
    minute_ = now;
    refused_ = 0;
  }
  return ++refused_ <= kAuditedPerMinute;
}

// reason: why it was refused; empty: it is run.
net::Task<Result<void>> Insight::put_down(const Try& one, std::string reason) {
  Tree what{{"command", one.asked.command}};
  if (!one.container.empty()) what["container"] = one.container;
  if (one.asked.terminal) what["terminal"] = true;
  const auto instance = mirror_.objects().find(config::Kind::kInstance, one.instance);
  config::EventSpec event{.actor = one.caller.actor(),
                          .verb = "exec",
                          .kind = "Instance",
                          .name = one.instance,
                          .remote_address = one.from,
                          .reason = std::move(reason),
                          .after = text_of(what)};
  co_return co_await insight::put_down(env_, store_, mirror_, std::move(event),
                                       instance ? instance->metadata.organization : std::string());
}

}  // namespace weir::insight
