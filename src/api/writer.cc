#include "api/writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "api/objects.h"
#include "config/kinds.h"

namespace weir::api {
namespace {

// Writes come one after the other, and each costs a sync of the disk: who waits behind this many would wait
// for seconds.
constexpr std::size_t kWaitingMax = 256;
constexpr Duration kWaitMax = std::chrono::seconds(30);
// Within this process writes wait for each other; what comes between is another process, and rare.
constexpr int kTriesMax = 10;

KindSet kinds_of(const std::vector<Intent>& intents) {
  KindSet kinds = 0;
  for (const Intent& intent : intents) kinds |= bit_of(intent.kind);
  return kinds;
}

std::string audited(std::optional<config::Object> object) {
  if (!object) return {};
  object->metadata.revision = 0;  // of the state before; the event has its own
  std::string json = config::to_json(*object, config::Secrets::kHide);
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

config::Object make_event(const Planned& planned, const Actor& actor, WallTime now, std::string name) {
  config::Object event;
  event.metadata.name = std::move(name);
  event.metadata.created_at = event.metadata.updated_at = now;
  event.spec = config::EventSpec{.time = now,
                                 .actor = actor.name,
                                 .verb = std::string(verb_of(planned.outcome)),
                                 .kind = std::string(config::info_of(planned.kind).name),
                                 .name = planned.name,
                                 .revision = 0,  // known once it is done; see decode()
                                 .remote_address = actor.remote_address,
                                 .before = audited(planned.before),
                                 .after = audited(planned.after)};
  return event;
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

Writer::Writer(net::Env& env, store::Store& store, Result<MadeSecret> (*make_secret)())
    : env_(env), store_(store), make_secret_(make_secret), reader_(store, env.log), turns_(env.loop) {}

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

net::Task<void> Writer::prepare() {
  if (!co_await take_turn()) co_return;
  const Turn turn(*this);
  KindSet kinds = 0;
  for (const config::KindInfo& kind : config::kKinds) {
    if (kind.kind != config::Kind::kEvent) kinds |= bit_of(kind.kind);
  }
  (void)co_await reader_.read(kinds);
}

net::Task<Answer<Written>> Writer::write(std::vector<Intent> intents, Actor actor, bool dry_run) {
  if (const auto taken = co_await take_turn(); !taken) co_return refuse(problem_of(taken.error()));
  const Turn turn(*this);
  const KindSet kinds = related_kinds(kinds_of(intents));
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto world = co_await reader_.read(kinds);
    if (!world) co_return refuse(problem_of(world.error()));
    auto plan = make_plan(**world, intents,
                          {.now = env_.loop.clock().wall_now(),
                           .random = env_.random,
                           .make_secret = dry_run ? nullptr : make_secret_});
    if (!plan) co_return refuse(std::move(plan.error()));
    Written written{std::move(*plan), (*world)->revision(), dry_run};
    if (dry_run || !written.plan.writes()) co_return written;
    const auto done = co_await commit(written, **world, actor);
    if (!done) co_return refuse(done.error());
    if (*done) co_return written;
    counters_.conflicts.add();
  }
  co_return refuse(Problem{503, "overloaded", "other writes kept coming between; try again", {}, {}, 1});
}

// False: what the plan was made from is not so any more.
net::Task<Answer<bool>> Writer::commit(Written& written, const World& world, const Actor& actor) {
  const auto committed = co_await store_.commit(transaction_for(written.plan, world, actor));
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

store::Transaction Writer::transaction_for(const Plan& plan, const World& world, const Actor& actor) {
  store::Transaction transaction;
  KindSet kinds = 0;
  for (const Planned& planned : plan.objects) kinds |= bit_of(planned.kind);
  for (const config::KindInfo& kind : config::kKinds) {
    if ((related_kinds(kinds) & bit_of(kind.kind)) == 0) continue;
    transaction.unchanged(key_prefix(kind), world.revision());
  }
  const WallTime now = env_.loop.clock().wall_now();
  std::size_t events = 0;
  for (const Planned& planned : plan.objects) {
    if (planned.outcome == Outcome::kUnchanged) continue;
    std::string key = key_of(config::info_of(planned.kind), planned.name);
    if (planned.after) {
      transaction.put(std::move(key), encode(*planned.after), planned.expected());
    } else {
      transaction.remove(std::move(key), planned.expected());
    }
    const config::Object event = make_event(planned, actor, now, event_name(now, world.revision(), events++));
    transaction.put(key_of(config::info_of(config::Kind::kEvent), event.metadata.name), encode(event), 0);
  }
  return transaction;
}

}  // namespace weir::api
