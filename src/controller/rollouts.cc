#include "controller/rollouts.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "mirror/records.h"
#include "mirror/waking.h"
#include "mirror/writes.h"

namespace weir::controller {
namespace {

using config::Object;
using config::ObjectPointer;
using config::RolloutPhase;
using config::RolloutProgress;
using mirror::rollout_of;

constexpr Duration kTick = std::chrono::seconds(1);          // bakes and time-outs are told apart no finer
constexpr Duration kPause = std::chrono::milliseconds(100);  // between two looks, whatever happens meanwhile
constexpr std::size_t kReasonBytesMax = 4096;                // as the table says

constexpr const char* kNoReports = "for edges to report";

RolloutProgress progress_of(const Object& rollout) {
  return rollout_of(rollout).progress.value_or(RolloutProgress{});
}

config::RolloutStatus as_status(const RolloutProgress& progress) {
  return {.phase = progress.phase,
          .wave = progress.wave,
          .waves = progress.waves,
          .since = progress.since,
          .edges = {},
          .reason = progress.reason};
}

// As a table takes a text: what edges say of refusals is theirs.
std::string one_line(std::string text) {
  if (text.size() > kReasonBytesMax) {
    text.resize(kReasonBytesMax);
    while (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80) text.pop_back();
  }
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

// That have it, of all that are there or had it.
std::string edges_text(const std::vector<EdgeView>& edges) {
  const auto have = std::ranges::count_if(edges, &EdgeView::has_it);
  const auto all =
      std::ranges::count_if(edges, [](const EdgeView& one) { return one.has_it || one.attached; });
  return std::to_string(have) + '/' + std::to_string(all);
}

// As it is written at the end.
ObjectPointer written(const config::ObjectChange& change, net::Env& env) {
  if (!change.after) return nullptr;
  auto after = std::make_shared<Object>(*change.after);
  if (!change.before) {
    config::Metadata metadata = mirror::new_metadata(after->metadata.name, env);
    metadata.organization = std::move(after->metadata.organization);
    metadata.labels = std::move(after->metadata.labels);
    metadata.annotations = std::move(after->metadata.annotations);
    after->metadata = std::move(metadata);
  }
  after->metadata.updated_at = env.loop.clock().wall_now();
  return after;
}

}  // namespace

std::vector<std::string> rollouts_reaching(const config::Whole& objects, std::string_view edge,
                                           const config::Labels& labels) {
  std::vector<std::string> names;
  for (const ObjectPointer& rollout : objects.of(config::Kind::kRollout)) {
    const auto& progress = rollout_of(*rollout).progress;
    if (!progress || progress->phase != RolloutPhase::kRunning) continue;
    if (is_reached(progress->waves, progress->wave, rollout->metadata.uid, edge, labels)) {
      names.push_back(rollout->metadata.name);
    }
  }
  return names;
}

Rollouts::Rollouts(net::Env& env, store::Store& store, mirror::Mirror& mirror, Fleet& fleet)
    : env_(env),
      store_(store),
      mirror_(mirror),
      fleet_(fleet),
      overlays_(mirror.objects()),
      tasks_(env.loop) {
  fleet_.on_change([this](const std::string&) { wake_.set(); });
}

void Rollouts::start() {
  tasks_.spawn(mirror::wake_by_store(env_.loop, store_, mirror_, wake_, kTick, kPause));
  tasks_.spawn(run());
}

net::Task<void> Rollouts::stop() { co_await tasks_.stop(); }

net::Task<void> Rollouts::run() {
  for (;;) {
    wake_.reset();
    const auto read = co_await mirror_.catch_up();
    if (!read && read.error().code == Code::kCancelled) co_return;
    std::vector<std::string> under_way;
    for (const ObjectPointer& rollout : mirror_.objects().of(config::Kind::kRollout)) {
      if (!mirror::has_ended(rollout_of(*rollout))) under_way.push_back(rollout->metadata.name);
    }
    std::erase_if(followed_, [&under_way](const auto& entry) {
      return std::ranges::find(under_way, entry.first) == under_way.end();
    });
    for (std::string& name : under_way) {
      // Another one leads by now: what this one knew is no longer the present.
      if (!read || !store_.leads()) {
        followed_.clear();
        break;
      }
      co_await go_on(std::move(name));
      if ((co_await net::current_context()).cancelled()) co_return;
    }
    if (!co_await env_.loop.sleep(kPause) || !co_await wake_.wait(env_.loop)) co_return;
  }
}

net::Task<void> Rollouts::go_on(std::string name) {
  const ObjectPointer rollout = mirror_.objects().find(config::Kind::kRollout, name);
  if (!rollout || mirror::has_ended(rollout_of(*rollout))) co_return;
  if (mirror::is_under_way(rollout_of(*rollout))) co_return co_await look_at(rollout);
  co_await begin(rollout);
}

net::Task<void> Rollouts::begin(ObjectPointer rollout) {
  const config::RolloutSpec& spec = rollout_of(*rollout);
  Followed& followed = this->followed(*rollout);
  followed.reason = spec.paused ? "it is paused" : fleet_.settled() ? std::string() : kNoReports;
  if (!followed.reason.empty()) co_return;
  const auto changes = overlays_.of(*rollout);
  if (!changes) co_return co_await end(rollout, RolloutPhase::kRefused, changes.error());
  if (changes->empty()) co_return co_await end(rollout, RolloutPhase::kDone, "nothing was to be changed");
  if (!fits_with_others(*rollout)) {
    followed.reason = "for another rollout, which it does not fit with, to end";
    co_return;
  }
  const std::vector<EdgeView> edges = views(followed, *rollout);
  RolloutProgress progress{.phase = RolloutPhase::kRunning,
                           .wave = 1,
                           .waves = waves_of(spec, edges),
                           .since = env_.loop.clock().wall_now(),
                           .bases = overlays_.bases(*rollout),
                           .reason = {}};
  progress.waves.front().first = first_of(progress.waves.front(), rollout->metadata.uid, edges);
  store::Transaction transaction;
  for (const config::RolloutBase& base : progress.bases) transaction.check(base.object, base.revision);
  co_await commit(std::move(transaction), rollout, std::move(progress), "begin", 0);
}

net::Task<void> Rollouts::look_at(ObjectPointer rollout) {
  const config::RolloutSpec& spec = rollout_of(*rollout);
  Followed& followed = this->followed(*rollout);
  const auto changes = overlays_.of(*rollout);
  if (!changes) co_return co_await end(rollout, RolloutPhase::kWithdrawn, changes.error());
  if (!fits_with_others(*rollout)) {
    co_return co_await end(rollout, RolloutPhase::kWithdrawn, "it does not fit with another rollout");
  }
  const std::vector<EdgeView> edges = views(followed, *rollout);
  followed.edges = edges_text(edges);
  const Instant now = env_.loop.now();
  const config::RolloutStatus status = as_status(*spec.progress);
  const std::string& salt = rollout->metadata.uid;
  const bool all_have = all_have_it(status, salt, edges);
  if (std::string why = why_stuck(*rollout, edges); !why.empty()) {
    followed.reason = std::move(why);
    followed.lacking_since = now;
    co_return;
  }
  if (all_have) followed.lacking_since = now;
  if (all_have && !followed.had_by) followed.had_by = now;
  const auto baked = all_have ? std::optional(now - *followed.had_by) : std::nullopt;
  const Judgement judgement = judge(spec, status, salt, edges, now - followed.lacking_since, baked);
  followed.reason = judgement.reason;
  switch (judgement.step) {
    case Judgement::Step::kWait: co_return;
    case Judgement::Step::kWithdraw:
      co_return co_await end(rollout, RolloutPhase::kWithdrawn, judgement.reason);
    case Judgement::Step::kNextWave: break;
  }
  if (spec.progress->wave >= spec.progress->waves.size()) co_return co_await finish(rollout);
  co_await next_wave(rollout, first_of(spec.progress->waves[spec.progress->wave], salt, edges));
}

// Why nothing can be said of the present wave; empty: something can. That nobody of it is there says neither
// that the change is good nor that it is bad.
std::string Rollouts::why_stuck(const Object& rollout, const std::vector<EdgeView>& edges) const {
  if (!fleet_.settled()) return kNoReports;
  const RolloutProgress progress = progress_of(rollout);
  const auto reached = [&](const EdgeView& edge, std::uint32_t begun) {
    return is_reached(progress.waves, begun, rollout.metadata.uid, edge.name, edge.labels);
  };
  bool any = false;
  for (const EdgeView& edge : edges) {
    if (!reached(edge, progress.wave) || reached(edge, progress.wave - 1)) continue;
    if (edge.attached || edge.has_it) return {};
    any = true;
  }
  return any ? "no edge of the wave reports" : std::string();
}

// A rollout that has begun earlier, by name, is not to be disturbed by a later one.
bool Rollouts::fits_with_others(const Object& rollout) {
  std::vector<std::string> names;
  for (const ObjectPointer& other : mirror_.objects().of(config::Kind::kRollout)) {
    if (mirror::is_under_way(rollout_of(*other))) names.push_back(other->metadata.name);
  }
  if (mirror::is_under_way(rollout_of(rollout))) {
    return overlays_.together(names).rollouts.contains(rollout.metadata.name);
  }
  return overlays_.check(rollout, {}).empty();
}

net::Task<void> Rollouts::next_wave(ObjectPointer rollout, std::string first) {
  RolloutProgress progress = progress_of(*rollout);
  progress.waves[progress.wave++].first = std::move(first);
  progress.since = env_.loop.clock().wall_now();
  co_await commit({}, rollout, std::move(progress), "begin", 0);
}

net::Task<void> Rollouts::finish(ObjectPointer rollout) {
  const store::Revision made_from = mirror_.revision();
  auto changes = overlays_.of(*rollout);
  if (!changes) co_return;  // the next look says so
  for (config::ObjectChange& change : *changes) change.after = written(change, env_);
  store::Transaction transaction;
  mirror::expect_unchanged(transaction, *changes, made_from);
  mirror::put_changes(transaction, *changes,
                      {.name = "rollout/" + rollout->metadata.name, .remote_address = {}},
                      env_.loop.clock().wall_now(), made_from);
  RolloutProgress progress = progress_of(*rollout);
  progress.phase = RolloutPhase::kDone;
  progress.since = env_.loop.clock().wall_now();
  progress.reason.clear();
  co_await commit(std::move(transaction), rollout, std::move(progress), "finish", changes->size());
}

net::Task<void> Rollouts::end(ObjectPointer rollout, RolloutPhase phase, std::string reason) {
  RolloutProgress progress = progress_of(*rollout);
  progress.phase = phase;
  progress.since = env_.loop.clock().wall_now();
  progress.reason = one_line(std::move(reason));
  const std::string_view verb = phase == RolloutPhase::kDone        ? "finish"
                                : phase == RolloutPhase::kWithdrawn ? "withdraw"
                                                                    : "refuse";
  co_await commit({}, rollout, std::move(progress), verb, 0);
}

// When it is not done, the next look finds out why, or tries again. events: that are in the transaction
// already.
net::Task<void> Rollouts::commit(store::Transaction transaction, ObjectPointer rollout,
                                 RolloutProgress progress, std::string_view verb, std::size_t events) {
  const WallTime now = env_.loop.clock().wall_now();
  const std::string& name = rollout->metadata.name;
  auto after = std::make_shared<Object>(*rollout);
  after->metadata.updated_at = now;
  std::string reason = progress.phase == RolloutPhase::kDone ? std::string() : progress.reason;
  const std::string wave = std::to_string(progress.wave);
  std::get<config::RolloutSpec>(after->spec).progress = std::move(progress);
  transaction.put(mirror::key_of(config::Kind::kRollout, name), mirror::encode(*after),
                  rollout->metadata.revision);
  mirror::put_event(transaction,
                    {.time = now,
                     .actor = "rollout/" + name,
                     .verb = std::string(verb),
                     .kind = "Rollout",
                     .name = name,
                     .remote_address = {},
                     .reason = reason,
                     .before = mirror::audited(rollout),
                     .after = mirror::audited(after)},
                    mirror::unique_by_revision(mirror_.revision(), events));
  const auto committed = co_await store_.commit(std::move(transaction));
  if (committed) {
    env_.log.info("a rollout goes on",
                  {{"name", name}, {"verb", std::string(verb)}, {"wave", wave}, {"reason", reason}});
    wake_.set();
    co_return;
  }
  const Error& error = committed.error().error;
  switch (error.code) {
    case Code::kConflict:
    case Code::kExists:
    case Code::kNotFound:
    case Code::kCancelled: co_return;
    default: break;
  }
  env_.log.warning("a rollout can't go on", {{"name", name}, {"reason", error.text}});
}

Rollouts::Followed& Rollouts::followed(const Object& rollout) {
  Followed& known = followed_[rollout.metadata.name];
  const std::uint32_t wave = progress_of(rollout).wave;
  if (known.uid == rollout.metadata.uid && known.wave == wave) return known;
  if (known.uid != rollout.metadata.uid) known = {.uid = rollout.metadata.uid, .reason = {}, .edges = {}};
  enter_wave(known, rollout, wave, rollout.metadata.revision);
  return known;
}

// From here on it is the edges' doing since now that counts.
void Rollouts::enter_wave(Followed& followed, const Object& rollout, std::uint32_t wave,
                          store::Revision needs) {
  const Instant now = env_.loop.now();
  followed.wave = wave;
  followed.needs = needs;
  followed.lacking_since = now;
  followed.had_by.reset();
  const std::vector<std::string> keys = overlays_.keys(rollout);
  for (const std::string& name : edge_names()) {
    Mark& mark = followed.marks[name];
    mark.at = now;
    const Fleet::Edge* edge = fleet_.find(name);
    if (edge != nullptr) mark.total = edge->load.total();
    if (mark.has_had) continue;
    mark.needs = needs;
    mark.refused.clear();
    for (const std::string& key : keys) {
      if (edge == nullptr) break;
      if (const auto found = edge->refused.find(key); found != edge->refused.end())
        mark.refused.insert(*found);
    }
  }
}

// Those that report, and those that are registered.
std::vector<std::string> Rollouts::edge_names() const {
  std::set<std::string> names;
  for (const auto& [name, edge] : fleet_.edges()) names.insert(name);
  for (const ObjectPointer& object : mirror_.objects().of(config::Kind::kEdge)) {
    if (!std::get<config::EdgeSpec>(object->spec).revoked) names.insert(object->metadata.name);
  }
  return {names.begin(), names.end()};
}

std::vector<EdgeView> Rollouts::views(Followed& followed, const Object& rollout) {
  const RolloutProgress progress = progress_of(rollout);
  const Instant now = env_.loop.now();
  const std::vector<std::string> keys = overlays_.keys(rollout);
  std::vector<EdgeView> edges;
  for (const std::string& name : edge_names()) {
    const auto [place, is_new] = followed.marks.try_emplace(name);
    Mark& mark = place->second;
    const Fleet::Edge* edge = fleet_.find(name);
    if (is_new) {
      mark.needs = followed.needs;
      mark.at = now;
      if (edge != nullptr) mark.total = edge->load.total();
    }
    EdgeView seen = view(name, mark, keys);
    if (!is_reached(progress.waves, progress.wave, rollout.metadata.uid, name, seen.labels)) {
      seen.has_it = false;
    } else if (seen.has_it && !std::exchange(mark.has_had, true)) {
      mark.at = now;
      mark.total = edge->load.total();
      mark.before = edge->load.recent(now);
      seen = view(name, mark, keys);
    }
    edges.push_back(std::move(seen));
  }
  return edges;
}

EdgeView Rollouts::view(const std::string& name, const Mark& mark,
                        const std::vector<std::string>& keys) const {
  EdgeView view{
      .name = name, .labels = fleet_.labels_of(name), .refusal = {}, .before = mark.before, .since = {}};
  const Fleet::Edge* edge = fleet_.find(name);
  view.attached = edge != nullptr && fleet_.is_present(*edge);
  view.has_it = view.attached ? edge->applied_revision >= mark.needs : mark.has_had;
  if (edge == nullptr) return view;
  view.counts_requests = edge->counts_requests;
  for (const std::string& key : keys) {
    const auto refused = edge->refused.find(key);
    if (refused == edge->refused.end()) continue;
    const auto known = mark.refused.find(key);
    const bool is_old = known != mark.refused.end() && known->second == refused->second;
    if (!is_old || view.has_it) view.refusal = key + ": " + refused->second;
  }
  view.endpoints_seen = edge->endpoints.healthy + edge->endpoints.unhealthy;
  view.endpoints_unhealthy = edge->endpoints.unhealthy;
  const Instant now = env_.loop.now();
  view.since =
      now - mark.at > LoadWindow::kSpan ? edge->load.recent(now) : edge->load.total().minus(mark.total);
  return view;
}

config::RolloutStatus Rollouts::status_of(const Object& rollout) const {
  config::RolloutStatus status = as_status(progress_of(rollout));
  if (mirror::has_ended(rollout_of(rollout))) return status;
  const auto known = followed_.find(rollout.metadata.name);
  if (known != followed_.end() && known->second.uid == rollout.metadata.uid) {
    status.edges = known->second.edges;
    status.reason = known->second.reason;
    return status;
  }
  std::vector<EdgeView> edges;  // as far as one can tell who does not lead
  for (const auto& [name, edge] : fleet_.edges()) {
    EdgeView& one = edges.emplace_back();
    one.attached = fleet_.is_present(edge);
    one.has_it = one.attached && edge.applied_revision >= rollout.metadata.revision &&
                 is_reached(status.waves, status.wave, rollout.metadata.uid, name, fleet_.labels_of(name));
  }
  if (status.phase == RolloutPhase::kRunning) status.edges = edges_text(edges);
  return status;
}

}  // namespace weir::controller
