#include "sim/controller_node.h"

#include <utility>

#include "base/check.h"

namespace weir::sim {
namespace {

net::Address address(const std::string& ip, std::uint16_t port) {
  const auto at = net::Address::parse_ip(ip, port);
  WEIR_CHECK(at.has_value());
  return *at;
}

}  // namespace

ControllerNode::ControllerNode(net::Env& env, Options options)
    : env_(env),
      api_at_(address(options.ip, kApiPort)),
      store_(options.engine, env.loop, options.faults, std::move(options.leads)),
      mirror_(store_, env.log),
      views_(mirror_.objects()),
      fleet_(env, store_, mirror_),
      shown_(mirror_.objects(), views_),
      rollouts_(env, store_, mirror_, fleet_),
      tunnels_(env, store_, mirror_, fleet_, options.ip),
      api_(env, store_, mirror_, tokens_, {.version = "1", .settle_timeout = std::chrono::seconds(1)}),
      controller_(env, store_, mirror_, tokens_, {.edge_name = {}, .edge = {}},
                  {.snapshot = {},
                   .changed = [this](std::span<const config::ObjectChange> changes,
                                     store::Revision revision) { changed(changes, revision); },
                   .settled = [this](store::Revision revision) { settled(revision); }}),
      discovery_(env, mirror_, views_, fleet_,
                 {.at = address(options.ip, kDiscoveryPort),
                  .domain = "weir.localhost",
                  .names = {},
                  .authority = std::move(options.authority)},
                 [](const net::Address&, const char*) {}),
      api_server_(env, api_, {}),
      tasks_(env.loop) {
  fleet_.on_verdict([this](const std::string& service, const std::set<std::string>& unhealthy) {
    views_.set_unhealthy(service, {unhealthy.begin(), unhealthy.end()});
  });
  fleet_.start();
  rollouts_.start();
  tunnels_.start();
  controller_.start();
  tasks_.spawn(api_.follow());
}

void ControllerNode::changed(std::span<const config::ObjectChange> changes, store::Revision revision) {
  bool sort_anew = views_.apply(changes, revision);
  sort_anew |= shown_.update();
  discovery_.changed(changes, sort_anew);
}

// Nobody is let in before all that there is has been seen.
void ControllerNode::settled(store::Revision revision) {
  api_.settled(revision);
  if (discovery_.listening() || stopping_) return;
  WEIR_CHECK(discovery_.listen().has_value());
  auto listener = env_.network.listen(api_at_);
  WEIR_CHECK(listener.has_value());
  api_server_.listen(std::move(*listener));
}

net::Task<void> ControllerNode::stop() {
  stopping_ = true;
  api_.drain();
  discovery_.drain();
  api_server_.drain();
  api_server_.cut();
  discovery_.cut();
  co_await api_server_.join();
  co_await discovery_.join();
  co_await controller_.stop();
  co_await rollouts_.stop();
  co_await tunnels_.stop();
  co_await fleet_.stop();
  co_await tasks_.stop();
}

}  // namespace weir::sim
