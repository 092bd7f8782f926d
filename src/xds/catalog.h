// Catalog: one view of the world: the resources of each type by name, and who follows which. Streams whose
// nodes are to see the same share one. A change costs as much as there are streams that follow what changed.
// Names: gives each name of a type its slot, a small number, the same in all catalogs, so that a stream says
// what it follows and has in bits, and can be moved from one catalog to another. On one core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "xds/id_set.h"
#include "xds/resource.h"

namespace weir::xds {

using Slot = std::uint32_t;

// A stream, as its catalog knows it.
class Watcher {
 public:
  // What it follows has changed; `before`: what was there, or null. The catalog has the new state already.
  virtual void changed(Type type, Slot slot, const ResourcePtr& before) = 0;
  // All of an apply() is done: what came of it may be sent.
  virtual void woken() = 0;
  // Adds the slots that it still means something by.
  virtual void mark(Type type, IdSet& used) const = 0;

 protected:
  ~Watcher() = default;
};

class Catalog;

class Names {
 public:
  Slot slot(Type type, std::string_view name);
  const std::string& name(Type type, Slot slot) const { return *of(type).names[slot]; }
  // Counts the changes of all catalogs.
  std::uint64_t sequence() const { return sequence_; }
  std::uint64_t next_sequence() { return ++sequence_; }

  // Gives back the slots of names that nobody means any more (of clients that asked for what never was), now
  // and then. Called when nobody holds a slot but catalogs and watchers.
  void tidy();
  std::size_t size() const;

 private:
  friend class Catalog;
  // Names made since the last look round, before the next: with it, a look costs less than making them did.
  static constexpr std::size_t kMadeBeforeTidy = 10'000;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct OfType {
    std::unordered_map<std::string, Slot, TextHash, std::equal_to<>> slots;
    std::vector<const std::string*> names;  // by slot; null: unused
    std::vector<Slot> unused;
    std::size_t made = 0;  // since the last tidy()
  };
  OfType& of(Type type) { return types_[static_cast<std::size_t>(type)]; }
  const OfType& of(Type type) const { return types_[static_cast<std::size_t>(type)]; }

  std::array<OfType, kTypes.size()> types_;
  std::vector<const Catalog*> catalogs_;
  std::uint64_t sequence_ = 1;
};

class Catalog {
 public:
  explicit Catalog(Names& names);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  ~Catalog();

  // As one: watchers are woken when all is in place. A version that is there already changes nothing.
  void apply(const std::vector<Change>& changes);

  Names& names() const { return names_; }
  // Null: there is none.
  const ResourcePtr& resource(Type type, Slot slot) const { return entry(type, slot).resource; }
  // Of its last change, by Names::sequence().
  std::uint64_t sequence(Type type, Slot slot) const { return entry(type, slot).sequence; }
  // Of name and version together.
  std::uint64_t fingerprint(Type type, Slot slot) const { return entry(type, slot).fingerprint; }
  const IdSet& present(Type type) const { return of(type).present; }

  std::uint32_t attach(Watcher& watcher);
  void detach(std::uint32_t id);  // follows nothing any more
  void follow(Type type, Slot slot, std::uint32_t id) { made_entry(type, slot).followers.insert(id); }
  void unfollow(Type type, Slot slot, std::uint32_t id) { made_entry(type, slot).followers.erase(id); }
  void follow_all(Type type, std::uint32_t id) { of(type).followers_of_all.insert(id); }
  void unfollow_all(Type type, std::uint32_t id) { of(type).followers_of_all.erase(id); }

  void mark(Type type, IdSet& used) const;
  // Of its own tables, without the resources, which other catalogs may share.
  std::size_t heap_bytes() const;

 private:
  struct Entry {
    ResourcePtr resource;
    std::uint64_t fingerprint = 0;
    std::uint64_t sequence = 0;
    IdSet followers;
  };
  struct OfType {
    std::vector<Entry> entries;  // by slot
    IdSet present;
    IdSet followers_of_all;
  };
  OfType& of(Type type) { return types_[static_cast<std::size_t>(type)]; }
  const OfType& of(Type type) const { return types_[static_cast<std::size_t>(type)]; }
  const Entry& entry(Type type, Slot slot) const;
  Entry& made_entry(Type type, Slot slot);
  void put(Type type, Slot slot, ResourcePtr resource, IdSet& woken);

  Names& names_;
  std::array<OfType, kTypes.size()> types_;
  std::vector<Watcher*> watchers_;  // by id; null: free
};

std::uint64_t fingerprint_of(const Resource& resource);

}  // namespace weir::xds
