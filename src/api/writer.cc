#include "api/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "api/rollback.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "mirror/records.h"

namespace weir::api {
namespace {

constexpr std::size_t kWaitingMax = 256;
constexpr Duration kWaitMax = std::chrono::seconds(30);
// What is committed together: enough that the cost of a sync disappears, few enough that judging them does
// not hold up the loop.
constexpr std::size_t kTogetherMax = 32;
constexpr std::size_t kObjectsTogetherMax = 256;
// Within this process writes wait for each other; what comes between is another process, and rare.
constexpr int kTriesMax = 10;

// Of one write: each takes the thread that hashes 20 ms.
constexpr std::size_t kPasswordsMax = 16;

constexpr Error kTooManyWait{.code = Code::kOverloaded, .text = "too many writes wait"};

using Tree = nlohmann::ordered_json;

// A patch of a User that brings a password; null: it brings none.
Tree patch_with_password(const Intent& intent) {
  Tree patch = Tree::parse(intent.patch, nullptr, false);
  const bool brings_one = patch.is_object() && patch.contains("spec") && patch["spec"].is_object() &&
                          patch["spec"].contains("password") && patch["spec"]["password"].is_string();
  return brings_one ? patch : Tree();
}

std::vector<config::Kind> all_that_go_back() {
  std::vector<config::Kind> kinds;
  for (const config::KindInfo& kind : config::kKinds) {
    if (goes_back(kind.kind)) kinds.push_back(kind.kind);
  }
  return kinds;
}

}  // namespace

store::Revision Written::revision_of(const Planned& planned) const {
  return planned.outcome == Outcome::kUnchanged || dry_run ? planned.expected() : revision;
}

Writer::Writer(net::Env& env, store::Store& store, mirror::Mirror& mirror,
               Result<MadeSecret> (*make_secret)(), mirror::PortRange ports, std::string domain)
    : env_(env),
      store_(store),
      make_secret_(make_secret),
      mirror_(mirror),
      ports_(ports),
      domain_(std::move(domain)) {}

net::Task<Answer<Written>> Writer::write(std::vector<Intent> intents, mirror::Actor actor, bool dry_run,
                                         std::optional<auth::Identity> caller) {
  if (!dry_run) {
    if (const auto hashed = co_await hash_passwords(intents); !hashed) co_return refuse(hashed.error());
  }
  co_return co_await carry_out({std::move(intents), {}, {}, std::move(caller), std::move(actor), dry_run});
}

net::Task<Answer<Written>> Writer::write(IntentSource source, mirror::Actor actor) {
  return carry_out({{}, {}, std::move(source), {}, std::move(actor), false});
}

net::Task<Answer<Written>> Writer::roll_back(store::Revision revision, mirror::Actor actor, bool dry_run) {
  return carry_out({{}, revision, {}, {}, std::move(actor), dry_run});
}

net::Task<Answer<std::string>> Writer::hash(std::string password) {
  using Verdict = auth::PasswordChecker::Verdict;
  if (passwords_ == nullptr) co_return refuse(503, "not-ready", "this process takes no passwords");
  // All writes are one source, so that logging in has the better part of the line.
  auto hashed = co_await passwords_->hash(env_.loop, {}, std::move(password));
  if (hashed.verdict == Verdict::kRight) co_return std::move(hashed.hash);
  if (hashed.verdict == Verdict::kWrong) co_return refuse(500, "internal", "a password can't be hashed");
  co_return refuse(Problem{503, "overloaded", "too many passwords are being looked at", {}, {}, 1});
}

net::Task<Answer<void>> Writer::hash_passwords(std::vector<Intent>& intents) {
  std::size_t hashed = 0;
  for (Intent& intent : intents) {
    if (intent.kind != config::Kind::kUser || intent.verb == Verb::kDelete) continue;
    Tree patch = intent.verb == Verb::kPatch ? patch_with_password(intent) : Tree();
    if (intent.verb == Verb::kPatch && patch.is_null()) continue;
    std::string password = patch.is_null() ? std::get<config::UserSpec>(intent.wanted.spec).password
                                           : patch["spec"]["password"].get<std::string>();
    if (patch.is_null() && password.empty()) continue;
    // Of a patch nothing has been looked at yet.
    if (std::string wrong = config::check_password(password); !wrong.empty()) {
      co_return refuse(invalid({{"spec.password", std::move(wrong), {}}}));
    }
    if (password.size() > config::kTextBytesMax) {
      co_return refuse(invalid({{"spec.password", "must be at most 256 bytes long", {}}}));
    }
    if (++hashed > kPasswordsMax) {
      co_return refuse(invalid({{"", "has more than 16 passwords, which one write can't bring", {}}}));
    }
    auto hash = co_await this->hash(std::move(password));
    if (!hash) co_return refuse(std::move(hash.error()));
    if (patch.is_null()) {
      std::get<config::UserSpec>(intent.wanted.spec).password = std::move(*hash);
    } else {
      patch["spec"]["password"] = std::move(*hash);
      intent.patch = patch.dump();
    }
  }
  co_return Answer<void>{};
}

PlanInputs Writer::inputs_of(const Wish& wish) {
  return {.now = env_.loop.clock().wall_now(),
          .random = env_.random,
          .make_secret = wish.dry_run ? nullptr : make_secret_,
          .ports = ports_,
          .caller = wish.caller ? &*wish.caller : nullptr,
          .domain = domain_};
}

Answer<Plan> Writer::plan(const Wish& wish) {
  if (!wish.source) return make_plan(mirror_.objects(), wish.intents, inputs_of(wish));
  const auto intents = wish.source(mirror_.objects());
  if (!intents) return refuse(intents.error());
  return make_plan(mirror_.objects(), *intents, inputs_of(wish));
}

// From what the mirror has. The past must reach as far: somebody else may bring the mirror further meanwhile.
net::Task<Answer<Plan>> Writer::plan_back(const Wish& wish) {
  auto past = co_await store_.before(*wish.back_to);
  while (past && past->revision < mirror_.revision()) past = co_await store_.before(*wish.back_to);
  if (!past) co_return refuse(rollback_problem(past.error(), *wish.back_to, mirror_.revision()));
  const auto intents = rollback_intents(mirror_.objects(), *past);
  if (!intents) co_return refuse(intents.error());
  auto plan = make_plan(mirror_.objects(), *intents, inputs_of(wish));
  if (plan) {
    std::erase_if(plan->objects, [](const Planned& one) { return one.outcome == Outcome::kUnchanged; });
  }
  co_return plan;
}

net::Task<Answer<Written>> Writer::carry_out(Wish wish) {
  if (ended_) co_return refuse(Problem{503, "draining", "this controller is about to end", {}, {}, 1});
  if (queue_.size() >= kWaitingMax) co_return refuse(problem_of(kTooManyWait));
  const auto waiting = std::make_shared<Waiting>(Waiting{std::move(wish), env_.loop.now()});
  queue_.push_back(waiting);
  waits_.set();
  const auto answered = co_await waiting->answered.wait(env_.loop);
  if (waiting->answer) co_return std::move(*waiting->answer);
  waiting->given_up = true;
  std::erase(queue_, waiting);
  co_return refuse(problem_of(answered.error()));
}

net::Task<void> Writer::run() {
  while (co_await waits_.wait(env_.loop)) {
    while (!queue_.empty()) {
      const WaitingPointer first = std::move(queue_.front());
      queue_.pop_front();
      if (env_.loop.now() - first->since > kWaitMax) {
        first->take(refuse(problem_of(kTooManyWait)));
      } else {
        co_await serve(first);
      }
    }
    waits_.reset();
  }
  ended_ = true;
  for (const WaitingPointer& one : std::exchange(queue_, {}))
    one->take(refuse(problem_of({Code::kCancelled})));
}

// And those behind it that can go along.
net::Task<void> Writer::serve(WaitingPointer first) {
  bool alone = first->wish.stands_alone();
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (const auto read = co_await mirror_.catch_up(); !read) {
      co_return first->take(refuse(problem_of(read.error())));
    }
    if (first->given_up) co_return;  // with it has gone what its source may refer to
    const Wish& wish = first->wish;
    auto planned = wish.back_to ? co_await plan_back(wish) : plan(wish);
    if (!planned) co_return first->take(refuse(std::move(planned.error())));
    Written written{std::move(*planned), mirror_.revision(), wish.dry_run, wish.back_to};
    if (written.dry_run || !written.plan.writes()) co_return first->take(std::move(written));
    std::vector<Judged> group;
    group.push_back({first, std::move(written)});
    if (!alone) join(group);
    const auto done = co_await commit(group);
    if (done && *done) {
      for (Judged& one : group) one.waiting->take(std::move(one.written));
      co_return;
    }
    const bool is_too_large = !done && done.error().status == 413;
    if (!done && !(is_too_large && group.size() > 1)) {
      for (Judged& one : group) one.waiting->take(refuse(done.error()));
      co_return;
    }
    if (done) counters_.conflicts.add();
    part(group);
    alone = true;
  }
  first->take(refuse(Problem{503, "overloaded", "other writes kept coming between; try again", {}, {}, 1}));
}

// Those at the front of the queue, each judged as if those before it were done. What would be refused, writes
// nothing, or is about an object of another waits until these are done in fact.
void Writer::join(std::vector<Judged>& group) {
  mirror::Supposition supposed(mirror_);
  std::set<std::pair<config::Kind, std::string>> touched;
  const auto suppose = [&](const Plan& plan) {
    for (const Planned& one : plan.objects) {
      touched.emplace(one.kind, one.name);
      if (one.outcome != Outcome::kUnchanged) supposed.add({one.before, one.after});
    }
  };
  const auto is_touched = [&](const Planned& one) { return touched.contains({one.kind, one.name}); };
  suppose(group.front().written.plan);
  while (!queue_.empty() && group.size() < kTogetherMax) {
    const Wish& next = queue_.front()->wish;
    if (next.stands_alone() || touched.size() + next.intents.size() > kObjectsTogetherMax) return;
    auto plan = this->plan(next);
    if (!plan || !plan->writes() || std::ranges::any_of(plan->objects, is_touched)) return;
    suppose(*plan);
    group.push_back({std::move(queue_.front()), {std::move(*plan), mirror_.revision()}});
    queue_.pop_front();
  }
}

// All but the first wait again, in their places.
void Writer::part(std::vector<Judged>& group) {
  for (; group.size() > 1; group.pop_back()) {
    if (!group.back().waiting->given_up) queue_.push_front(std::move(group.back().waiting));
  }
}

// False: what the plans were made from is not so any more.
net::Task<Answer<bool>> Writer::commit(std::vector<Judged>& group) {
  const auto committed = co_await store_.commit(transaction_for(group));
  if (committed) {
    counters_.commits.add();
    for (auto& [waiting, written] : group) {
      written.revision = *committed;
      for (Planned& planned : written.plan.objects) {
        if (planned.after) planned.after->metadata.revision = written.revision_of(planned);
        if (planned.outcome != Outcome::kUnchanged) counters_.objects.add();
      }
    }
    co_return true;
  }
  switch (committed.error().error.code) {
    case Code::kConflict:
    case Code::kExists:
    case Code::kNotFound: co_return false;
    case Code::kInvalid: co_return refuse(413, "too-large", "the change is too large for one transaction");
    default: co_return refuse(problem_of(committed.error().error));
  }
}

// Under the condition that nothing related has changed since the revision that the plans were made from.
store::Transaction Writer::transaction_for(std::span<const Judged> group) {
  const store::Revision made_from = group.front().written.revision;
  const WallTime now = env_.loop.clock().wall_now();
  store::Transaction transaction;
  std::vector<config::ObjectChange> judged;
  for (const auto& [waiting, written] : group) {
    for (const Planned& planned : written.plan.objects) judged.push_back({planned.before, planned.after});
  }
  mirror::expect_unchanged(transaction, judged, made_from);
  std::size_t events = 0;
  for (const auto& [waiting, written] : group) {
    std::vector<config::ObjectChange> changes;
    for (const Planned& planned : written.plan.objects) {
      if (planned.outcome != Outcome::kUnchanged) changes.push_back({planned.before, planned.after});
    }
    mirror::put_changes(transaction, changes, waiting->wish.actor, now, made_from, events);
    events += changes.size();
  }
  const auto& [waiting, written] = group.front();
  if (!written.back_to) return transaction;
  mirror::expect_unchanged(transaction, all_that_go_back(), made_from);
  mirror::put_event(transaction,
                    {.time = now,
                     .actor = waiting->wish.actor.name,
                     .verb = "rollback",
                     .name = std::to_string(*written.back_to),
                     .remote_address = waiting->wish.actor.remote_address},
                    mirror::unique_by_revision(made_from, events));
  return transaction;
}

}  // namespace weir::api
