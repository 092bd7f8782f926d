// Writer: carries out writes, one after the other: brings the mirror to the present, makes the plan, commits
// it together with its audit rows under the condition that nothing it was judged against has changed, and
// begins again when something has. One per Api, on the control loop.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/bell.h"
#include "api/plan.h"
#include "api/problem.h"
#include "auth/password_checker.h"
#include "base/metrics.h"
#include "mirror/mirror.h"
#include "mirror/writes.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::api {

struct Written {
  Plan plan;
  store::Revision revision = 0;  // of the change; when nothing was written, of the store as it was read
  bool dry_run = false;
  std::optional<store::Revision> back_to;  // of a rollback

  // Of an object of the plan, as it stands now.
  store::Revision revision_of(const Planned& planned) const;
};

// What is wanted of the objects as they are when it is the write's turn. Asked anew when something has come
// between, so it has no effect of its own.
using IntentSource = std::function<Answer<std::vector<Intent>>(const config::Whole& world)>;

struct WriterCounters {
  Counter commits;
  Counter objects;
  Counter conflicts;  // plans made anew because something else was written meanwhile
};

class Writer {
 public:
  // ports: for TCP and TLS listeners that name none. domain: where Services are found by DNS-SD.
  Writer(net::Env& env, store::Store& store, mirror::Mirror& mirror, Result<MadeSecret> (*make_secret)(),
         mirror::PortRange ports, std::string domain);

  // Passwords of Users, which have none yet that anybody could keep, are hashed here, beside the loop;
  // without a checker they are refused. Outlives the last write.
  void set_passwords(auth::PasswordChecker& passwords) { passwords_ = &passwords; }

  // permit: what the caller may write; none: anything.
  net::Task<Answer<Written>> write(std::vector<Intent> intents, mirror::Actor actor, bool dry_run,
                                   Permit permit = nullptr);
  net::Task<Answer<Written>> write(IntentSource source, mirror::Actor actor);
  // Makes all that edges carry what it was at that revision; the plan has what differs.
  net::Task<Answer<Written>> roll_back(store::Revision revision, mirror::Actor actor, bool dry_run);
  const WriterCounters& counters() const { return counters_; }

 private:
  class Turn;
  struct Wish {
    std::vector<Intent> intents;
    std::optional<store::Revision> back_to;  // instead of them
    IntentSource source;                     // the same
    Permit permit;
  };
  net::Task<Answer<void>> hash_passwords(std::vector<Intent>& intents);
  net::Task<Answer<std::string>> hash(std::string password);
  net::Task<Answer<Written>> carry_out(Wish wish, mirror::Actor actor, bool dry_run);
  net::Task<Answer<Plan>> plan(const Wish& wish, bool dry_run);
  net::Task<Result<void>> take_turn();
  net::Task<Answer<bool>> commit(Written& written, const mirror::Actor& actor);
  store::Transaction transaction_for(const Written& written, const mirror::Actor& actor);

  net::Env& env_;
  store::Store& store_;
  Result<MadeSecret> (*make_secret_)();
  auth::PasswordChecker* passwords_ = nullptr;
  mirror::Mirror& mirror_;
  mirror::PortRange ports_;
  std::string domain_;
  Bell turns_;
  bool taken_ = false;
  WriterCounters counters_;
};

}  // namespace weir::api
