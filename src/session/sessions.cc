#include "session/sessions.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "api/query.h"
#include "auth/crypto.h"
#include "auth/token.h"
#include "session/cookies.h"
#include "session/limits.h"
#include "session/secret.h"
#include "session/standing.h"

namespace weir::session {
namespace {

using api::refuse;
using config::Kind;
using http::Known;

constexpr const char* kActor = "weir";  // of what ends by itself

WallTime later(WallTime now, Duration by) { return now + std::chrono::floor<WallTime::duration>(by); }

bool has_bearer(const http::Request& request) {
  return !request.head.fields.value_of(Known::kAuthorization).empty();
}

std::unexpected<api::Problem> ended_refusal() {
  return refuse(401, "unauthenticated", "the session has ended; log in again");
}

bool writes(const http::Request& request) { return !http::is_safe(request.head.method); }

// A browser sends the cookie with whatever any page asks.
api::Answer<void> check_page(const http::Request& request, std::string_view secret) {
  if (std::string foreign = foreign_page(request); !foreign.empty()) {
    return refuse(403, "foreign-page", std::move(foreign));
  }
  if (!writes(request)) return {};
  const http::Field* field = request.head.fields.find("x-weir-csrf");
  const std::string wanted = csrf_of(secret);
  if (field != nullptr && auth::constant_time_equal(auth::bytes_of(field->value), auth::bytes_of(wanted))) {
    return {};
  }
  return refuse(403, "csrf", "what a browser writes needs X-Weir-CSRF, as GET /v1/session tells it");
}

}  // namespace

api::Answer<std::optional<std::string>> organization_of(const http::Request& request) {
  if (const http::Field* field = request.head.fields.find("x-weir-organization"); field != nullptr) {
    return std::string(field->value);
  }
  constexpr std::string_view kName = "organization=";
  std::string_view query = request.head.query;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (pair.starts_with(kName)) {
      auto value = api::percent_decoded(pair.substr(kName.size()), true);
      if (!value) return refuse(400, "bad-query", "organization is not encoded as it should be");
      return std::move(*value);
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::optional<std::string>();
}

Sessions::Sessions(net::Env& env, store::Store& store, mirror::Mirror& mirror, const auth::TokenTable& tokens)
    : env_(env),
      store_(store),
      mirror_(mirror),
      tokens_(tokens),
      keeper_(env, store, mirror),
      follower_(mirror, [this](std::vector<config::ObjectChange> changes) { take(changes); }) {}

void Sessions::take(const std::vector<config::ObjectChange>& changes) {
  for (const config::ObjectChange& change : changes) {
    if (change.kind() != Kind::kSession) continue;
    const auto kept_before = change.before ? Kept::parse(terms_of(*change.before).hash) : std::nullopt;
    if (kept_before) by_id_.erase(kept_before->hash.id);
    if (!change.after) seen_.erase(change.name());
    const auto kept = change.after ? Kept::parse(terms_of(*change.after).hash) : std::nullopt;
    if (kept) by_id_.insert_or_assign(kept->hash.id, change.name());
  }
}

std::string_view Sessions::secret_of(const http::Request& request) {
  if (!has_bearer(request)) return cookie_of(request, kSessionCookie);
  return auth::bearer_of(request.head.fields.value_of(Known::kAuthorization));
}

config::ObjectPointer Sessions::find(std::string_view secret) const {
  const auto id = auth::token_id(secret);
  const auto found = id ? by_id_.find(*id) : by_id_.end();
  if (found == by_id_.end()) return nullptr;
  config::ObjectPointer session = mirror_.objects().find(Kind::kSession, found->second);
  const auto kept = session ? Kept::parse(terms_of(*session).hash) : std::nullopt;
  if (!kept) return nullptr;
  const bool is_it =
      auth::constant_time_equal(auth::token_digest(kept->hash.salt, secret), kept->hash.digest);
  return is_it ? session : nullptr;
}

std::string Sessions::ended_now(const config::Object& session) const {
  return ended(mirror_.objects(), session, env_.loop.clock().wall_now());
}

net::Task<api::Answer<config::ObjectPointer>> Sessions::session_of(const http::Request& request) {
  const std::string_view secret = secret_of(request);
  const bool by_cookie = !has_bearer(request);
  if (secret.empty()) co_return config::ObjectPointer();
  config::ObjectPointer session = find(secret);
  if (!session && !by_cookie) co_return config::ObjectPointer();  // a token of another sort
  if (!session) {                                                 // begun at another controller a moment ago?
    if (const auto seen = co_await mirror_.catch_up(); !seen) {
      co_return refuse(api::problem_of(seen.error()));
    }
    session = find(secret);
  }
  if (!session || terms_of(*session).pending || !ended_now(*session).empty()) co_return ended_refusal();
  if (by_cookie) {
    if (auto page = check_page(request, secret); !page) co_return refuse(std::move(page.error()));
  }
  co_return session;
}

net::Task<std::optional<api::Answer<auth::Identity>>> Sessions::identify(const http::Request& request) {
  auto session = co_await session_of(request);
  if (!session) co_return refuse(std::move(session.error()));
  if (!*session) co_return std::nullopt;
  const auto organization = organization_of(request);
  if (!organization) co_return refuse(organization.error());
  auto identity =
      identity_of(mirror_.objects(), tokens_, **session, *organization, env_.loop.clock().wall_now());
  co_await touch(std::move(*session));
  co_return identity;
}

bool Sessions::is_valid(const auth::Identity& caller) const {
  const auto session = mirror_.objects().find(Kind::kSession, caller.session);
  if (!session || terms_of(*session).pending || !ended_now(*session).empty()) return false;
  const auto identity =
      identity_of(mirror_.objects(), tokens_, *session, caller.organization, env_.loop.clock().wall_now());
  return identity && *identity == caller;
}

// Whoever uses it keeps it for longer, but not for ever. A device's lives as long as it lives.
net::Task<void> Sessions::touch(config::ObjectPointer session) {
  const WallTime now = env_.loop.clock().wall_now();
  seen_.insert_or_assign(session->metadata.name, std::chrono::floor<std::chrono::minutes>(now));
  const config::SessionSpec& spec = terms_of(*session);
  if (spec.method == config::SessionMethod::kDevice || !spec.expires_at) co_return;
  const WallTime begun = session->metadata.created_at.value_or(now);
  const WallTime until = std::min(later(now, kIdleMax), later(begun, kLifeMax));
  if (until < later(*spec.expires_at, kRenewAfter)) co_return;
  (void)co_await keeper_.change(session->metadata.name,
                                [until, now](config::Object& object, const config::Whole& world) {
                                  if (!ended(world, object, now).empty()) return false;
                                  terms_of(object).expires_at = until;
                                  return true;
                                },
                                {});
}

config::SessionStatus Sessions::status_of(const config::Object& session) const {
  config::SessionStatus status;
  const config::SessionSpec& spec = terms_of(session);
  if (spec.pending) return status;
  status.last_seen_at = session.metadata.created_at;
  const bool is_idle_counted = spec.method != config::SessionMethod::kDevice && spec.expires_at;
  if (is_idle_counted && status.last_seen_at) {  // elsewhere, by what is written down of it
    const WallTime noted = later(*spec.expires_at, -kIdleMax);
    status.last_seen_at = std::max(*status.last_seen_at, noted);
  }
  if (const auto seen = seen_.find(session.metadata.name); seen != seen_.end()) {
    status.last_seen_at = std::max(status.last_seen_at.value_or(seen->second), seen->second);
  }
  return status;
}

net::Task<void> Sessions::run() {
  for (;;) {
    const auto swept = co_await sweep();
    if (!swept) {
      if ((co_await net::current_context()).cancelled()) co_return;
      env_.log.warning("sessions that have ended are not removed", {{"reason", swept.error().detail}});
    }
    if (!co_await env_.loop.sleep(kSweepInterval)) co_return;
  }
}

net::Task<api::Answer<std::size_t>> Sessions::sweep() {
  if (!store_.leads()) co_return std::size_t{0};
  if (const auto seen = co_await mirror_.catch_up(); !seen) co_return refuse(api::problem_of(seen.error()));
  std::vector<config::ObjectPointer> pending;  // that nobody approved: nothing that an audit would miss
  std::vector<config::ObjectPointer> over;
  std::string why;
  for (const config::ObjectPointer& session : mirror_.objects().of(Kind::kSession)) {
    std::string reason = ended_now(*session);
    if (reason.empty() || pending.size() + over.size() == kRemovedMax) continue;
    const bool is_pending = terms_of(*session).pending;
    if (!is_pending && !why.empty() && reason != why) continue;  // the next time: one reason at a time
    if (!is_pending) why = std::move(reason);
    (is_pending ? pending : over).push_back(session);
  }
  const std::size_t removed = pending.size() + over.size();
  if (auto done = co_await keeper_.end(std::move(pending), {}); !done) co_return refuse(done.error());
  if (auto done = co_await keeper_.end(std::move(over), {kActor, {}, why}); !done) {
    co_return refuse(done.error());
  }
  co_return removed;
}

}  // namespace weir::session
