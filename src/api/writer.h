// Writer: carries out writes in the order in which they come: brings the mirror to the present, makes the
// plan, commits it together with its audit rows under the condition that nothing it was judged against has
// changed, and begins again when something has. Those that wait while the disk is at work are judged one upon
// the other and committed together: the disk is waited for once, and they have one revision. One per Api, on
// the control loop.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/plan.h"
#include "api/problem.h"
#include "auth/password_checker.h"
#include "base/metrics.h"
#include "base/time.h"
#include "mirror/mirror.h"
#include "mirror/writes.h"
#include "net/env.h"
#include "net/loop.h"
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
  Counter commits;  // of one write or several
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

  // caller: who may write only so much, and sees only what is theirs; none: weir itself.
  net::Task<Answer<Written>> write(std::vector<Intent> intents, mirror::Actor actor, bool dry_run,
                                   std::optional<auth::Identity> caller = std::nullopt);
  net::Task<Answer<Written>> write(IntentSource source, mirror::Actor actor);
  // Makes all that edges carry what it was at that revision; the plan has what differs.
  net::Task<Answer<Written>> roll_back(store::Revision revision, mirror::Actor actor, bool dry_run);
  const WriterCounters& counters() const { return counters_; }

  // Carries them out. One task, for as long as anybody may write.
  net::Task<void> run();

 private:
  struct Wish {
    std::vector<Intent> intents;
    std::optional<store::Revision> back_to;  // instead of them
    IntentSource source;                     // the same
    std::optional<auth::Identity> caller;
    mirror::Actor actor;
    bool dry_run = false;

    bool stands_alone() const { return dry_run || back_to; }
  };
  // Who made it waits for the answer; or has given up.
  struct Waiting {
    Wish wish;
    Instant since;
    net::Event answered = {};
    std::optional<Answer<Written>> answer = {};
    bool given_up = false;

    void take(Answer<Written> told) {
      answer = std::move(told);
      answered.set();
    }
  };
  using WaitingPointer = std::shared_ptr<Waiting>;
  // What is committed together: at least one.
  struct Judged {
    WaitingPointer waiting;
    Written written;
  };
  net::Task<Answer<void>> hash_passwords(std::vector<Intent>& intents);
  net::Task<Answer<std::string>> hash(std::string password);
  net::Task<Answer<Written>> carry_out(Wish wish);
  net::Task<void> serve(WaitingPointer first);
  Answer<Plan> plan(const Wish& wish);
  net::Task<Answer<Plan>> plan_back(const Wish& wish);
  PlanInputs inputs_of(const Wish& wish);
  void join(std::vector<Judged>& group);
  void part(std::vector<Judged>& group);
  net::Task<Answer<bool>> commit(std::vector<Judged>& group);
  store::Transaction transaction_for(std::span<const Judged> group);

  net::Env& env_;
  store::Store& store_;
  Result<MadeSecret> (*make_secret_)();
  auth::PasswordChecker* passwords_ = nullptr;
  mirror::Mirror& mirror_;
  mirror::PortRange ports_;
  std::string domain_;
  std::deque<WaitingPointer> queue_;
  net::Event waits_;  // somebody does
  bool ended_ = false;
  WriterCounters counters_;
};

}  // namespace weir::api
