// Mirror: the objects of some kinds as the store has them, decoded, all as of one revision. catch_up() brings
// it to the present at the price of what has changed. Belongs to one reconciler, on the control loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "config/object.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::controller {

// A bit for each kind.
using KindSet = std::uint32_t;
constexpr KindSet bit_of(config::Kind kind) { return KindSet{1} << static_cast<unsigned>(kind); }

class Mirror {
 public:
  Mirror(store::Store& store, Log& log, std::vector<config::Kind> kinds);

  // The kinds of which any object is another than before; the first time, all of them.
  net::Task<Result<KindSet>> catch_up();
  store::Revision revision() const { return revision_; }
  // By key. An object that this version can't read is logged and left out.
  std::vector<config::ObjectPointer> objects() const;
  const config::Object* find(config::Kind kind, std::string_view name) const;

 private:
  net::Task<Result<void>> read_all();
  void put(const std::string& key, std::string_view value, store::Revision revision);
  KindSet kind_of(std::string_view key) const;  // none: not one of mine

  store::Store& store_;
  Log& log_;
  std::vector<config::Kind> kinds_;
  std::map<std::string, config::ObjectPointer, std::less<>> objects_;  // by key
  store::Revision revision_ = 0;
  bool is_read_ = false;
  KindSet changed_ = 0;  // and not told yet: survives a catch-up that fails halfway
};

}  // namespace weir::controller
