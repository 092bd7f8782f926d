#include "edge/worker.h"

#include <algorithm>
#include <utility>

namespace weir::edge {
namespace {
constexpr Duration kIdleSweep = std::chrono::seconds(1);
}

Worker::Worker(net::Env& env, http::ServerOptions options, std::uint32_t zone)
    : env_(env),
      proxy_(env, env.network, zone),
      server_(env, proxy_, std::move(options)),
      tasks_(env.loop),
      ending_(env.loop) {}

Result<net::Address> Worker::listen(const net::Address& at) {
  auto listener = env_.network.listen(at);
  if (!listener) return fail(listener.error());
  shared_ = (*listener)->address();
  proxy_.set_shared_ports(shared_.port(), 0);
  server_.listen(std::move(*listener));
  tasks_.spawn(close_idle_connections());
  return shared_;
}

void Worker::apply(const PlanPointer& plan) {
  proxy_.apply(plan);
  if (server_.draining()) return;
  for (auto port = own_ports_.begin(); port != own_ports_.end();) {
    if (std::ranges::binary_search(plan->ports, *port)) {
      ++port;
      continue;
    }
    net::Address address = shared_;
    address.set_port(*port);
    server_.unlisten(address);
    port = own_ports_.erase(port);
  }
  for (const std::uint16_t port : plan->ports) {
    if (own_ports_.contains(port) || port == shared_.port()) continue;
    net::Address address = shared_;
    address.set_port(port);
    auto listener = env_.network.listen(address);
    if (!listener) {
      env_.log.error("cannot listen", {{"address", address.to_string()}, {"reason", listener.error().text}});
      continue;
    }
    server_.listen(std::move(*listener));
    own_ports_.insert(port);
  }
}

net::Task<void> Worker::close_idle_connections() {
  while (co_await env_.loop.sleep(kIdleSweep)) proxy_.close_idle();
}

void Worker::finish(std::function<void()> done) { ending_.spawn(run_to_end(std::move(done))); }

net::Task<void> Worker::run_to_end(std::function<void()> done) {
  server_.drain();
  co_await server_.join();
  co_await tasks_.stop();
  done();
}

}  // namespace weir::edge
