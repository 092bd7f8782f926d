#include "controller/publisher.h"

#include <utility>
#include <vector>

namespace weir::controller {
namespace {

using config::Kind;

constexpr Duration kWaitTimeout = std::chrono::minutes(1);
constexpr Duration kRetryAfterError = std::chrono::seconds(1);

constexpr KindSet kCarriedByEdges = bit_of(Kind::kLoadBalancer) | bit_of(Kind::kService) |
                                    bit_of(Kind::kEndpoint) | bit_of(Kind::kCertificate) |
                                    bit_of(Kind::kSecret);
// An Edge's labels decide which load balancers it carries.
constexpr KindSet kMakesSnapshot = kCarriedByEdges | bit_of(Kind::kEdge);

// What config reads and auth enforces are two rooms' words.
auth::Role role_of(config::Role role) {
  switch (role) {
    case config::Role::kAdmin: return auth::Role::kAdmin;
    case config::Role::kJoin: return auth::Role::kJoin;
    case config::Role::kViewer: break;
  }
  return auth::Role::kViewer;
}

}  // namespace

Publisher::Publisher(net::Env& env, store::Store& store, auth::TokenTable& tokens, PublisherOptions options,
                     PublisherSinks sinks)
    : env_(env),
      store_(store),
      tokens_(tokens),
      options_(std::move(options)),
      sinks_(std::move(sinks)),
      last_(options_.started_from),
      mirror_(store, env.log,
              {Kind::kLoadBalancer, Kind::kService, Kind::kEndpoint, Kind::kCertificate, Kind::kSecret,
               Kind::kEdge, Kind::kToken}) {}

net::Task<void> Publisher::run() {
  for (;;) {
    const auto changed = co_await mirror_.catch_up();
    if (!changed) {
      if (changed.error().code == Code::kCancelled) co_return;
      env_.log.warning("the publisher can't read the store", {{"reason", changed.error().text}});
      if (!co_await env_.loop.sleep(kRetryAfterError)) co_return;
      continue;
    }
    if ((*changed & bit_of(Kind::kToken)) != 0) refresh_tokens();
    if ((*changed & kMakesSnapshot) != 0) publish();
    sinks_.settled(mirror_.revision());
    const auto moved = co_await store_.wait_past(mirror_.revision(), kWaitTimeout);
    if (moved || moved.error().code == Code::kTimedOut) continue;
    if (moved.error().code == Code::kCancelled || !co_await env_.loop.sleep(kRetryAfterError)) co_return;
  }
}

void Publisher::publish() {
  const config::Object* edge = mirror_.find(Kind::kEdge, options_.edge_name);
  const config::Labels labels =
      config::selectable_labels(edge == nullptr ? config::Labels{} : edge->metadata.labels, options_.edge);
  ++builds_;
  std::vector<config::ObjectPointer> objects = mirror_.objects();
  std::vector<const config::Object*> views;
  views.reserve(objects.size());
  for (const config::ObjectPointer& object : objects) views.push_back(object.get());
  auto snapshot = config::build_snapshot(mirror_.revision(), views, &labels, last_.get());
  if (!snapshot) {
    ++failures_;
    env_.log.error("the last snapshot stays: the objects do not fit together",
                   {{"revision", std::to_string(mirror_.revision())},
                    {"violations", config::to_text(snapshot.error())}});
    return;
  }
  published_ = mirror_.revision();
  last_ = *snapshot;
  sinks_.snapshot(std::move(*snapshot));
  if (!sinks_.parts) return;
  std::erase_if(
      objects, [&labels](const config::ObjectPointer& object) { return !config::is_part(*object, &labels); });
  sinks_.parts(published_, std::move(objects));
}

void Publisher::refresh_tokens() {
  std::vector<auth::TokenRecord> records;
  for (const config::ObjectPointer& object : mirror_.objects()) {
    const auto* spec = std::get_if<config::TokenSpec>(&object->spec);
    if (spec == nullptr) continue;
    const auto hash = auth::TokenHash::parse(spec->hash);
    if (!hash) {
      env_.log.error("a token is passed over: its hash is not one", {{"name", object->metadata.name}});
      continue;
    }
    records.push_back({.name = object->metadata.name,
                       .hash = *hash,
                       .role = role_of(spec->role),
                       .expires_at = spec->expires_at});
  }
  tokens_.replace(records);
}

std::string Publisher::applied(const config::Object& object) const {
  if ((bit_of(object.kind()) & kCarriedByEdges) == 0) return {};
  return object.metadata.revision <= published_ ? "1/1" : "0/1";
}

}  // namespace weir::controller
