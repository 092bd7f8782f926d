#include "role/own_follower.h"

#include <utility>

#include "config/kinds.h"

namespace weir::role {

edge::EdgeSecrets to_edge(const translation::EdgeSecrets& secrets) {
  edge::EdgeSecrets made{.cookie_key = secrets.cookie_key, .domain = secrets.domain, .issued = {}};
  for (const auto& [host, pair] : secrets.issued) {
    made.issued.emplace(host, tls::PemPair{pair.certificate, pair.private_key});
  }
  return made;
}

Result<translation::EdgeSecrets> OwnFollower::read_secrets(const std::string& path) {
  const auto body = store::KeptFile::read(path, kSecretsBytesMax);
  if (!body) return fail(body.error());
  return translation::read_edge(*body);
}

OwnFollower::OwnFollower(net::Env& env, Traffic& traffic, translation::EdgeSecrets secrets,
                         const std::string& path, std::function<void()> changed)
    : env_(env),
      traffic_(traffic),
      told_(traffic.started_from(), std::move(secrets)),
      secrets_file_(path, env.log),
      changed_(std::move(changed)),
      forgetting_(env.loop) {}

std::vector<xds::Had> OwnFollower::had() const {
  std::vector<xds::Had> had;
  for (std::string& name : told_.names()) had.push_back({xds::Type::kObject, std::move(name)});
  return had;
}

std::map<std::string, std::string> OwnFollower::refused() const {
  auto all = told_.refused();
  for (edge::Edge::Unmet& one : traffic_.edge().unmet()) {
    all.emplace(translation::key_of(config::Kind::kLoadBalancer, one.load_balancer), std::move(one.reason));
  }
  return all;
}

std::optional<std::string> OwnFollower::apply(xds::Type type, const std::vector<xds::Change>& changes) {
  switch (type) {
    case xds::Type::kObject: return apply_objects(changes);
    case xds::Type::kHealth: return apply_verdicts(changes);
    default: return "is of a type that nobody asked for";
  }
}

std::optional<std::string> OwnFollower::apply_objects(const std::vector<xds::Change>& changes) {
  const translation::EdgeSecrets before = told_.secrets();
  auto refusal = told_.apply(changes);
  if (refusal) {
    env_.log.error("what a controller wants is refused: all stays as it was",
                   {{"revision", std::to_string(revision())}, {"reason", *refusal}});
  } else {
    if (told_.secrets() != before) {
      traffic_.edge().set_secrets(to_edge(told_.secrets()));
      secrets_file_.keep([body = translation::edge_resource(told_.secrets())] { return body->body; });
    }
    traffic_.apply(told_.snapshot());
    env_.log.info("a revision is applied", {{"revision", std::to_string(revision())}});
  }
  changed_();
  return refusal;
}

std::optional<std::string> OwnFollower::apply_verdicts(const std::vector<xds::Change>& changes) {
  std::map<std::string, std::set<std::string>> verdicts;
  for (const xds::Change& change : changes) {
    auto unhealthy =
        change.resource ? translation::read_health(change.resource->body) : Result<std::set<std::string>>();
    if (!unhealthy) return change.name + ": " + unhealthy.error().text;
    verdicts.insert_or_assign(change.name, std::move(*unhealthy));
  }
  for (auto& [service, unhealthy] : verdicts) traffic_.edge().set_verdict(service, std::move(unhealthy));
  return std::nullopt;
}

void OwnFollower::attached(std::optional<std::size_t> controller) {
  const bool was_attached = std::exchange(controller_, controller).has_value();
  if (controller) {
    traffic_.edge().heed_verdicts(true);
  } else if (was_attached) {
    env_.log.warning("no controller speaks to this edge: traffic goes on as it is");
    forgetting_.spawn(forget_verdicts(++lapses_));
  }
}

// Unless a controller came back meanwhile, for however long.
net::Task<void> OwnFollower::forget_verdicts(std::uint64_t lapse) {
  if (!co_await env_.loop.sleep(kVerdictsOutlast) || controller_ || lapse != lapses_) co_return;
  traffic_.edge().heed_verdicts(false);
}

net::Task<void> OwnFollower::stop() { co_await forgetting_.stop(); }

}  // namespace weir::role
