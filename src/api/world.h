// World: the objects that a write is judged against, as of one revision. WorldReader keeps it and brings it
// to the present for each write, at the price of what has changed. Owned by the Writer, on the control loop.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
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
  KindSet kinds() const { return kinds_; }                // of which all objects are here
  store::Revision revision() const { return revision_; }  // all that happened up to it is in here

  // For tests, and for the reader.
  void put(config::Object object);

 private:
  friend class WorldReader;
  std::array<Objects, config::kKinds.size()> objects_;
  KindSet kinds_ = 0;
  store::Revision revision_ = 0;
};

class WorldReader {
 public:
  WorldReader(store::Store& store, Log& log) : store_(store), log_(log) {}

  // At least these kinds, as they are now. The result is good until the next read. An object that this
  // version can't read is logged and left out: it must not stop every other change.
  net::Task<Result<const World*>> read(KindSet kinds);

 private:
  net::Task<Result<void>> read_kind(const config::KindInfo& kind);
  void take(const store::Change& change);
  void put(const config::KindInfo& kind, std::string name, std::string_view value, store::Revision revision);

  store::Store& store_;
  Log& log_;
  World world_;
};

}  // namespace weir::api
