#include "controller/fleet.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "config/snapshot.h"
#include "controller/views.h"

namespace weir::controller {
namespace {

constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kWaitTimeout = std::chrono::minutes(1);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);

Vote vote_of(report::EndpointState state) {
  switch (state) {
    case report::EndpointState::kHealthy: return Vote::kHealthy;
    case report::EndpointState::kUnhealthy: return Vote::kUnhealthy;
    case report::EndpointState::kUnknown:
    case report::EndpointState::kGone: break;
  }
  return Vote::kUnknown;
}

std::uint32_t quorum_percent(const config::ObjectPointer& service) {
  const auto* spec = service ? std::get_if<config::ServiceSpec>(&service->spec) : nullptr;
  return spec != nullptr && spec->health_check ? spec->health_check->quorum_percent : Quorum::kPercent;
}

// False: it answers DNS, and nothing else.
bool carries_traffic(const report::Hello& hello) {
  const auto can = [&](std::string_view what) {
    return std::ranges::find(hello.capabilities, what) != hello.capabilities.end();
  };
  return !can("dns") || can("http");
}

}  // namespace

Fleet::Fleet(net::Env& env, store::Store& store, mirror::Mirror& mirror)
    : env_(env),
      store_(store),
      mirror_(mirror),
      follower_(mirror, [this](const std::vector<config::ObjectChange>& changes) { take(changes); }),
      tasks_(env.loop) {
  quorum_.hold();
}

void Fleet::start() {
  tasks_.spawn(follow());
  tasks_.spawn(tick());
}

net::Task<void> Fleet::stop() { co_await tasks_.stop(); }

report::ReportServer::Sink Fleet::sink() {
  using Edge = report::ReportServer::Edge;
  return {.attached = [this](const Edge& edge) { attach(edge.hello); },
          .reported = [this](const Edge& edge, const report::Report& said) { report(edge.name, said); },
          .detached = [this](const Edge& edge) { detach(edge.name); }};
}

void Fleet::attach(report::Hello hello) {
  if (!edges_.contains(hello.node) && edges_.size() >= kFleetEdgesMax) {
    return refuse_more(hello.node, "there are too many edges");
  }
  if (attached_ == 0 && votes_ == 0) {  // the first to come says nothing about the others
    quorum_.hold();
    held_since_ = env_.loop.now();
  }
  const auto place = edges_.try_emplace(hello.node).first;
  Edge& edge = place->second;
  if (!std::exchange(edge.attached, true)) ++attached_;
  ++edge.stream_;
  edge.ended_ = env_.loop.now();
  edge.since = env_.loop.clock().wall_now();
  edge.refused.clear();  // it says them again
  edge.anycast.clear();
  edge.counts_requests = false;
  edge.counted_at.reset();
  edge.hello = std::move(hello);
  if (carries_traffic(edge.hello)) rates_.come(place->first, env_.loop.now());
  tell(place->first);
}

void Fleet::detach(std::string_view name) {
  const auto found = edges_.find(name);
  if (found == edges_.end() || !std::exchange(found->second.attached, false)) return;
  --attached_;
  Edge& edge = found->second;
  rates_.go(found->first, env_.loop.now());
  edge.ended_ = env_.loop.now();
  edge.since = env_.loop.clock().wall_now();
  edge.connections = 0;
  edge.refused.clear();
  edge.anycast.clear();
  tell(found->first);
}

void Fleet::report(std::string_view name, const report::Report& said) {
  const auto found = edges_.find(name);
  if (found == edges_.end() || !found->second.attached) return;
  Edge& edge = found->second;
  for (const report::EndpointSeen& one : said.endpoints) take_endpoint(found->first, edge, one);
  quorum_.tell(env_.loop.clock().wall_now());
  if (tunnel_told_) {
    for (const report::TunnelSeen& one : said.tunnels) tunnel_told_(found->first, one);
  }
  if (intervals_told_ && !said.intervals.empty()) intervals_told_(found->first, said.intervals);
  const std::uint64_t applied = edge.applied_revision;
  if (said.load) {
    take_load(edge, *said.load);
    rates_.say(found->first, *said.load, env_.loop.now());
  }
  if (said.refused) {
    edge.refused.clear();
    for (const report::RefusedObject& one : *said.refused) edge.refused[one.object] = one.reason;
  }
  if (said.anycast) edge.anycast = *said.anycast;
  if (edge.applied_revision != applied || said.refused) tell(found->first);
}

void Fleet::refuse(std::string_view name, const std::string& object, std::string_view reason) {
  const auto found = edges_.find(name);
  if (found == edges_.end() || !found->second.attached) return;
  auto& refused = found->second.refused;
  if (reason.empty()) {
    if (refused.erase(object) > 0) tell(found->first);
    return;
  }
  refused[object] = reason;
  tell(found->first);
}

void Fleet::take_endpoint(const std::string& name, Edge& edge, const report::EndpointSeen& seen) {
  const auto id = quorum_.find(seen.service, seen.endpoint);
  auto known = id ? edge.votes_.find(*id) : edge.votes_.end();
  if (seen.state == report::EndpointState::kGone) {
    if (known != edge.votes_.end()) withdraw(edge, known);
    return;
  }
  if (known == edge.votes_.end()) {
    if (votes_ >= kVotesMax || edge.votes_.size() >= kVotesOfEdgeMax) {
      return refuse_more(name, "there are too many endpoints");
    }
    known = edge.votes_.try_emplace(quorum_.enter(seen.service, seen.endpoint)).first;
    ++edge.endpoints.unknown;
    ++votes_;
  }
  const Vote now = vote_of(seen.state);
  const Vote before = std::exchange(known->second, {now, edge.stream_}).vote;
  --edge.endpoints.of(before);
  ++edge.endpoints.of(now);
  quorum_.move(known->first, before, now, seen.reason);
}

void Fleet::withdraw(Edge& edge, Edge::VotesById::iterator vote) {
  --edge.endpoints.of(vote->second.vote);
  --votes_;
  quorum_.withdraw(vote->first, vote->second.vote);
  edge.votes_.erase(vote);
}

void Fleet::take_load(Edge& edge, const report::Load& load) {
  Carried carried{.requests = load.requests, .errors_5xx = load.errors_5xx};
  for (std::size_t i = 0; i < load.latency_counts.size(); ++i) {
    carried.durations[std::min(i, carried.durations.size() - 1)] += load.latency_counts[i];
  }
  carried.seconds = std::chrono::duration<double>(load.span).count();
  edge.load.add(carried, env_.loop.now());
  if (load.span > Duration::zero()) {
    edge.counts_requests = true;
    edge.counted_at = env_.loop.now();
  }
  edge.connections = load.connections;
  if (std::exchange(edge.applied_revision, load.applied_revision) == load.applied_revision) return;
  edge.applied_at = env_.loop.clock().wall_now();
}

void Fleet::tell(const std::string& edge) {
  for (const auto& told : told_) told(edge);
}

void Fleet::refuse_more(std::string_view edge, std::string_view what) {
  if (!log_limit_.take(env_.loop.now())) return;
  env_.log.warning("what an edge reports is passed over",
                   {{"edge", std::string(edge)}, {"reason", std::string(what)}});
}

net::Task<void> Fleet::follow() {
  for (;;) {
    const auto changed = co_await follower_.catch_up();
    if (changed) {
      if (!changed->empty()) take(*changed);  // that were there before it followed
      const auto moved = co_await store_.wait_past(mirror_.revision(), kWaitTimeout);
      if (moved || moved.error().code == Code::kTimedOut) continue;
      if (moved.error().code == Code::kCancelled) co_return;
    } else if (changed.error().code == Code::kCancelled) {
      co_return;
    }
    if (!co_await env_.loop.sleep(kRetryAfterError)) co_return;
  }
}

void Fleet::take(std::span<const config::ObjectChange> changes) {
  for (const config::ObjectChange& change : changes) {
    if (change.kind() != config::Kind::kService) continue;
    quorum_.set_percent(change.name(), quorum_percent(change.after));
  }
  quorum_.tell(env_.loop.clock().wall_now());
}

net::Task<void> Fleet::tick() {
  while (co_await env_.loop.sleep(kTick)) look();
}

// What time alone changes.
void Fleet::look() {
  const Instant now = env_.loop.now();
  rates_.tidy(now);
  for (auto place = edges_.begin(); place != edges_.end();) {
    Edge& edge = place->second;
    if (edge.ended_ && now - *edge.ended_ >= kVoteGrace) {
      edge.ended_.reset();
      drop_stale(edge);
    }
    const bool is_kept =
        edge.attached || edge.ended_ || mirror_.objects().find(config::Kind::kEdge, place->first);
    place = is_kept ? std::next(place) : edges_.erase(place);
  }
  if (held_since_ && now - *held_since_ >= kVoteGrace) {
    held_since_.reset();
    quorum_.release();
  }
  quorum_.tell(env_.loop.clock().wall_now());
}

// What was said on an earlier stream and not again.
void Fleet::drop_stale(Edge& edge) {
  for (auto vote = edge.votes_.begin(); vote != edge.votes_.end();) {
    const auto next = std::next(vote);
    if (!edge.attached || vote->second.stream != edge.stream_) withdraw(edge, vote);
    vote = next;
  }
}

const Fleet::Edge* Fleet::find(std::string_view name) const {
  const auto found = edges_.find(name);
  return found == edges_.end() ? nullptr : &found->second;
}

bool Fleet::is_present(const Edge& edge) const {
  return edge.attached || (edge.ended_ && env_.loop.now() - *edge.ended_ < kVoteGrace);
}

config::Labels Fleet::labels_of(std::string_view name) const {
  const Edge* edge = find(name);
  const report::Hello unknown;
  const report::Hello& hello = edge == nullptr ? unknown : edge->hello;
  config::Labels labels;
  if (const auto object = mirror_.objects().find(config::Kind::kEdge, name)) {
    labels = config::selectable_labels(object->metadata.labels, std::get<config::EdgeSpec>(object->spec));
  } else {
    labels = config::selectable_labels(
        {hello.labels.begin(), hello.labels.end()},
        config::EdgeSpec{.provider = hello.provider, .region = hello.region, .city = hello.city});
  }
  if (!carries_traffic(hello)) labels[kNoTrafficKey];
  return labels;
}

}  // namespace weir::controller
