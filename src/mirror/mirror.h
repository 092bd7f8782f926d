// Mirror: the objects of the store (all kinds but events), decoded, all as of one revision; brought to the
// present at the price of what has changed. One for all in a process that look at objects: who is to act on
// changes has a Follower. On the control loop.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "config/whole.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::mirror {

class Follower;
class Supposition;

class Mirror {
 public:
  Mirror(store::Store& store, Log& log) : store_(store), log_(log) {}
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // All that was committed before the call is in it afterwards. Several tasks may ask at the same time.
  net::Task<Result<void>> catch_up();
  store::Revision revision() const { return revision_; }
  // As of revision() right after a catch-up; another task may move both at the next wait. An object that this
  // version can't read is logged and left out: it must not stop every other change.
  const config::Whole& objects() const { return objects_; }

 private:
  friend class Follower;
  friend class Supposition;
  net::Task<Result<void>> read_all();
  net::Task<Result<store::Revision>> read_into(config::Whole& objects);
  config::ObjectPointer decoded(const std::string& key, std::string_view value, store::Revision revision);
  config::ObjectChange take(config::Whole& objects, const store::Change& change);
  void tell(const config::ObjectChange& change);
  void move_to(store::Revision revision);

  store::Store& store_;
  Log& log_;
  config::Whole objects_;
  store::Revision revision_ = 0;
  bool is_read_ = false;
  std::vector<Follower*> followers_;
};

// What one reader of a Mirror has not been told yet. Outlived by the Mirror.
class Follower {
 public:
  // Called whenever the mirror has moved, whoever moved it, before anybody else can see where to: with what
  // catch_up() would tell. It may neither make nor end a Follower.
  using Moved = std::function<void(std::vector<config::ObjectChange>)>;

  explicit Follower(Mirror& mirror, Moved moved = {});
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  ~Follower();

  // Brings the mirror to the present, and tells each object once that is another than when it was told last,
  // by kind and name; the first time, all that were there when it was made. After an error nothing is lost:
  // the next call tells.
  net::Task<Result<std::vector<config::ObjectChange>>> catch_up();

 private:
  friend class Mirror;
  void add(const config::ObjectChange& change);
  std::vector<config::ObjectChange> take();

  Mirror& mirror_;
  Moved moved_;  // null: it is told by catch_up() alone
  std::map<std::pair<config::Kind, std::string>, config::ObjectChange> untold_;
};

// The objects of a mirror as if these changes had been made, for as long as it lives: within one turn, so
// that only who judges what would come next sees them so.
class Supposition {
 public:
  explicit Supposition(Mirror& mirror) : objects_(mirror.objects_) {}
  Supposition(const Supposition&) = delete;
  Supposition& operator=(const Supposition&) = delete;
  ~Supposition();

  void add(const config::ObjectChange& change);

 private:
  config::Whole& objects_;
  std::vector<config::ObjectChange> made_;
};

}  // namespace weir::mirror
