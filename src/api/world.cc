#include "api/world.h"

#include <utility>

#include "api/objects.h"

namespace weir::api {
namespace {

constexpr std::size_t kChangesPerRead = 1000;

// The kinds that a struct of this type refers to.
KindSet references_of(const config::Type& type) {
  if (type.element != nullptr) return references_of(*type.element);
  KindSet found = 0;
  for (const config::Field& field : type.fields) {
    if (const auto* kind = config::find_kind(field.refers_to); kind != nullptr) found |= bit_of(kind->kind);
    found |= references_of(*field.type);
  }
  return found;
}

}  // namespace

KindSet related_kinds(KindSet kinds) {
  for (;;) {
    KindSet more = kinds;
    for (const config::KindInfo& kind : config::kKinds) {
      const KindSet referred = references_of(*kind.spec);
      if ((kinds & bit_of(kind.kind)) != 0) more |= referred;
      if ((kinds & referred) != 0) more |= bit_of(kind.kind);
    }
    if (more == kinds) return kinds;
    kinds = more;
  }
}

const config::Object* World::find(config::Kind kind, std::string_view name) const {
  const Objects& objects = of(kind);
  const auto found = objects.find(name);
  return found == objects.end() ? nullptr : found->second.get();
}

void World::put(config::Object object) {
  const auto kind = static_cast<std::size_t>(object.kind());
  kinds_ |= bit_of(object.kind());
  std::string name = object.metadata.name;
  objects_[kind][std::move(name)] = std::make_shared<const config::Object>(std::move(object));
}

net::Task<Result<const World*>> WorldReader::read(KindSet kinds) {
  for (;;) {
    for (const config::KindInfo& kind : config::kKinds) {
      if ((kinds & ~world_.kinds_ & bit_of(kind.kind)) == 0) continue;
      if (const auto read = co_await read_kind(kind); !read) co_return fail(read.error());
    }
    const auto changes = co_await store_.changes(world_.revision_, kChangesPerRead);
    if (!changes && changes.error().code == Code::kGone) {
      world_ = World{};
      continue;
    }
    if (!changes) co_return fail(changes.error());
    for (const store::Change& change : changes->changes) take(change);
    world_.revision_ = changes->revision;
    if (!changes->more) co_return &world_;
  }
}

// As it is at some revision not before the world's: the changes from there on make it current.
net::Task<Result<void>> WorldReader::read_kind(const config::KindInfo& kind) {
  const std::string prefix = key_prefix(kind);
  world_.objects_[static_cast<std::size_t>(kind.kind)].clear();
  std::string after;
  for (bool first = true;; first = false) {
    const auto page = co_await store_.list(prefix, after, store::kPageEntriesMax);
    if (!page) co_return fail(page.error());
    if (first && world_.kinds_ == 0) world_.revision_ = page->revision;
    for (const store::Entry& entry : page->entries) {
      put(kind, entry.key.substr(prefix.size()), entry.value, entry.revision);
    }
    if (!page->more) break;
    after = page->entries.back().key;
  }
  world_.kinds_ |= bit_of(kind.kind);
  co_return Result<void>{};
}

void WorldReader::take(const store::Change& change) {
  const std::size_t slash = change.key.find('/');
  if (slash == std::string::npos) return;
  const auto* kind = config::find_plural(std::string_view(change.key).substr(0, slash));
  if (kind == nullptr || (world_.kinds_ & bit_of(kind->kind)) == 0) return;
  std::string name = change.key.substr(slash + 1);
  if (change.value) return put(*kind, std::move(name), *change.value, change.revision);
  world_.objects_[static_cast<std::size_t>(kind->kind)].erase(name);
}

void WorldReader::put(const config::KindInfo& kind, std::string name, std::string_view value,
                      store::Revision revision) {
  World::Objects& objects = world_.objects_[static_cast<std::size_t>(kind.kind)];
  auto object = decode(value, revision);
  if (object) {
    objects[std::move(name)] = std::make_shared<const config::Object>(std::move(*object));
    return;
  }
  log_.error("a stored object is passed over",
             {{"key", key_of(kind, name)}, {"reason", object.error().text}});
  objects.erase(name);
}

}  // namespace weir::api
