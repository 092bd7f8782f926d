// Keeper: the writes of sessions: begins, changes and ends them, each with its line of the audit where
// somebody did it. Not by the Api's Writer: a session is judged against nothing but what it is made of. On
// the control loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/problem.h"
#include "config/object.h"
#include "mirror/mirror.h"
#include "mirror/writes.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::session {

class Keeper {
 public:
  Keeper(net::Env& env, store::Store& store, mirror::Mirror& mirror)
      : env_(env), store_(store), mirror_(mirror) {}

  struct Begun {
    std::string name;
    std::string secret;
  };
  // spec: without its hash. organization: that it is limited to; empty: to none. When its user or token has
  // too many, the oldest ends. Without an actor there is no event. Known here once it is answered.
  net::Task<api::Answer<Begun>> begin(config::SessionSpec spec, std::string organization,
                                      mirror::Actor actor);

  // What it shall be, of what it is, as the objects are then; false: nothing is changed.
  using Change = std::function<bool(config::Object& session, const config::Whole& world)>;
  // 404 when it is gone. Without an actor there is no event.
  net::Task<api::Answer<void>> change(std::string name, Change change, mirror::Actor actor);

  // Those that are gone already are passed over.
  net::Task<api::Answer<void>> end(std::vector<config::ObjectPointer> sessions, mirror::Actor actor);

 private:
  net::Task<Result<void>> commit(store::Transaction transaction);
  void put(store::Transaction& transaction, const config::ObjectChange& change, const mirror::Actor& actor);

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
};

// From now on it is of its user or token as that is now.
void put_mark(config::Object& session, const config::Whole& world);

}  // namespace weir::session
