#include "controller/publisher.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

namespace weir::controller {
namespace {

using config::Kind;

constexpr Duration kWaitTimeout = std::chrono::minutes(1);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);

// What config reads and auth enforces are two rooms' words.
auth::Role role_of(config::Role role) {
  switch (role) {
    case config::Role::kAdmin: return auth::Role::kAdmin;
    case config::Role::kJoin: return auth::Role::kJoin;
    case config::Role::kTunnel: return auth::Role::kTunnel;
    case config::Role::kMember: return auth::Role::kMember;
    case config::Role::kViewer: break;
  }
  return auth::Role::kViewer;
}

}  // namespace

Publisher::Publisher(net::Env& env, store::Store& store, mirror::Mirror& mirror, auth::TokenTable& tokens,
                     PublisherOptions options, PublisherSinks sinks)
    : env_(env),
      store_(store),
      tokens_(tokens),
      options_(std::move(options)),
      sinks_(std::move(sinks)),
      last_(options_.started_from),
      mirror_(mirror) {}

net::Task<void> Publisher::run() {
  mirror::Follower follower(mirror_,
                            [this](std::vector<config::ObjectChange> changes) { take(std::move(changes)); });
  for (;;) {
    auto changed = co_await follower.catch_up();
    if (!changed) {
      if (changed.error().code == Code::kCancelled) co_return;
      env_.log.warning("the publisher can't read the store", {{"reason", changed.error().text}});
      if (!co_await env_.loop.sleep(kRetryAfterError)) co_return;
      continue;
    }
    if (!has_read_) take(std::move(*changed));  // the mirror was at the present before
    const auto moved = co_await store_.wait_past(mirror_.revision(), kWaitTimeout);
    if (moved || moved.error().code == Code::kTimedOut) continue;
    if (moved.error().code == Code::kCancelled || !co_await env_.loop.sleep(kRetryAfterError)) co_return;
  }
}

void Publisher::take(std::vector<config::ObjectChange> changes) {
  if (std::ranges::find(changes, Kind::kToken, &config::ObjectChange::kind) != changes.end())
    refresh_tokens();
  if (sinks_.changed) sinks_.changed(changes, mirror_.revision());
  has_read_ = true;
  if (!options_.edge_name.empty()) publish(std::move(changes));
  sinks_.settled(mirror_.revision());
}

// Of this process's edge, as it is selected by: somebody may have given labels to its object.
config::Labels Publisher::labels() const {
  const auto edge = mirror_.objects().find(Kind::kEdge, options_.edge_name);
  return config::selectable_labels(edge ? edge->metadata.labels : config::Labels{}, options_.edge);
}

void Publisher::publish(std::vector<config::ObjectChange> changes) {
  // A step of a rollout is in force by its revision, also where it changes nothing.
  const bool step = std::ranges::find(changes, Kind::kRollout, &config::ObjectChange::kind) != changes.end();
  std::erase_if(changes, [](const config::ObjectChange& one) { return !config::concerns_snapshots(one); });
  config::Labels now = labels();
  if (labels_ == now && changes.empty() && !step) return;
  const config::Whole& whole =
      options_.objects_for ? options_.objects_for(options_.edge_name, now) : mirror_.objects();
  const bool reached = &whole != &mirror_.objects();
  // Any of the load balancers may have to come or go.
  const bool anew = labels_ != now || reached || reached_;
  std::ranges::move(changes, std::back_inserter(unpublished_));
  ++builds_;
  auto snapshot = anew ? config::build_snapshot(mirror_.revision(), whole, &now, last_.get())
                       : config::next_snapshot(*last_, mirror_.revision(), whole, unpublished_, &now);
  if (!snapshot) {
    ++failures_;
    env_.log.error("the last snapshot stays: the objects do not fit together",
                   {{"revision", std::to_string(mirror_.revision())},
                    {"violations", config::to_text(snapshot.error())}});
    return;
  }
  unpublished_.clear();
  labels_ = std::move(now);
  reached_ = reached;
  published_ = mirror_.revision();
  last_ = *snapshot;
  sinks_.snapshot(std::move(*snapshot));
}

void Publisher::refresh_tokens() {
  std::vector<auth::TokenRecord> records;
  for (const config::ObjectPointer& object : mirror_.objects().of(Kind::kToken)) {
    const auto& spec = std::get<config::TokenSpec>(object->spec);
    const auto hash = auth::TokenHash::parse(spec.hash);
    if (!hash) {
      env_.log.error("a token is passed over: its hash is not one", {{"name", object->metadata.name}});
      continue;
    }
    records.push_back({.name = object->metadata.name,
                       .hash = *hash,
                       .role = role_of(spec.role),
                       .expires_at = spec.expires_at,
                       .services = spec.services});
  }
  tokens_.replace(records);
}

}  // namespace weir::controller
