#include "session/keeper.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <variant>

#include "auth/token.h"
#include "base/text.h"
#include "mirror/records.h"
#include "session/limits.h"
#include "session/secret.h"
#include "session/standing.h"

namespace weir::session {
namespace {

using api::problem_of;
using api::refuse;
using config::Kind;

constexpr int kTriesMax = 5;  // while others write the same object

bool came_between(Code code) {
  return code == Code::kConflict || code == Code::kExists || code == Code::kNotFound;
}

// Of those that name one user or token, the oldest, when there are as many as there may be.
config::ObjectPointer surplus_of(const config::Whole& world, const config::SessionSpec& spec) {
  const bool by_token = !spec.token.empty();
  config::ObjectPointer oldest;
  std::size_t count = 0;
  for (const config::Object* one :
       world.referrers(by_token ? Kind::kToken : Kind::kUser, by_token ? spec.token : spec.user)) {
    if (one->kind() != Kind::kSession) continue;
    ++count;
    if (!oldest || one->metadata.created_at < oldest->metadata.created_at) {
      oldest = world.find(Kind::kSession, one->metadata.name);
    }
  }
  return count < kSessionsOfOneMax ? nullptr : oldest;
}

}  // namespace

void put_mark(config::Object& session, const config::Whole& world) {
  const config::ObjectPointer owner = owner_of(world, terms_of(session));
  auto kept = Kept::parse(terms_of(session).hash);
  if (!owner || !kept) return;
  kept->mark = mark_of(*owner);
  terms_of(session).hash = kept->to_text();
}

void Keeper::put(store::Transaction& transaction, const config::ObjectChange& change,
                 const mirror::Actor& actor) {
  if (!actor.name.empty()) {
    mirror::put_changes(transaction, {&change, 1}, actor, env_.loop.clock().wall_now(), mirror_.revision(),
                        transaction.steps.size());
    return;
  }
  const store::Revision expected = change.before ? change.before->metadata.revision : 0;
  std::string key = mirror::key_of(Kind::kSession, change.name());
  if (change.after) {
    transaction.put(std::move(key), mirror::encode(*change.after), expected);
  } else {
    transaction.remove(std::move(key), expected);
  }
}

// Known here when it is done.
net::Task<Result<void>> Keeper::commit(store::Transaction transaction) {
  const auto committed = co_await store_.commit(std::move(transaction));
  if (!committed) co_return fail(committed.error().error);
  co_return co_await mirror_.catch_up();
}

net::Task<api::Answer<Keeper::Begun>> Keeper::begin(config::SessionSpec spec, std::string organization,
                                                    mirror::Actor actor) {
  for (int tries = 1;; ++tries) {
    if (const auto seen = co_await mirror_.catch_up(); !seen) co_return refuse(problem_of(seen.error()));
    auto secret = auth::issue_token();
    if (!secret) co_return refuse(problem_of(secret.error()));
    const config::ObjectPointer owner = owner_of(mirror_.objects(), spec);
    if (!owner && !spec.pending) co_return refuse(401, "unauthenticated", "the account is gone");
    const std::uint64_t bits = env_.random.next();
    config::Object session;
    session.metadata = mirror::new_metadata("session-" + to_hex(std::as_bytes(std::span(&bits, 1))), env_);
    session.metadata.organization = organization;
    spec.hash = Kept{secret->hash, owner ? mark_of(*owner) : std::string()}.to_text();
    session.spec = spec;
    store::Transaction transaction;
    if (const auto surplus = owner ? surplus_of(mirror_.objects(), spec) : nullptr) {
      put(transaction, {surplus, nullptr}, actor);
    }
    Begun begun{session.metadata.name, std::move(secret->text)};
    put(transaction, {nullptr, std::make_shared<config::Object>(std::move(session))}, actor);
    const auto done = co_await commit(std::move(transaction));
    if (done) co_return begun;
    if (!came_between(done.error().code) || tries == kTriesMax) co_return refuse(problem_of(done.error()));
  }
}

net::Task<api::Answer<void>> Keeper::change(std::string name, Change change, mirror::Actor actor) {
  for (int tries = 1;; ++tries) {
    if (const auto seen = co_await mirror_.catch_up(); !seen) co_return refuse(problem_of(seen.error()));
    const config::ObjectPointer before = mirror_.objects().find(Kind::kSession, name);
    if (!before) co_return refuse(404, "not-found", "the session has ended");
    auto after = std::make_shared<config::Object>(*before);
    if (!change(*after, mirror_.objects())) co_return api::Answer<void>{};
    if (!actor.name.empty()) after->metadata.updated_at = env_.loop.clock().wall_now();
    store::Transaction transaction;
    put(transaction, {before, std::move(after)}, actor);
    const auto done = co_await commit(std::move(transaction));
    if (done) co_return api::Answer<void>{};
    if (!came_between(done.error().code) || tries == kTriesMax) co_return refuse(problem_of(done.error()));
  }
}

net::Task<api::Answer<void>> Keeper::end(std::vector<config::ObjectPointer> sessions, mirror::Actor actor) {
  for (int tries = 1;; ++tries) {
    store::Transaction transaction;
    for (const config::ObjectPointer& session : sessions) {
      const auto there = mirror_.objects().find(Kind::kSession, session->metadata.name);
      if (there) put(transaction, {there, nullptr}, actor);
    }
    if (transaction.steps.empty()) co_return api::Answer<void>{};
    const auto done = co_await commit(std::move(transaction));
    if (done) co_return api::Answer<void>{};
    if (!came_between(done.error().code) || tries == kTriesMax) co_return refuse(problem_of(done.error()));
    if (const auto seen = co_await mirror_.catch_up(); !seen) co_return refuse(problem_of(seen.error()));
  }
}

}  // namespace weir::session
