#include "enroll/shared_authority.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace weir::enroll {
namespace {

using Tree = nlohmann::ordered_json;

Result<tls::PemPair> read(const std::string& value) {
  const Tree tree = Tree::parse(value, nullptr, false);
  const auto is_there = [&tree](const char* key) { return tree.contains(key) && tree[key].is_string(); };
  if (!tree.is_object() || !is_there("certificate") || !is_there("private_key")) {
    return fail(Code::kInternal, "the store's authority is not readable by this version");
  }
  return tls::PemPair{.certificate = tree["certificate"].get<std::string>(),
                      .private_key = tree["private_key"].get<std::string>()};
}

}  // namespace

net::Task<Result<tls::PemPair>> share_authority(store::Store& store, tls::PemPair own) {
  const std::string key(kSharedAuthorityKey);
  for (;;) {
    const auto entry = co_await store.get(key);
    if (entry) co_return read(entry->value);
    if (entry.error().code != Code::kNotFound) co_return fail(entry.error());
    store::Transaction transaction;
    transaction.put(key, Tree{{"certificate", own.certificate}, {"private_key", own.private_key}}.dump(), 0);
    const auto committed = co_await store.commit(std::move(transaction));
    if (committed) co_return own;
    const Error& error = committed.error().error;
    if (error.code != Code::kExists && error.code != Code::kConflict) co_return fail(error);
  }
}

}  // namespace weir::enroll
