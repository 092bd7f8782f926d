#include "api/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/rollback.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "mirror/records.h"

namespace weir::api {
namespace {

// Writes come one after the other, and each costs a sync of the disk: who waits behind this many would wait
// for seconds.
constexpr std::size_t kWaitingMax = 256;
constexpr Duration kWaitMax = std::chrono::seconds(30);
// Within this process writes wait for each other; what comes between is another process, and rare.
constexpr int kTriesMax = 10;

// Of one write: each takes the thread that hashes 20 ms.
constexpr std::size_t kPasswordsMax = 16;

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

// Held by the write that may go on.
class Writer::Turn {
 public:
  explicit Turn(Writer& writer) : writer_(writer) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    writer_.taken_ = false;
    writer_.turns_.ring();
  }

 private:
  Writer& writer_;
};

Writer::Writer(net::Env& env, store::Store& store, mirror::Mirror& mirror,
               Result<MadeSecret> (*make_secret)(), mirror::PortRange ports, std::string domain)
    : env_(env),
      store_(store),
      make_secret_(make_secret),
      mirror_(mirror),
      ports_(ports),
      domain_(std::move(domain)),
      turns_(env.loop) {}

net::Task<Result<void>> Writer::take_turn() {
  if (taken_ && turns_.waiting() >= kWaitingMax) co_return fail(Code::kOverloaded, "too many writes wait");
  const Instant deadline = env_.loop.now() + kWaitMax;
  while (taken_) {
    const auto rung = co_await turns_.wait(deadline - env_.loop.now());
    if (rung) continue;
    if (rung.error().code == Code::kCancelled) co_return fail(rung.error());
    co_return fail(Code::kOverloaded, "too many writes wait");
  }
  taken_ = true;
  co_return Result<void>{};
}

net::Task<Answer<Written>> Writer::write(std::vector<Intent> intents, mirror::Actor actor, bool dry_run,
                                         Permit permit) {
  if (!dry_run) {
    if (const auto hashed = co_await hash_passwords(intents); !hashed) co_return refuse(hashed.error());
  }
  co_return co_await carry_out({std::move(intents), {}, {}, std::move(permit)}, std::move(actor), dry_run);
}

net::Task<Answer<Written>> Writer::write(IntentSource source, mirror::Actor actor) {
  return carry_out({{}, {}, std::move(source), nullptr}, std::move(actor), false);
}

net::Task<Answer<Written>> Writer::roll_back(store::Revision revision, mirror::Actor actor, bool dry_run) {
  return carry_out({{}, revision, {}, nullptr}, std::move(actor), dry_run);
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

// From what the mirror has. The past must reach as far: somebody else may bring the mirror further meanwhile.
net::Task<Answer<Plan>> Writer::plan(const Wish& wish, bool dry_run) {
  const PlanInputs inputs{.now = env_.loop.clock().wall_now(),
                          .random = env_.random,
                          .make_secret = dry_run ? nullptr : make_secret_,
                          .ports = ports_,
                          .permit = wish.permit,
                          .domain = domain_};
  if (wish.source) {
    const auto intents = wish.source(mirror_.objects());
    if (!intents) co_return refuse(intents.error());
    co_return make_plan(mirror_.objects(), *intents, inputs);
  }
  if (!wish.back_to) co_return make_plan(mirror_.objects(), wish.intents, inputs);
  auto past = co_await store_.before(*wish.back_to);
  while (past && past->revision < mirror_.revision()) past = co_await store_.before(*wish.back_to);
  if (!past) co_return refuse(rollback_problem(past.error(), *wish.back_to, mirror_.revision()));
  const auto intents = rollback_intents(mirror_.objects(), *past);
  if (!intents) co_return refuse(intents.error());
  auto plan = make_plan(mirror_.objects(), *intents, inputs);
  if (plan) {
    std::erase_if(plan->objects, [](const Planned& one) { return one.outcome == Outcome::kUnchanged; });
  }
  co_return plan;
}

net::Task<Answer<Written>> Writer::carry_out(Wish wish, mirror::Actor actor, bool dry_run) {
  if (const auto taken = co_await take_turn(); !taken) co_return refuse(problem_of(taken.error()));
  const Turn turn(*this);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (const auto read = co_await mirror_.catch_up(); !read) co_return refuse(problem_of(read.error()));
    auto planned = co_await plan(wish, dry_run);
    if (!planned) co_return refuse(std::move(planned.error()));
    Written written{std::move(*planned), mirror_.revision(), dry_run, wish.back_to};
    if (dry_run || !written.plan.writes()) co_return written;
    const auto done = co_await commit(written, actor);
    if (!done) co_return refuse(done.error());
    if (*done) co_return written;
    counters_.conflicts.add();
  }
  co_return refuse(Problem{503, "overloaded", "other writes kept coming between; try again", {}, {}, 1});
}

// False: what the plan was made from is not so any more.
net::Task<Answer<bool>> Writer::commit(Written& written, const mirror::Actor& actor) {
  const auto committed = co_await store_.commit(transaction_for(written, actor));
  if (committed) {
    written.revision = *committed;
    for (Planned& planned : written.plan.objects) {
      if (planned.after) planned.after->metadata.revision = written.revision_of(planned);
    }
    counters_.commits.add();
    counters_.objects.add(
        static_cast<std::uint64_t>(std::ranges::count_if(written.plan.objects, [](const Planned& planned) {
          return planned.outcome != Outcome::kUnchanged;
        })));
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

// Under the condition that nothing related has changed since the revision that the plan was made from.
store::Transaction Writer::transaction_for(const Written& written, const mirror::Actor& actor) {
  std::vector<config::ObjectChange> judged;
  std::vector<config::ObjectChange> written_ones;
  for (const Planned& planned : written.plan.objects) {
    judged.push_back({planned.before, planned.after});
    if (planned.outcome != Outcome::kUnchanged) written_ones.push_back(judged.back());
  }
  store::Transaction transaction;
  const WallTime now = env_.loop.clock().wall_now();
  mirror::expect_unchanged(transaction, judged, written.revision);
  if (written.back_to) mirror::expect_unchanged(transaction, all_that_go_back(), written.revision);
  mirror::put_changes(transaction, written_ones, actor, now, written.revision);
  if (!written.back_to) return transaction;
  mirror::put_event(transaction,
                    {.time = now,
                     .actor = actor.name,
                     .verb = "rollback",
                     .name = std::to_string(*written.back_to),
                     .remote_address = actor.remote_address},
                    mirror::unique_by_revision(written.revision, written_ones.size()));
  return transaction;
}

}  // namespace weir::api
