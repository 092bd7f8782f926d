#include "api/api.h"

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <utility>

#include "api/content.h"
#include "api/objects.h"
#include "api/precondition.h"
#include "api/render.h"
#include "api/rollback.h"
#include "auth/machine.h"
#include "auth/pinned_token.h"
#include "auth/token.h"
#include "base/exposition.h"
#include "base/text.h"
#include "console/files.h"
#include "net/task_group.h"
#include "reference/reference.h"

namespace weir::api {
namespace {

// Each worker answers in its next turn, unless it is stuck.
constexpr Duration kExplainTimeout = std::chrono::seconds(2);

// Below that of those who wait for the answer. A provider that takes longer is written all the same.
constexpr Duration kProviderTimeout = std::chrono::seconds(25);

constexpr std::size_t kRollbackBytesMax = 4096;  // a number, and what clients may put around it

using http::Known;
using http::Method;

Verb verb_of(const Target& target, Method method) {
  if (target.place == Place::kApply) return Verb::kApply;
  switch (method) {
    case Method::kPut: return Verb::kReplace;
    case Method::kPatch: return Verb::kPatch;
    case Method::kDelete: return Verb::kDelete;
    default: return Verb::kCreate;
  }
}

http::ResponsePtr text(const http::Request& request, int status, std::string_view media_type,
                       std::string content) {
  auto response = std::make_unique<http::TextResponse>(status, media_type, std::move(content));
  response->head.fields.add(Known::kCacheControl, "no-store");
  if (!request.id.empty()) response->add_field(Known::kXRequestId, std::string(request.id));
  return response;
}

// The secret of a token that is shown to machines of this weir is told with what they are known by.
void tell_authority(Planned& planned, const tls::Authority& authority) {
  if (planned.secret.empty() || !planned.after) return;
  const auto* token = std::get_if<config::TokenSpec>(&planned.after->spec);
  if (token == nullptr) return;
  if (token->role == config::Role::kJoin) {
    planned.secret = auth::pinned_text(auth::kJoinPrefix, planned.secret, authority.fingerprint());
  } else if (token->role == config::Role::kTunnel) {
    planned.secret = auth::pinned_text(auth::kTunnelPrefix, planned.secret, authority.fingerprint());
  }
}

// What everybody may: see and end his own sessions. Who sees all has a list like any other.
bool is_own_sessions(const auth::Identity& caller, const Target& target, Method method) {
  if (target.kind == nullptr || target.kind->kind != config::Kind::kSession) return false;
  if (caller.role > auth::Role::kViewer) return false;
  return method == Method::kDelete || !caller.is_platform() || caller.role > auth::Role::kAdmin;
}

// For the answer of somebody who calls back; outlives its request, should that come too late.
struct Waiting : std::enable_shared_from_this<Waiting> {
  explicit Waiting(net::Loop& loop) : bell(loop) {}

  Api::Explained callback() {
    return [self = shared_from_this()](std::expected<std::string, std::string> told) {
      self->answer = std::move(told);
      self->bell.ring();
    };
  }
  net::Task<bool> answered(Duration timeout) {
    if (!answer) (void)co_await bell.wait(timeout);
    co_return answer.has_value();
  }

  Bell bell;
  std::optional<std::expected<std::string, std::string>> answer;
};

bool is_below_v1(std::string_view path) { return path == "/v1" || path.starts_with("/v1/"); }

net::Task<Answer<std::string>> read_json(http::Request& request, std::size_t bytes_max) {
  const auto media = media_of(request.head);
  if (!media) co_return refuse(media.error());
  if (*media != Media::kJson) co_return refuse(415, "unsupported-media-type", "this takes application/json");
  co_return co_await read_content(request, bytes_max);
}

Result<MadeSecret> make_secret() {
  auto token = auth::issue_token();
  if (!token) return fail(token.error());
  return MadeSecret{std::move(token->text), token->hash.to_text()};
}

}  // namespace

Api::Api(net::Env& env, store::Store& store, mirror::Mirror& mirror, const auth::TokenTable& tokens,
         ApiOptions options)
    : env_(env),
      store_(store),
      mirror_(mirror),
      options_(std::move(options)),
      access_(env, tokens),
      leases_(env, store, mirror),
      writer_(env, store, mirror, make_secret, options_.tcp_ports, options_.domain),
      watches_(env, store, status_),
      openapi_(reference::openapi(kApiVersion)),
      settling_(env.loop) {
  set_status_source(nullptr);
}

void Api::set_status_source(StatusSource source) {
  status_ = [this, source = std::move(source)](config::Object& object) {
    leases_.show(object);
    return source ? source(object) : std::string();
  };
}

net::Task<Result<http::ResponsePtr>> Api::handle(http::Request& request) {
  auto answer = co_await respond(request);
  if (!answer) {
    // The client has left, or the server ends now: there is nobody to tell.
    if ((co_await net::current_context()).cancelled()) co_return fail(Code::kCancelled, "cancelled");
    if (answer.error().status >= 500) {
      env_.log.error("a request failed", {{"status", std::to_string(answer.error().status)},
                                          {"reason", answer.error().detail},
                                          {"path", std::string(request.head.path)},
                                          {"request_id", std::string(request.id)}});
    }
    answer = to_response(answer.error(), request.id);
  }
  responses_[static_cast<std::size_t>((*answer)->head.status / 100) % 6].add();
  co_return std::move(*answer);
}

net::Task<Api::Responded> Api::respond(http::Request& request) {
  const Method method = request.head.method;
  const bool whole_server = request.head.path == "*";  // of OPTIONS
  const auto target = find_target(whole_server ? "/" : request.head.path);
  if (!target) {
    // What is no place of the API may be one of the console.
    if (auto page = is_below_v1(request.head.path) ? nullptr : console::answer(request))
      co_return std::move(page);
    co_return refuse(target.error());
  }
  if (!target->allows(method)) {
    Problem problem{405, "method-not-allowed", "this is not done here", {}, target->allow(), 0};
    co_return refuse(std::move(problem));
  }
  if (method == Method::kOptions) {
    auto response = std::make_unique<http::TextResponse>(204, "", "");
    response->add_field(Known::kAllow, target->allow());
    co_return http::ResponsePtr(std::move(response));
  }
  if (target->place == Place::kSession) {
    if (!sessions_.answer) co_return refuse(404, "not-found", "this process has no sessions");
    co_return co_await sessions_.answer(request, *target, nullptr);
  }
  auth::Identity caller;
  const bool anonymous = target->place == Place::kMetrics && options_.anonymous_metrics;
  if (target->needs_token() && !anonymous && !is_for_machine(request, *target)) {
    auto known = co_await identify(request);
    if (!known) co_return refuse(std::move(known.error()));
    caller = std::move(*known);
    if (is_own_sessions(caller, *target, method) && sessions_.answer) {
      co_return co_await sessions_.answer(request, *target, &caller);
    }
    auto permitted = permit(caller, *target, method);
    // Who may not by its role is put down where commands are.
    const bool is_judged_there =
        target->place == Place::kExec && insight_ && caller.role > auth::Role::kAdmin;
    if (!permitted && !is_judged_there) {
      co_return refuse(std::move(permitted.error()));
    }
  }
  co_return co_await respond_at(request, *target, caller);
}

net::Task<Answer<auth::Identity>> Api::identify(const http::Request& request) {
  co_await first_settled();
  if (sessions_.identify) {
    if (auto known = co_await sessions_.identify(request)) co_return std::move(*known);
  }
  co_return access_.identify(request);
}

bool Api::is_valid(const auth::Identity& caller) const {
  if (caller.session.empty()) return access_.is_valid(caller);
  return sessions_.is_valid && sessions_.is_valid(caller);
}

net::Task<Api::Responded> Api::respond_at(http::Request& request, const Target& target,
                                          const auth::Identity& caller) {
  switch (target.place) {
    case Place::kCollection:
      if (!http::is_safe(request.head.method)) break;
      co_return co_await collection(request, target, caller);
    case Place::kObject:
      if (!http::is_safe(request.head.method)) break;
      co_return co_await object(request, target, caller);
    case Place::kApply: break;
    case Place::kReady: co_return co_await ready(request);
    case Place::kExplain: co_return co_await explain(request, caller);
    case Place::kEnroll: co_return co_await enroll(request);
    case Place::kRollback: co_return co_await roll_back(request, caller);
    case Place::kRenew: co_return co_await renew(request, target, caller);
    case Place::kProviderPlan:
    case Place::kProviderSync: co_return co_await call_provider(request, target, caller);
    case Place::kImages:
    case Place::kImage: co_return co_await image(request, target, caller);
    case Place::kLogs:
    case Place::kExec:
    case Place::kRequests:
    case Place::kRequest:
    case Place::kReplay: {
      if (!insight_) co_return refuse(404, "not-found", "this process has no nodes and no edges");
      if (const mirror::Sight sight = sight_of(caller); !sight.is_whole()) {
        const auto found = co_await read_object(store_, *target.kind, target.name, sight);
        if (!found) co_return refuse(found.error());
      }
      co_return co_await insight_(request, target, caller, [this, caller] { return is_valid(caller); });
    }
    case Place::kGraphs: co_return co_await graphs(request, target, caller);
    case Place::kServiceHealth: co_return co_await service_health(request, target, caller);
    case Place::kWatch: co_return co_await watch_several(request, caller);
    case Place::kFront: co_return front(request);
    case Place::kKinds: co_return json(request, 200, kinds_json());
    case Place::kOpenApi: co_return json(request, 200, openapi_);
    case Place::kMetrics: co_return metrics(request);
    case Place::kSession: break;
    case Place::kHealth: co_return text(request, 200, "text/plain; charset=utf-8", "ok\n");
  }
  co_return co_await write(request, target, caller);
}

net::Task<Api::Responded> Api::collection(http::Request& request, const Target& target,
                                          const auth::Identity& caller) {
  auto query = parse_query(request.head.query, QueryKind::kList);
  if (!query) co_return refuse(std::move(query.error()));
  if (!query->watch) {
    const auto listing =
        co_await read_list(store_, *target.kind, std::move(*query), status_, sight_of(caller));
    if (!listing) co_return refuse(listing.error());
    co_return json(request, 200, list_json(*listing));
  }
  co_return co_await watch(request, std::move(*query), {target.kind}, caller);
}

// Whoever sees a part of the objects sees their figures, and not the sum of all.
net::Task<Api::Responded> Api::graphs(http::Request& request, const Target& target,
                                      const auth::Identity& caller) {
  if (!insight_) co_return refuse(404, "not-found", "this process keeps no metrics");
  if (const mirror::Sight sight = sight_of(caller); !sight.is_whole()) {
    const auto query = parse_query(request.head.query, QueryKind::kGraphs);
    if (!query) co_return refuse(query.error());
    const std::string_view of = query->graph.of;
    const std::size_t slash = of.find('/');
    const auto* kind = config::find_plural(of.substr(0, slash));
    if (kind == nullptr || slash == std::string_view::npos) {
      co_return refuse(403, "forbidden", "of= must name an object of your organization, as services/web");
    }
    const auto found = co_await read_object(store_, *kind, std::string(of.substr(slash + 1)), sight);
    if (!found) co_return refuse(found.error());
  }
  co_return co_await insight_(request, target, caller, [this, caller] { return is_valid(caller); });
}

net::Task<Api::Responded> Api::watch_several(http::Request& request, const auth::Identity& caller) {
  auto query = parse_query(request.head.query, QueryKind::kWatch);
  if (!query) co_return refuse(std::move(query.error()));
  std::vector<const config::KindInfo*> kinds;
  for (const std::string& plural : query->kinds) {
    const Target one{Place::kCollection, config::find_plural(plural), {}};
    if (auto permitted = permit(caller, one, request.head.method); !permitted) {
      co_return refuse(std::move(permitted.error()));
    }
    kinds.push_back(one.kind);
  }
  co_return co_await watch(request, std::move(*query), std::move(kinds), caller);
}

net::Task<Api::Responded> Api::watch(http::Request& request, Query query,
                                     std::vector<const config::KindInfo*> kinds,
                                     const auth::Identity& caller) {
  WatchHub::Wanted wanted{.kinds = std::move(kinds),
                          .labels = std::move(query.labels),
                          .from = query.from,
                          .allowed = [this, caller] { return is_valid(caller); },
                          .request_id = std::string(request.id),
                          .sight = sight_of(caller)};
  // An EventSource that reconnects sends the URL of its first request, and how far it got.
  if (const std::string_view id = request.head.fields.value_of(Known::kLastEventId); !id.empty()) {
    wanted.from = parse_decimal(id);
    if (!wanted.from) co_return refuse(400, "bad-query", "Last-Event-ID is not a revision");
  }
  co_return co_await watches_.open(std::move(wanted));
}

net::Task<Api::Responded> Api::object(http::Request& request, const Target& target,
                                      const auth::Identity& caller) {
  if (auto query = parse_query(request.head.query, QueryKind::kNone); !query) {
    co_return refuse(std::move(query.error()));
  }
  const mirror::Sight sight = sight_of(caller);
  auto found = co_await read_object(store_, *target.kind, target.name, sight);
  if (!found) co_return refuse(std::move(found.error()));
  std::string tag = entity_tag(found->metadata.revision);
  auto response = std::make_unique<http::TextResponse>(304, "", "");
  if (!none_match_has(request.head.fields, tag)) {
    response = std::make_unique<http::TextResponse>(200, "application/json",
                                                    shown(std::move(*found), status_, sight) + '\n');
  }
  response->head.fields.add(Known::kCacheControl, "no-cache");
  response->add_field(Known::kEtag, std::move(tag));
  response->add_field(Known::kXRequestId, std::string(request.id));
  co_return http::ResponsePtr(std::move(response));
}

net::Task<Api::Responded> Api::write(http::Request& request, const Target& target,
                                     const auth::Identity& caller) {
  const Verb verb = verb_of(target, request.head.method);
  const auto query = parse_query(request.head.query, QueryKind::kWrite);
  if (!query) co_return refuse(query.error());
  auto precondition = precondition_of(request.head.fields);
  if (!precondition) co_return refuse(std::move(precondition.error()));
  Media media = Media::kJson;
  std::string content;
  if (verb != Verb::kDelete) {
    const auto declared = media_of(request.head);
    if (!declared) co_return refuse(declared.error());
    media = *declared;
    const std::size_t bytes_max = verb == Verb::kApply ? config::kListBytesMax : config::kDocumentBytesMax;
    auto read = co_await read_content(request, bytes_max);
    if (!read) co_return refuse(std::move(read.error()));
    content = std::move(*read);
  }
  auto intents = verb == Verb::kApply
                     ? apply_intents(media, content)
                     : object_intents(verb, target, media, content, std::move(*precondition));
  if (!intents) co_return refuse(std::move(intents.error()));
  for (const Intent& intent : *intents) {
    const bool is_whole = intent.verb != Verb::kPatch && intent.verb != Verb::kDelete;
    if (auto permitted = permit_member(caller, is_whole ? &intent.wanted : nullptr); !permitted) {
      co_return refuse(std::move(permitted.error()));
    }
  }
  auto written = co_await writer_.write(std::move(*intents), mirror::Actor{caller.actor(), request.peer.ip()},
                                        query->dry_run, caller);
  if (!written) co_return refuse(written.error());
  if (registrar_ != nullptr) {
    for (Planned& planned : written->plan.objects) tell_authority(planned, registrar_->authority());
  }
  if (written->plan.writes() && !written->dry_run) {
    co_await settle(written->revision);
  }
  co_return written_response(request, verb, target, *written, query->edges);
}

net::Task<Api::Responded> Api::roll_back(http::Request& request, const auth::Identity& caller) {
  const auto query = parse_query(request.head.query, QueryKind::kWrite);
  if (!query) co_return refuse(query.error());
  const auto content = co_await read_json(request, kRollbackBytesMax);
  if (!content) co_return refuse(content.error());
  const auto revision = parse_rollback(*content);
  if (!revision) co_return refuse(revision.error());
  const auto written =
      co_await writer_.roll_back(*revision, mirror::Actor{caller.actor(), request.peer.ip()}, query->dry_run);
  if (!written) co_return refuse(written.error());
  if (written->plan.writes() && !written->dry_run) co_await settle(written->revision);
  co_return json(request, 200, results_json(*written, query->edges ? foreseen(*written) : std::string()));
}

// Nothing is written that anybody would have to hear of, so nothing is waited for.
net::Task<Api::Responded> Api::renew(const http::Request& request, const Target& target,
                                     const auth::Identity& caller) {
  const auto endpoint = co_await read_object(store_, *target.kind, target.name, sight_of(caller));
  if (auto permitted = permit_member(caller, endpoint ? &*endpoint : nullptr); !permitted) {
    co_return refuse(std::move(permitted.error()));
  }
  if (!endpoint && endpoint.error().status == 404) {
    co_return refuse(404, "not-found", endpoint.error().detail + "; put it there again");
  }
  const auto until = co_await leases_.renew(target.name);
  if (until) co_return json(request, 200, "{\"expires_at\":\"" + format_rfc3339(*until) + "\"}\n");
  const std::string name = "Endpoint/" + target.name;
  switch (until.error().code) {
    case Code::kNotFound: co_return refuse(404, "not-found", "there is no " + name + "; put it there again");
    case Code::kInvalid:
      co_return refuse(409, "no-lease", name + " has no lease; it stays until it is deleted");
    default: co_return refuse(problem_of(until.error()));
  }
}

std::string Api::foreseen(const Written& written) const {
  std::vector<config::ObjectChange> changes;
  for (const Planned& planned : written.plan.objects) {
    if (planned.outcome != Outcome::kUnchanged) changes.push_back({planned.before, planned.after});
  }
  return foresight_ ? foresight_(changes) : "[]";
}

http::ResponsePtr Api::written_response(const http::Request& request, Verb verb, const Target& target,
                                        const Written& written, bool edges) const {
  if (written.dry_run || verb == Verb::kApply || verb == Verb::kDelete) {
    return json(request, 200, results_json(written, edges ? foreseen(written) : std::string()));
  }
  const Planned& planned = written.plan.objects.front();
  const bool created = planned.outcome == Outcome::kCreated;
  auto response = std::make_unique<http::TextResponse>(created ? 201 : 200, "application/json",
                                                       object_json(planned, status_));
  response->head.fields.add(Known::kCacheControl, "no-store");
  response->add_field(Known::kXRequestId, std::string(request.id));
  response->add_field(Known::kEtag, entity_tag(written.revision_of(planned)));
  if (created) {
    response->add_field(Known::kLocation, "/v1/" + std::string(target.kind->plural) + '/' + planned.name);
  }
  return response;
}

net::Task<Api::Responded> Api::ready(http::Request& request) {
  std::string reason;
  if (draining_) reason = "draining";
  for (const ReadyCheck& check : ready_checks_) {
    if (reason.empty()) reason = check();
  }
  if (reason.empty()) {
    const auto page = co_await store_.list("", "", 1);
    if (!page) reason = page.error().text;
  }
  if (!reason.empty()) co_return refuse(Problem{503, "not-ready", std::move(reason), {}, {}, 1});
  co_return text(request, 200, "text/plain; charset=utf-8", "ok\n");
}

net::Task<Api::Responded> Api::explain(http::Request& request, const auth::Identity& caller) {
  auto query = parse_query(request.head.query, QueryKind::kExplain);
  if (!query) co_return refuse(std::move(query.error()));
  const mirror::Sight sight = sight_of(caller);
  if (!explain_source_ && !query->explain.dns.empty()) {
    co_return refuse(404, "not-found", "this controller has no name server of its own that could tell");
  }
  if (!explain_source_) {
    co_return refuse(
        404, "not-found",
        "this controller has no edge of its own that could tell; what an edge elsewhere did with a request "
        "stands in the access log of that edge (weir edge --access-log), under its id");
  }
  const bool by_id = !query->explain.id.empty();
  const auto waiting = std::make_shared<Waiting>(env_.loop);
  explain_source_(std::move(query->explain), waiting->callback());
  if (!co_await waiting->answered(kExplainTimeout)) {
    co_return refuse(Problem{503, "not-ready", "the workers do not answer", {}, {}, 1});
  }
  const bool hidden = *waiting->answer ? !leave_theirs(sight, mirror_.objects(), **waiting->answer)
                                       : by_id && !sight.is_whole();
  if (hidden) co_return refuse(404, "not-found", "nothing of yours has to do with that");
  if (!*waiting->answer) {
    const int status = by_id ? 404 : 400;
    co_return refuse(status, by_id ? "not-found" : "bad-query", std::move(waiting->answer->error()));
  }
  co_return json(request, 200, std::move(**waiting->answer) + '\n');
}

net::Task<Api::Responded> Api::service_health(http::Request& request, const Target& target,
                                              const auth::Identity& caller) {
  if (auto query = parse_query(request.head.query, QueryKind::kNone); !query) {
    co_return refuse(std::move(query.error()));
  }
  if (!health_source_) co_return refuse(404, "not-found", "no edges report to this process");
  if (auto found = co_await read_object(store_, *target.kind, target.name, sight_of(caller)); !found) {
    co_return refuse(std::move(found.error()));
  }
  co_return json(request, 200, health_source_(target.name) + '\n');
}

net::Task<Api::Responded> Api::call_provider(http::Request& request, const Target& target,
                                             const auth::Identity& caller) {
  const bool sync = target.place == Place::kProviderSync;
  const auto query = parse_query(request.head.query, sync ? QueryKind::kSync : QueryKind::kNone);
  if (!query) co_return refuse(query.error());
  if (!provider_source_) co_return refuse(404, "not-found", "this process writes to no providers");
  if (auto found = co_await read_object(store_, *target.kind, target.name, sight_of(caller)); !found) {
    co_return refuse(std::move(found.error()));
  }
  const auto waiting = std::make_shared<Waiting>(env_.loop);
  const auto call = !sync          ? ProviderCall::kPlan
                    : query->force ? ProviderCall::kForcedSync
                                   : ProviderCall::kSync;
  provider_source_(target.name, call, waiting->callback());
  if (!co_await waiting->answered(kProviderTimeout)) {
    co_return refuse(
        Problem{503, "not-ready", "the provider takes long; its status tells how it ends", {}, {}, 5});
  }
  if (!*waiting->answer) co_return refuse(503, "not-ready", std::move(waiting->answer->error()));
  co_return json(request, 200, std::move(**waiting->answer) + '\n');
}

net::Task<Api::Responded> Api::enroll(http::Request& request) {
  if (registrar_ == nullptr) co_return refuse(404, "not-found", "this process lets no machines in");
  const auto content = co_await read_json(request, enroll::kMessageBytesMax);
  if (!content) co_return refuse(content.error());
  auto asked = enroll::parse_request(*content);
  if (!asked) co_return refuse(invalid(std::move(asked.error())));
  co_await first_settled();
  enroll::Caller caller{request.peer, {}};
  if (request.tls != nullptr) caller.machine = auth::machine_of(request.tls->client_names);
  const auto enrolled = co_await registrar_->enroll(std::move(*asked), std::move(caller));
  if (!enrolled) {
    const enroll::Refusal& why = enrolled.error();
    co_return refuse(Problem{why.status, why.slug, why.sentence, {}, {}, why.retry_after_seconds});
  }
  co_await settle(enrolled->revision);
  co_return json(request, 200, enroll::answer_text(enrolled->answer));
}

http::ResponsePtr Api::json(const http::Request& request, int status, std::string content) const {
  return text(request, status, "application/json", std::move(content));
}

http::ResponsePtr Api::front(const http::Request& request) const {
  if (auto page = console::answer(request)) return page;  // for a browser
  return json(request, 200, front_json(options_.version));
}

http::ResponsePtr Api::metrics(const http::Request& request) const {
  std::string out;
  Exposition exposition(out);
  exposition.family("weir_api_responses_total", "counter",
                    "Answers of the API by the first digit of their status.");
  for (std::size_t digit = 1; digit < responses_.size(); ++digit) {
    exposition.sample(responses_[digit].get(), "{class=\"" + std::to_string(digit) + "xx\"}");
  }
  const WriterCounters& writes = writer_.counters();
  exposition.single("weir_api_commits_total", "counter", "Transactions written.", writes.commits.get());
  exposition.single("weir_api_objects_written_total", "counter", "Objects created, changed or deleted.",
                    writes.objects.get());
  exposition.single("weir_api_conflicts_total", "counter", "Writes begun again because of another writer.",
                    writes.conflicts.get());
  exposition.single("weir_api_refused_credentials_total", "counter", "Requests without a valid token.",
                    access_.refused());
  exposition.single("weir_api_watches", "gauge", "Watches that are open.", watches_.open_watches());
  for (const MetricsSource& source : metrics_) source(out);
  return text(request, 200, "text/plain; version=0.0.4; charset=utf-8", std::move(out));
}

net::Task<void> Api::follow() {
  net::TaskGroup writing(env_.loop);
  writing.spawn(writer_.run());
  co_await watches_.follow();
  co_await writing.stop();
}

// A token is not wrong because the process has just begun.
net::Task<void> Api::first_settled() {
  const Instant deadline = env_.loop.now() + options_.settle_timeout;
  while (!settled_ && env_.loop.now() < deadline) {
    if (!co_await settling_.wait(deadline - env_.loop.now())) co_return;
  }
}

void Api::settled(store::Revision revision) {
  settled_ = revision;
  settling_.ring();
}

// The write is done whatever comes of this: who waits too long, or leaves, goes on.
net::Task<void> Api::settle(store::Revision revision) {
  const Instant deadline = env_.loop.now() + options_.settle_timeout;
  while (settled_.value_or(0) < revision && env_.loop.now() < deadline) {
    if (!co_await settling_.wait(deadline - env_.loop.now())) co_return;
  }
}

void Api::drain() {
  draining_ = true;
  watches_.stop();
}

}  // namespace weir::api
