#include "controller/own_objects.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "auth/token.h"
#include "auth/token_table.h"
#include "config/kinds.h"
#include "mirror/records.h"

namespace weir::controller {
namespace {

using config::Kind;
using config::Object;

constexpr Duration kRetryAfterError = std::chrono::seconds(1);

// The object as it should be; `stored` is null when there is none yet.
Object registered(const Object* stored, const std::string& name, config::EdgeSpec spec, net::Env& env) {
  Object edge;
  edge.metadata = stored != nullptr ? stored->metadata : mirror::new_metadata(name, env);
  edge.metadata.updated_at = env.loop.clock().wall_now();
  if (stored != nullptr) spec.revoked = std::get<config::EdgeSpec>(stored->spec).revoked;
  edge.spec = std::move(spec);
  return edge;
}

// kConflict and kExists: somebody else wrote it meanwhile.
net::Task<Result<void>> register_once(net::Env& env, store::Store& store, std::string name,
                                      config::EdgeSpec spec) {
  std::string key = mirror::key_of(Kind::kEdge, name);
  const auto entry = co_await store.get(key);
  if (!entry && entry.error().code != Code::kNotFound) co_return fail(entry.error());
  store::Transaction transaction;
  if (!entry) {
    transaction.put(std::move(key), mirror::encode(registered(nullptr, name, std::move(spec), env)), 0);
  } else {
    const auto stored = mirror::decode(entry->value, entry->revision);
    if (!stored) co_return fail(stored.error());
    const Object wanted = registered(&*stored, name, std::move(spec), env);
    if (stored->spec == wanted.spec) co_return Result<void>{};
    transaction.put(std::move(key), mirror::encode(wanted), entry->revision);
  }
  const auto committed = co_await store.commit(std::move(transaction));
  if (!committed) co_return fail(committed.error().error);
  co_return Result<void>{};
}

}  // namespace

net::Task<void> keep_registered(net::Env& env, store::Store& store, std::string name, config::EdgeSpec spec) {
  for (;;) {
    const auto done = co_await register_once(env, store, name, spec);
    if (done || done.error().code == Code::kCancelled) co_return;
    if (done.error().code != Code::kConflict && done.error().code != Code::kExists) {
      env.log.warning("this edge is not registered", {{"name", name}, {"reason", done.error().text}});
    }
    if (!co_await env.loop.sleep(kRetryAfterError)) co_return;
  }
}

// --- the admin token

namespace {

constexpr std::string_view kAdminName = "admin";
// Another controller may begin at the same time and write the same name first.
constexpr int kTriesMax = 8;

const config::TokenSpec& as_token(const config::Object& object) {
  return std::get<config::TokenSpec>(object.spec);
}

bool holds(const config::Object& object, std::string_view token) {
  const auto hash = auth::TokenHash::parse(as_token(object).hash);
  return hash && auth::TokenTable({{.name = object.metadata.name, .hash = *hash}})
                     .verify(token, WallTime{})
                     .has_value();
}

// Those that this version can read.
net::Task<Result<std::vector<config::Object>>> read_tokens(store::Store& store) {
  const std::string prefix = mirror::prefix_of(config::Kind::kToken);
  std::vector<config::Object> tokens;
  std::string after;
  for (;;) {
    const auto page = co_await store.list(prefix, after, store::kPageEntriesMax);
    if (!page) co_return fail(page.error());
    for (const store::Entry& entry : page->entries) {
      if (auto token = mirror::decode(entry.value, entry.revision)) tokens.push_back(std::move(*token));
    }
    if (!page->more) co_return tokens;
    after = page->entries.back().key;
  }
}

std::string description_of(const std::optional<AdminPlace>& place) {
  if (!place) return "who can read the data directory";
  return "who can read " + place->directory + " of " + place->machine;
}

// The one that has the token; else the one of this place; else one that is to be made, of revision 0.
config::Object choose(const std::vector<config::Object>& tokens, std::string_view token,
                      const std::optional<AdminPlace>& place, net::Env& env) {
  const auto having = std::ranges::find_if(tokens, [&](const auto& one) { return holds(one, token); });
  if (having != tokens.end()) return *having;
  const std::string base = place ? std::string(kAdminName) + '-' + place->machine : std::string(kAdminName);
  for (std::size_t number = 1;; ++number) {
    const std::string name = number == 1 ? base : base + '-' + std::to_string(number);
    const auto there = std::ranges::find(tokens, name, [](const auto& one) { return one.metadata.name; });
    if (there == tokens.end()) {
      config::Object made;
      made.metadata = mirror::new_metadata(name, env);
      return made;
    }
    if (!place || as_token(*there).description == description_of(place)) return *there;
  }
}

}  // namespace

net::Task<Result<std::string>> keep_admin_object(net::Env& env, store::Store& store, std::string token,
                                                 std::optional<AdminPlace> place) {
  const auto hash = auth::hash_token(token);
  if (!hash) co_return fail(hash.error());
  for (int tries = 0;; ++tries) {
    const auto tokens = co_await read_tokens(store);
    if (!tokens) co_return fail(tokens.error());
    config::Object object = choose(*tokens, token, place, env);
    const std::string name = object.metadata.name;
    const store::Revision stored = object.metadata.revision;
    const bool has_it = stored != 0 && holds(object, token);
    if (has_it && as_token(object).role == config::Role::kAdmin && !as_token(object).expires_at)
      co_return name;
    object.metadata.updated_at = env.loop.clock().wall_now();
    object.spec = config::TokenSpec{.description = description_of(place),
                                    .role = config::Role::kAdmin,
                                    .expires_at = std::nullopt,
                                    .hash = hash->to_text()};
    store::Transaction transaction;
    transaction.put(mirror::key_of(config::Kind::kToken, name), mirror::encode(object), stored);
    const auto committed = co_await store.commit(std::move(transaction));
    if (committed) co_return name;
    const Code code = committed.error().error.code;
    const bool meanwhile = code == Code::kExists || code == Code::kConflict || code == Code::kNotFound;
    if (!meanwhile || tries + 1 == kTriesMax) co_return fail(committed.error().error);
  }
}

}  // namespace weir::controller
