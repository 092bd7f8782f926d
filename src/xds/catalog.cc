#include "xds/catalog.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "lb/hash.h"

namespace weir::xds {

Slot Names::slot(Type type, std::string_view name) {
  OfType& names = of(type);
  if (const auto known = names.slots.find(name); known != names.slots.end()) return known->second;
  Slot slot = static_cast<Slot>(names.names.size());
  if (names.unused.empty()) {
    names.names.push_back(nullptr);
  } else {
    slot = names.unused.back();
    names.unused.pop_back();
  }
  names.names[slot] = &names.slots.emplace(name, slot).first->first;
  ++names.made;
  return slot;
}

void Names::tidy() {
  for (const TypeInfo& info : kTypes) {
    OfType& names = of(info.type);
    if (names.made < std::max(kMadeBeforeTidy, names.slots.size() / 2)) continue;
    names.made = 0;
    IdSet used;
    for (const Catalog* catalog : catalogs_) catalog->mark(info.type, used);
    for (Slot slot = 0; slot < names.names.size(); ++slot) {
      if (names.names[slot] == nullptr || used.contains(slot)) continue;
      names.slots.erase(names.slots.find(*names.names[slot]));
      names.names[slot] = nullptr;
      names.unused.push_back(slot);
    }
  }
}

std::size_t Names::size() const {
  std::size_t sum = 0;
  for (const OfType& names : types_) sum += names.slots.size();
  return sum;
}

std::uint64_t fingerprint_of(const Resource& resource) {
  return lb::hash_bytes(resource.version, lb::hash_bytes(resource.name));
}

Catalog::Catalog(Names& names) : names_(names) { names_.catalogs_.push_back(this); }

Catalog::~Catalog() {
  for (const Watcher* watcher : watchers_) WEIR_CHECK(watcher == nullptr);
  std::erase(names_.catalogs_, this);
}

const Catalog::Entry& Catalog::entry(Type type, Slot slot) const {
  static const Entry kNothing;
  const std::vector<Entry>& entries = of(type).entries;
  return slot < entries.size() ? entries[slot] : kNothing;
}

Catalog::Entry& Catalog::made_entry(Type type, Slot slot) {
  std::vector<Entry>& entries = of(type).entries;
  if (slot >= entries.size()) entries.resize(slot + 1);
  return entries[slot];
}

void Catalog::apply(const std::vector<Change>& changes) {
  names_.next_sequence();
  IdSet woken;
  for (const Change& change : changes) {
    WEIR_CHECK(!change.resource ||
               (change.resource->type == change.type && change.resource->name == change.name));
    put(change.type, names_.slot(change.type, change.name), change.resource, woken);
  }
  woken.for_each([this](std::uint32_t id) { watchers_[id]->woken(); });
  names_.tidy();
}

void Catalog::put(Type type, Slot slot, ResourcePtr resource, IdSet& woken) {
  Entry& entry = made_entry(type, slot);
  if (!entry.resource && !resource) return;
  if (entry.resource && resource && entry.resource->version == resource->version) return;
  const ResourcePtr before = std::exchange(entry.resource, std::move(resource));
  entry.sequence = names_.sequence();
  entry.fingerprint = entry.resource ? fingerprint_of(*entry.resource) : 0;
  OfType& of_type = of(type);
  if (entry.resource) {
    of_type.present.insert(slot);
  } else {
    of_type.present.erase(slot);
  }
  const auto tell = [&](std::uint32_t id) {
    watchers_[id]->changed(type, slot, before);
    woken.insert(id);
  };
  entry.followers.for_each(tell);
  of_type.followers_of_all.for_each([&](std::uint32_t id) {
    if (!entry.followers.contains(id)) tell(id);
  });
}

std::uint32_t Catalog::attach(Watcher& watcher) {
  const auto free = std::ranges::find(watchers_, nullptr);
  const auto id = static_cast<std::uint32_t>(free - watchers_.begin());
  if (free == watchers_.end()) watchers_.push_back(nullptr);
  watchers_[id] = &watcher;
  return id;
}

void Catalog::detach(std::uint32_t id) {
  for (OfType& of_type : types_) of_type.followers_of_all.erase(id);
  for (const TypeInfo& info : kTypes) {
    IdSet followed;
    watchers_[id]->mark(info.type, followed);
    followed.for_each([&](Slot slot) { unfollow(info.type, slot, id); });
  }
  watchers_[id] = nullptr;
}

void Catalog::mark(Type type, IdSet& used) const {
  of(type).present.for_each([&used](Slot slot) { used.insert(slot); });
  for (const Watcher* watcher : watchers_) {
    if (watcher != nullptr) watcher->mark(type, used);
  }
}

std::size_t Catalog::heap_bytes() const {
  std::size_t sum = watchers_.capacity() * sizeof(Watcher*);
  for (const OfType& of_type : types_) {
    sum += of_type.entries.capacity() * sizeof(Entry);
    sum += of_type.present.heap_bytes() + of_type.followers_of_all.heap_bytes();
    for (const Entry& entry : of_type.entries) sum += entry.followers.heap_bytes();
  }
  return sum;
}

}  // namespace weir::xds
