#include "sim/edge_node.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "auth/machine.h"
#include "base/check.h"
#include "h2/server_connection.h"
#include "role/said.h"
#include "tls/certificate_request.h"
#include "xds/limits.h"

namespace weir::sim {
namespace {

// As the history writes them.
Event::Held held_in(const config::Snapshot& snapshot) {
  Event::Held held;
  for (const auto& service : snapshot.services) {
    std::string& text = held["services/" + service->name];
    std::set<std::string> tunnels;
    for (const config::Endpoint& endpoint : service->endpoints) {
      for (const config::TunnelEnd& end : endpoint.tunnels)
        tunnels.insert(endpoint.address.host + "@" + end.edge);
      if (endpoint.tunnels.empty()) text += (text.empty() ? "" : " ") + endpoint.key;
    }
    if (!service->owner.empty()) text += (text.empty() ? "of " : " of ") + service->owner;
    for (const std::string& one : tunnels) {
      std::string& all = held["tunnels/" + service->name];
      all += (all.empty() ? "" : " ") + one;
    }
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
      tunnels_(env, workers_),
      traffic_(tunnels_.control(), tunnels_.workers(),
               {.edge = {.http = *net::Address::parse_ip(options_.ip, kHttpPort),
                         .server = {.h2 = h2::make_connection},
                         .zone = options_.region,
                         .live = &tunnels_.live()},
                .https = {},
                .snapshot_path = options_.directory + "/snapshot.json"}),
      tasks_(env.loop) {}

EdgeNode::~EdgeNode() = default;

void EdgeNode::start() {
  WEIR_CHECK(traffic_.prepare().has_value());
  if (options_.authority) {
    const auto at = net::Address::parse_ip(options_.ip, kTunnelPort);
    WEIR_CHECK(tunnels_.listen({.ssh = {}, .tunnel = {*at, false}}).has_value());
  }
  const std::string path = options_.directory + "/edge.secrets";
  auto secrets = role::OwnFollower::read_secrets(path);
  if (secrets) traffic_.edge().set_secrets(role::to_edge(*secrets));
  follower_ = std::make_unique<role::OwnFollower>(
      env_, traffic_, secrets.value_or(translation::EdgeSecrets{}), path, [this] { changed(); });
  const report::Hello hello{
      .node = options_.name,
      .region = options_.region,
      .relay = options_.authority ? fmt::format("{}:{}", options_.ip, kTunnelPort) : ""};
  for (const std::string& controller : options_.controllers) {
    lines_.push_back(std::make_unique<ReportLine>(
        env_, controller, hello,
        [this, told = role::LoadTold{}]() mutable { return role::load_since(traffic_.edge(), told); }));
  }
  traffic_.edge().on_finding([this](const edge::Finding& finding) {
    for (const auto& line : lines_) line->reporter.see(role::seen_of(finding));
  });
  traffic_.on_applied([this](const config::SnapshotPointer& snapshot) { tunnels_.apply(snapshot); });
  WEIR_CHECK(traffic_.listen().has_value());
  tunnels_.on_seen([this](const report::TunnelSeen& seen) {
    for (const auto& line : lines_) line->reporter.see(seen);
  });
  open_tunnels();
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

// With what controllers give to all edges, once they have, and a certificate as the edge would have joined
// with.
void EdgeNode::open_tunnels() {
  const translation::EdgeSecrets& secrets = follower_->secrets();
  if (!options_.authority || secrets.tunnel.certificate.empty() || port_ == secrets.tunnel) return;
  port_ = secrets.tunnel;
  const auto request = tls::make_request();
  WEIR_CHECK(request.has_value());
  const auto edge = options_.authority->certify(
      request->request, auth::Machine{secrets.domain, std::string(auth::kEdgeRole), options_.name}.uri(),
      env_.loop.clock().wall_now());
  WEIR_CHECK(edge.has_value());
  tunnels_.open({.ssh_host_key = secrets.ssh_host_key,
                 .admission = {.domain = secrets.domain, .anonymous = false, .ports = {.http = kHttpPort}},
                 .welcome = {.edge = options_.name, .provider = {}, .region = options_.region, .refused = {}},
                 .ca = options_.authority->root_pem(),
                 .port = {secrets.tunnel.certificate, secrets.tunnel.private_key},
                 .edge = {*edge, request->private_key}});
}

void EdgeNode::changed() {
  open_tunnels();
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
  co_await tunnels_.stop();
}

}  // namespace weir::sim
