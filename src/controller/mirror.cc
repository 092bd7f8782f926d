#include "controller/mirror.h"

#include <utility>

#include "controller/records.h"

namespace weir::controller {
namespace {
constexpr std::size_t kEntriesPerRead = 1000;
}

Mirror::Mirror(store::Store& store, Log& log, std::vector<config::Kind> kinds)
    : store_(store), log_(log), kinds_(std::move(kinds)) {}

net::Task<Result<KindSet>> Mirror::catch_up() {
  KindSet all = 0;
  for (const config::Kind kind : kinds_) all |= bit_of(kind);
  for (;;) {
    if (!is_read_) {
      if (const auto read = co_await read_all(); !read) co_return fail(read.error());
      is_read_ = true;
      changed_ = all;
    }
    const auto changes = co_await store_.changes(revision_, kEntriesPerRead);
    if (!changes && changes.error().code == Code::kGone) {
      is_read_ = false;
      continue;
    }
    if (!changes) co_return fail(changes.error());
    for (const store::Change& change : changes->changes) {
      const KindSet kind = kind_of(change.key);
      if (kind == 0) continue;
      changed_ |= kind;
      if (change.value) {
        put(change.key, *change.value, change.revision);
      } else {
        objects_.erase(change.key);
      }
    }
    revision_ = changes->revision;
    if (!changes->more) co_return std::exchange(changed_, KindSet{0});
  }
}

// Pages may be of different revisions: from the oldest one on, changes lead to a state that was.
net::Task<Result<void>> Mirror::read_all() {
  objects_.clear();
  bool first = true;
  for (const config::Kind kind : kinds_) {
    const std::string prefix = prefix_of(kind);
    std::string after;
    for (bool more = true; more;) {
      const auto page = co_await store_.list(prefix, after, kEntriesPerRead);
      if (!page) co_return fail(page.error());
      if (std::exchange(first, false)) revision_ = page->revision;
      for (const store::Entry& entry : page->entries) put(entry.key, entry.value, entry.revision);
      if (!page->entries.empty()) after = page->entries.back().key;
      more = page->more;
    }
  }
  co_return Result<void>{};
}

void Mirror::put(const std::string& key, std::string_view value, store::Revision revision) {
  auto object = decode(value, revision);
  if (object) {
    objects_.insert_or_assign(key, std::make_shared<const config::Object>(std::move(*object)));
    return;
  }
  log_.error("a stored object is passed over", {{"key", key}, {"reason", object.error().text}});
  objects_.erase(key);
}

KindSet Mirror::kind_of(std::string_view key) const {
  for (const config::Kind kind : kinds_) {
    if (key.starts_with(prefix_of(kind))) return bit_of(kind);
  }
  return 0;
}

std::vector<config::ObjectPointer> Mirror::objects() const {
  std::vector<config::ObjectPointer> all;
  all.reserve(objects_.size());
  for (const auto& [key, object] : objects_) all.push_back(object);
  return all;
}

const config::Object* Mirror::find(config::Kind kind, std::string_view name) const {
  const auto found = objects_.find(key_of(kind, name));
  return found == objects_.end() ? nullptr : found->second.get();
}

}  // namespace weir::controller
