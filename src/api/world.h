// World: the objects that a write is judged against, as of the revisions that it names. WorldReader reads it
// for each write, but decodes again only what has changed. Owned by the Writer, on the control loop.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/objects.h"
#include "api/problem.h"
#include "config/kinds.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::api {

// A bit for each kind.
using KindSet = std::uint32_t;
constexpr KindSet bit_of(config::Kind kind) { return KindSet{1} << static_cast<unsigned>(kind); }
// These, the kinds that they refer to, the kinds that refer to them, and so on: all that can make a change of
// these wrong.
KindSet related_kinds(KindSet kinds);

class World {
 public:
  using Objects = std::map<std::string, std::shared_ptr<const config::Object>, std::less<>>;  // by name

  const config::Object* find(config::Kind kind, std::string_view name) const;
  const Objects& of(config::Kind kind) const { return objects_[static_cast<std::size_t>(kind)]; }
  KindSet kinds() const { return kinds_; }
  store::Revision revision() const { return revision_; }  // of the newest page
  // Of each kind: as of which revision all of its objects are here.
  store::Revision revision_of(config::Kind kind) const { return read_at_[static_cast<std::size_t>(kind)]; }

  // For tests, and for the reader.
  void put(config::Object object);

 private:
  friend class WorldReader;
  std::array<Objects, config::kKinds.size()> objects_;
  std::array<store::Revision, config::kKinds.size()> read_at_{};
  KindSet kinds_ = 0;
  store::Revision revision_ = 0;
};

class WorldReader {
 public:
  explicit WorldReader(store::Store& store) : store_(store) {}

  // The result is good until the next read.
  net::Task<Answer<const World*>> read(KindSet kinds);

 private:
  net::Task<Answer<World::Objects>> read_kind(const config::KindInfo& kind);

  store::Store& store_;
  World world_;
};

}  // namespace weir::api
