#include "mirror/mirror.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "mirror/records.h"

namespace weir::mirror {
namespace {

using config::Kind;

constexpr std::size_t kEntriesPerRead = 1000;

// Null: the key is of no object that is mirrored.
const config::KindInfo* kind_of(std::string_view key) {
  const std::size_t slash = key.find('/');
  const config::KindInfo* kind =
      slash == std::string_view::npos ? nullptr : config::find_plural(key.substr(0, slash));
  return kind == nullptr || kind->kind == Kind::kEvent ? nullptr : kind;
}

}  // namespace

net::Task<Result<void>> Mirror::catch_up() {
  for (;;) {
    if (!is_read_) {
      const auto read = co_await read_all();
      if (!read && read.error().code == Code::kGone) continue;
      if (!read) co_return fail(read.error());
    }
    const store::Revision from = revision_;
    const auto changes = co_await store_.changes(from, kEntriesPerRead);
    if (revision_ != from) continue;  // another task was faster
    if (!changes && changes.error().code == Code::kGone) {
      is_read_ = false;
      continue;
    }
    if (!changes) co_return fail(changes.error());
    for (const store::Change& change : changes->changes) tell(take(objects_, change));
    if (changes->revision != from) move_to(changes->revision);
    if (!changes->more) co_return Result<void>{};
  }
}

net::Task<Result<void>> Mirror::read_all() {
  config::Whole read;
  const auto revision = co_await read_into(read);
  if (!revision) co_return fail(revision.error());
  if (std::exchange(is_read_, true)) co_return Result<void>{};  // another task was faster
  const config::Whole before = std::exchange(objects_, std::move(read));
  for (const config::KindInfo& kind : config::kKinds) {
    for (const config::ObjectPointer& object : before.of(kind.kind)) {
      auto after = objects_.find(kind.kind, object->metadata.name);
      if (!after || *after != *object) tell({object, std::move(after)});
    }
    for (const config::ObjectPointer& object : objects_.of(kind.kind)) {
      if (!before.find(kind.kind, object->metadata.name)) tell({nullptr, object});
    }
  }
  move_to(*revision);
  co_return Result<void>{};
}

// Pages may be of different revisions: from the oldest one on, changes lead to a state that was.
net::Task<Result<store::Revision>> Mirror::read_into(config::Whole& objects) {
  std::optional<store::Revision> revision;
  for (const config::KindInfo& kind : config::kKinds) {
    if (kind.kind == Kind::kEvent) continue;
    const std::string prefix = prefix_of(kind.kind);
    std::string after;
    for (bool more = true; more;) {
      const auto page = co_await store_.list(prefix, after, kEntriesPerRead);
      if (!page) co_return fail(page.error());
      if (!revision) revision = page->revision;
      for (const store::Entry& entry : page->entries) {
        if (auto object = decoded(entry.key, entry.value, entry.revision)) objects.put(std::move(object));
      }
      if (!page->entries.empty()) after = page->entries.back().key;
      more = page->more;
    }
  }
  for (bool more = true; more;) {
    const auto changes = co_await store_.changes(*revision, kEntriesPerRead);
    if (!changes) co_return fail(changes.error());
    for (const store::Change& change : changes->changes) take(objects, change);
    revision = changes->revision;
    more = changes->more;
  }
  co_return *revision;
}

config::ObjectPointer Mirror::decoded(const std::string& key, std::string_view value,
                                      store::Revision revision) {
  auto object = decode(value, revision);
  if (object && key_of(object->kind(), object->metadata.name) == key) {
    return std::make_shared<const config::Object>(std::move(*object));
  }
  log_.error("a stored object is passed over",
             {{"key", key}, {"reason", object ? "it is another one" : object.error().text}});
  return nullptr;
}

// No object is in it when the change is of none.
config::ObjectChange Mirror::take(config::Whole& objects, const store::Change& change) {
  const config::KindInfo* kind = kind_of(change.key);
  if (kind == nullptr) return {};
  auto after = change.value ? decoded(change.key, *change.value, change.revision) : nullptr;
  auto before =
      after ? objects.put(after)
            : objects.remove(kind->kind, std::string_view(change.key).substr(kind->plural.size() + 1));
  return {std::move(before), std::move(after)};
}

void Mirror::tell(const config::ObjectChange& change) {
  if (!change.before && !change.after) return;
  for (Follower* follower : followers_) follower->add(change);
}

// In the turn in which the objects were changed.
void Mirror::move_to(store::Revision revision) {
  revision_ = revision;
  for (Follower* follower : followers_) {
    if (follower->moved_) follower->moved_(follower->take());
  }
}

Follower::Follower(Mirror& mirror, Moved moved) : mirror_(mirror), moved_(std::move(moved)) {
  for (const config::KindInfo& kind : config::kKinds) {
    for (const config::ObjectPointer& object : mirror_.objects().of(kind.kind)) add({nullptr, object});
  }
  mirror_.followers_.push_back(this);
}

Follower::~Follower() { std::erase(mirror_.followers_, this); }

void Follower::add(const config::ObjectChange& change) {
  const auto [known, is_new] = untold_.try_emplace({change.kind(), change.name()}, change);
  if (is_new) return;
  known->second.after = change.after;
  if (!known->second.before && !known->second.after) untold_.erase(known);
}

std::vector<config::ObjectChange> Follower::take() {
  std::vector<config::ObjectChange> changes;
  changes.reserve(untold_.size());
  for (auto& [key, change] : untold_) changes.push_back(std::move(change));
  untold_.clear();
  return changes;
}

net::Task<Result<std::vector<config::ObjectChange>>> Follower::catch_up() {
  if (const auto done = co_await mirror_.catch_up(); !done) co_return fail(done.error());
  co_return take();
}

Supposition::~Supposition() {
  for (auto change = made_.rbegin(); change != made_.rend(); ++change) {
    if (change->before) {
      objects_.put(std::move(change->before));
    } else {
      objects_.remove(change->kind(), change->name());
    }
  }
}

void Supposition::add(const config::ObjectChange& change) {
  auto before = change.after ? objects_.put(change.after) : objects_.remove(change.kind(), change.name());
  made_.push_back({std::move(before), change.after});
}

}  // namespace weir::mirror
