#include "controller/registration.h"

#include <utility>

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

}  // namespace weir::controller
