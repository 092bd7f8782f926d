#include "sim/edge_node.h"

#include <utility>

#include "base/check.h"
#include "h2/server_connection.h"
#include "role/said.h"
#include "xds/limits.h"

namespace weir::sim {
namespace {

// As the history writes them.
Event::Held held_in(const config::Snapshot& snapshot) {
  Event::Held held;
  for (const auto& service : snapshot.services) {
    std::string& text = held["services/" + service->name];
    for (const config::Endpoint& endpoint : service->endpoints)
      text += (text.empty() ? "" : " ") + endpoint.key;
  }
  for (const auto& balancer : snapshot.load_balancers) {
    std::string& text = held["loadbalancers/" + balancer->name];
    text = balancer->spec.routes.at(0).backends.at(0).service;
    for (const auto& [label, value] : balancer->spec.edges.match) text += " @" + value;
  }
  return held;
}

}  // namespace

std::vector<grpc::Dialler::Target> targets_of(const std::vector<std::string>& controllers) {
  std::vector<grpc::Dialler::Target> targets;
  for (const std::string& controller : controllers) {
    targets.push_back({.host = controller,
                       .port = kDiscoveryPort,
                       .tls = nullptr,
                       .server_name = {},
                       .timeout = xds::kAttachTimeout});
  }
  return targets;
}

EdgeNode::EdgeNode(net::Env& env, Options options, Applied applied)
    : env_(env),
      options_(std::move(options)),
      applied_(std::move(applied)),
      traffic_(env, workers_,
               {.edge = {.http = *net::Address::parse_ip(options_.ip, kHttpPort),
                         .server = {.h2 = h2::make_connection},
                         .zone = options_.region},
                .https = {},
                .snapshot_path = options_.directory + "/snapshot.json"}),
      tasks_(env.loop) {}

EdgeNode::~EdgeNode() = default;

void EdgeNode::start() {
  WEIR_CHECK(traffic_.prepare().has_value());
  const std::string path = options_.directory + "/edge.secrets";
  auto secrets = role::OwnFollower::read_secrets(path);
  if (secrets) traffic_.edge().set_secrets(role::to_edge(*secrets));
  follower_ = std::make_unique<role::OwnFollower>(
      env_, traffic_, secrets.value_or(translation::EdgeSecrets{}), path, [this] { changed(); });
  for (const std::string& controller : options_.controllers) {
    lines_.push_back(std::make_unique<ReportLine>(
        env_, controller, report::Hello{.node = options_.name, .region = options_.region},
        [this, carried = edge::Carried{}]() mutable {
          return role::load_since(traffic_.edge().carried(), carried);
        }));
  }
  traffic_.edge().on_finding([this](const edge::Finding& finding) {
    for (const auto& line : lines_) line->reporter.see(role::seen_of(finding));
  });
  WEIR_CHECK(traffic_.listen().has_value());
  if (traffic_.started_from()) changed();
  client_ = std::make_unique<xds::Client>(
      env_, *follower_,
      xds::Client::Options{.node = {options_.name, {}, "weir 1"},
                           .controllers = targets_of(options_.controllers),
                           .wanted = {{xds::Type::kObject, {"*"}}, {xds::Type::kHealth, {"*"}}},
                           .had = follower_->had()});
  tasks_.spawn(client_->run());
  for (const auto& line : lines_) tasks_.spawn(line->reporter.run());
}

void EdgeNode::changed() {
  for (const auto& line : lines_) line->reporter.applied(follower_->revision());
  applied_(follower_->revision(), held_in(*follower_->snapshot()));
}

std::string EdgeNode::trouble() const { return client_ ? client_->trouble() : "not started"; }

net::Task<void> EdgeNode::stop() {
  co_await tasks_.stop();
  for (const auto& line : lines_) co_await line->channel.close();
  if (follower_) co_await follower_->stop();
  traffic_.edge().cut();
  co_await traffic_.edge().drain();
}

}  // namespace weir::sim
