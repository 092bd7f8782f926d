#include "api/world.h"

#include <algorithm>

namespace weir::api {
namespace {

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
  const auto kind = object.kind();
  kinds_ |= bit_of(kind);
  std::string name = object.metadata.name;
  objects_[static_cast<std::size_t>(kind)][std::move(name)] =
      std::make_shared<const config::Object>(std::move(object));
}

net::Task<Answer<const World*>> WorldReader::read(KindSet kinds) {
  world_.kinds_ = 0;
  world_.revision_ = 0;
  for (const config::KindInfo& kind : config::kKinds) {
    if ((kinds & bit_of(kind.kind)) == 0) continue;
    auto objects = co_await read_kind(kind);
    if (!objects) co_return refuse(std::move(objects.error()));
    world_.objects_[static_cast<std::size_t>(kind.kind)] = std::move(*objects);
    world_.kinds_ |= bit_of(kind.kind);
  }
  co_return &world_;
}

net::Task<Answer<World::Objects>> WorldReader::read_kind(const config::KindInfo& kind) {
  const std::string prefix = key_prefix(kind);
  const World::Objects& known = world_.of(kind.kind);
  World::Objects objects;
  std::string after;
  for (bool first = true;; first = false) {
    const auto page = co_await store_.list(prefix, after, store::kPageEntriesMax);
    if (!page) co_return refuse(problem_of(page.error()));
    if (first) world_.read_at_[static_cast<std::size_t>(kind.kind)] = page->revision;
    world_.revision_ = std::max(world_.revision_, page->revision);
    for (const store::Entry& entry : page->entries) {
      std::string name = entry.key.substr(prefix.size());
      const auto found = known.find(name);
      if (found != known.end() && found->second->metadata.revision == entry.revision) {
        objects.emplace_hint(objects.end(), std::move(name), found->second);
        continue;
      }
      auto object = decode(entry.value, entry.revision);
      if (!object) {
        co_return refuse(500, "unreadable",
                         entry.key + " in the store can't be read by this version of weir");
      }
      objects.emplace_hint(objects.end(), std::move(name),
                           std::make_shared<const config::Object>(std::move(*object)));
    }
    if (!page->more) co_return objects;
    after = page->entries.back().key;
  }
}

}  // namespace weir::api
