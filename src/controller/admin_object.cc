#include "controller/admin_object.h"

#include <utility>
#include <variant>

#include "auth/token.h"
#include "auth/token_table.h"
#include "mirror/records.h"

namespace weir::controller {
namespace {

constexpr std::string_view kName = "admin";

// The stored object lets this token in, as an administrator, for ever.
bool is_current(const config::TokenSpec& spec, std::string_view token) {
  const auto hash = auth::TokenHash::parse(spec.hash);
  if (!hash || spec.role != config::Role::kAdmin || spec.expires_at) return false;
  return auth::TokenTable({{.name = std::string(kName), .hash = *hash, .role = auth::Role::kAdmin}})
      .verify(token, WallTime{})
      .has_value();
}

}  // namespace

net::Task<Result<void>> keep_admin_object(net::Env& env, store::Store& store, std::string token) {
  std::string key = mirror::key_of(config::Kind::kToken, kName);
  const auto entry = co_await store.get(key);
  if (!entry && entry.error().code != Code::kNotFound) co_return fail(entry.error());
  config::Object object;
  object.metadata = mirror::new_metadata(std::string(kName), env);
  if (entry) {
    const auto stored = mirror::decode(entry->value, entry->revision);
    if (stored && is_current(std::get<config::TokenSpec>(stored->spec), token)) co_return Result<void>{};
    if (stored) {
      object.metadata = stored->metadata;
      object.metadata.updated_at = env.loop.clock().wall_now();
    }
  }
  const auto hash = auth::hash_token(token);
  if (!hash) co_return fail(hash.error());
  object.spec = config::TokenSpec{.description = "who can read the data directory",
                                  .role = config::Role::kAdmin,
                                  .expires_at = std::nullopt,
                                  .hash = hash->to_text()};
  store::Transaction transaction;
  transaction.put(std::move(key), mirror::encode(object), entry ? entry->revision : 0);
  const auto committed = co_await store.commit(std::move(transaction));
  if (!committed) co_return fail(committed.error().error);
  co_return Result<void>{};
}

}  // namespace weir::controller
