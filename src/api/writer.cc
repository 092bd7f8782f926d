#include "api/writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "api/rollback.h"
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

// A bit for each kind.
using KindSet = std::uint32_t;
constexpr KindSet bit_of(config::Kind kind) { return KindSet{1} << static_cast<unsigned>(kind); }

// The kinds that a struct of this type refers to.
KindSet references_of(const config::Type& type) {
  if (type.element != nullptr) return references_of(*type.element);
  KindSet found = 0;
  for (const config::Field& field : type.fields) {
    if (const auto* kind = config::find_kind(field.refers_to); kind != nullptr) found |= bit_of(kind->kind);
    found |= references_of(*field.type);
  }
  return found;
}

// These, the kinds that they refer to, the kinds that refer to them, and so on: all that can make a change of
// these wrong.
KindSet related_kinds(KindSet kinds) {
  for (;;) {
    KindSet more = kinds;
    for (const config::KindInfo& kind : config::kKinds) {
      const KindSet referred = references_of(*kind.spec);
      if ((kinds & bit_of(kind.kind)) != 0) more |= referred;
      if ((kinds & referred) != 0) more |= bit_of(kind.kind);
    }
    if (more == kinds) return kinds;
    kinds = more;
  }
}

KindSet all_that_go_back() {
  KindSet kinds = 0;
  for (const config::KindInfo& kind : config::kKinds) {
    if (goes_back(kind.kind)) kinds |= bit_of(kind.kind);
  }
  return kinds;
}

std::string audited(const config::ObjectPointer& object) {
  if (!object) return {};
  config::Object shown = *object;
  shown.metadata.revision = 0;  // of the state before; the event has its own
  std::string json = config::to_json(shown, config::Secrets::kHide);
  if (json.size() <= kAuditJsonBytesMax) return json;
  return "{\"omitted_bytes\":" + std::to_string(json.size()) + '}';
}

std::string_view verb_of(Outcome outcome) {
  constexpr std::array<std::string_view, 4> kVerbs{"create", "update", "", "delete"};
  return kVerbs[static_cast<std::size_t>(outcome)];
}

// Names sort by time: the milliseconds since 1970, then the revision that the transaction was made from, then
// the place within it. Each commit, whoever's, makes a new revision, so a name is never taken: not within a
// millisecond, not after a restart, not when the clock is set back.
std::string event_name(WallTime now, store::Revision made_from, std::size_t index) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%013llu-%010llu-%05zu",
                                 static_cast<unsigned long long>(now.time_since_epoch().count()),
                                 static_cast<unsigned long long>(made_from), index);
  return {text.data(), static_cast<std::size_t>(size)};
}

// Its revision is known once it is done; see decode().
config::Object event_of(config::EventSpec spec, const Actor& actor, WallTime now, std::string name) {
  config::Object event;
  event.metadata.name = std::move(name);
  event.metadata.created_at = event.metadata.updated_at = now;
  spec.time = now;
  spec.actor = actor.name;
  spec.remote_address = actor.remote_address;
  event.spec = std::move(spec);
  return event;
}

config::Object make_event(const Planned& planned, const Actor& actor, WallTime now, std::string name) {
  return event_of({.verb = std::string(verb_of(planned.outcome)),
                   .kind = std::string(config::info_of(planned.kind).name),
                   .name = planned.name,
                   .before = audited(planned.before),
                   .after = audited(planned.after)},
                  actor, now, std::move(name));
}

// Beside the events of the objects.
config::Object rollback_event(store::Revision back_to, const Actor& actor, WallTime now, std::string name) {
  return event_of({.verb = "rollback", .name = std::to_string(back_to)}, actor, now, std::move(name));
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
               Result<MadeSecret> (*make_secret)())
    : env_(env), store_(store), make_secret_(make_secret), mirror_(mirror), turns_(env.loop) {}

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

net::Task<Answer<Written>> Writer::write(std::vector<Intent> intents, Actor actor, bool dry_run) {
  return carry_out({std::move(intents), {}}, std::move(actor), dry_run);
}

net::Task<Answer<Written>> Writer::roll_back(store::Revision revision, Actor actor, bool dry_run) {
  return carry_out({{}, revision}, std::move(actor), dry_run);
}

// From what the mirror has. The past must reach as far: somebody else may bring the mirror further meanwhile.
net::Task<Answer<Plan>> Writer::plan(const Wish& wish, bool dry_run) {
  const PlanInputs inputs{.now = env_.loop.clock().wall_now(),
                          .random = env_.random,
                          .make_secret = dry_run ? nullptr : make_secret_};
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

net::Task<Answer<Written>> Writer::carry_out(Wish wish, Actor actor, bool dry_run) {
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
net::Task<Answer<bool>> Writer::commit(Written& written, const Actor& actor) {
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
store::Transaction Writer::transaction_for(const Written& written, const Actor& actor) {
  const Plan& plan = written.plan;
  store::Transaction transaction;
  KindSet kinds = 0;
  for (const Planned& planned : plan.objects) kinds |= bit_of(planned.kind);
  if (written.back_to) kinds |= all_that_go_back();
  const KindSet related = related_kinds(kinds);
  for (const config::KindInfo& kind : config::kKinds) {
    if ((related & bit_of(kind.kind)) == 0) continue;
    transaction.unchanged(mirror::prefix_of(kind.kind), written.revision);
  }
  const WallTime now = env_.loop.clock().wall_now();
  std::size_t events = 0;
  for (const Planned& planned : plan.objects) {
    if (planned.outcome == Outcome::kUnchanged) continue;
    std::string key = mirror::key_of(planned.kind, planned.name);
    if (planned.after) {
      transaction.put(std::move(key), mirror::encode(*planned.after), planned.expected());
    } else {
      transaction.remove(std::move(key), planned.expected());
    }
    const config::Object event = make_event(planned, actor, now, event_name(now, written.revision, events++));
    transaction.put(mirror::key_of(config::Kind::kEvent, event.metadata.name), mirror::encode(event), 0);
  }
  if (written.back_to) {
    const config::Object event =
        rollback_event(*written.back_to, actor, now, event_name(now, written.revision, events));
    transaction.put(mirror::key_of(config::Kind::kEvent, event.metadata.name), mirror::encode(event), 0);
  }
  return transaction;
}

}  // namespace weir::api
