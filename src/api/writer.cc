#include "api/writer.h"

#include <algorithm>
#include <utility>

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

net::Task<Answer<Written>> Writer::write(std::vector<Intent> intents, mirror::Actor actor, bool dry_run) {
  if (const auto taken = co_await take_turn(); !taken) co_return refuse(problem_of(taken.error()));
  const Turn turn(*this);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (const auto read = co_await mirror_.catch_up(); !read) co_return refuse(problem_of(read.error()));
    auto plan = make_plan(mirror_.objects(), intents,
                          {.now = env_.loop.clock().wall_now(),
                           .random = env_.random,
                           .make_secret = dry_run ? nullptr : make_secret_});
    if (!plan) co_return refuse(std::move(plan.error()));
    Written written{std::move(*plan), mirror_.revision(), dry_run};
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
  mirror::expect_unchanged(transaction, judged, written.revision);
  mirror::put_changes(transaction, written_ones, actor, env_.loop.clock().wall_now(), written.revision);
  return transaction;
}

}  // namespace weir::api
