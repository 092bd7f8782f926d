#include "controller/publisher.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "mirror/accounts.h"

namespace weir::controller {
namespace {

using config::Kind;

constexpr Duration kWaitTimeout = std::chrono::minutes(1);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);

constexpr bool bears_on_tokens(Kind kind) {
  return kind == Kind::kToken || kind == Kind::kUser || kind == Kind::kOrganization;
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
  if (std::ranges::any_of(changes, [](const auto& one) { return bears_on_tokens(one.kind()); })) {
    refresh_tokens();
  }
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
  tokens_.replace(mirror::token_records(mirror_.objects(), [this](const config::Object& token) {
    env_.log.error("a token is passed over: its hash is not one", {{"name", token.metadata.name}});
  }));
}

}  // namespace weir::controller
