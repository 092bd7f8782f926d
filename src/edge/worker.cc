#include "edge/worker.h"

#include <algorithm>
#include <utility>

namespace weir::edge {
namespace {
constexpr Duration kIdleSweep = std::chrono::seconds(1);
}

// In the place of a handshake, since there was one when it came.
class Worker::Adopted final : public http::Handshake {
 public:
  Adopted(http::Server& server, TcpProxy& tcp, MovedConnection moved)
      : server_(server), tcp_(tcp), moved_(std::move(moved)) {}
  net::Task<Result<http::Incoming>> run(http::Incoming /*incoming*/) override {
    auto adopted = tcp_.adopt(std::move(moved_));
    if (!adopted) co_return fail(Code::kNotFound, "its listener is not there");
    server_.take_over(std::move(*adopted));
    co_return http::Incoming{};
  }

 private:
  http::Server& server_;
  TcpProxy& tcp_;
  MovedConnection moved_;
};

void Worker::adopt(MovedConnection moved) {
  server_.take({}, std::make_shared<Adopted>(server_, tcp_, std::move(moved)));
}

Worker::Worker(net::Env& env, http::ServerOptions options, const WorkerOptions& own)
    : env_(env),
      proxy_(env, env.network, own),
      tcp_(env, env.network, proxy_, own),
      server_(env, proxy_, std::move(options)),
      tasks_(env.loop),
      ending_(env.loop) {}

Result<net::Address> Worker::open(const net::Address& at, const PlannedPort& planned) {
  auto listener = env_.network.listen(at);
  if (!listener) return fail(listener.error());
  Port port{(*listener)->address(), std::make_shared<PortHandshake>(planned, handshakes_, tcp_, server_)};
  tcp_.set_own(port.address, true);
  server_.listen(std::move(*listener), port.handshake);
  return ports_.insert_or_assign(planned.number, std::move(port)).first->second.address;
}

Result<Listening> Worker::listen(const Listening& at, const Plan& plan) {
  Listening listening = at;
  for (const PlannedPort& planned : plan.ports) {
    const bool https = planned.number == config::kSharedHttps;
    if (https && !at.https) continue;
    if (!https && planned.number != config::kSharedHttp) continue;
    auto address = open(https ? *at.https : at.http, planned);
    if (!address) return fail(address.error());
    if (https) {
      listening.https = *address;
    } else {
      listening.http = shared_ = *address;
    }
  }
  proxy_.set_shared_ports(listening.http.port(),
                          listening.https ? listening.https->port() : std::uint16_t{0});
  tasks_.spawn(close_idle_connections());
  return listening;
}

std::optional<Worker::OpenPorts> Worker::apply(const PlanPointer& plan) {
  proxy_.apply(plan);
  tcp_.plan_changed();
  return open_ports(*plan);
}

std::optional<Worker::OpenPorts> Worker::open_ports(const Plan& plan) {
  if (server_.draining()) return std::nullopt;
  const auto is_shared = [](std::uint32_t number) {
    return number == config::kSharedHttp || number == config::kSharedHttps;
  };
  std::erase_if(ports_, [&](const auto& one) {
    const bool stays =
        is_shared(one.first) || std::ranges::binary_search(plan.ports, one.first, {}, &PlannedPort::number);
    if (!stays) unlisten(one.second.address);
    return !stays;
  });
  OpenPorts found;
  for (const PlannedPort& planned : plan.ports) {
    if (const auto known = ports_.find(planned.number); known != ports_.end()) {
      known->second.handshake->set(planned);
      if (!is_shared(planned.number)) found.open.insert(planned.number);
      continue;
    }
    if (is_shared(planned.number)) continue;
    net::Address address = shared_;
    address.set_port(static_cast<std::uint16_t>(planned.number));
    if (auto opened = open(address, planned)) {
      found.open.insert(planned.number);
    } else {
      found.failures.emplace(planned.number, opened.error());
    }
  }
  if (found == told_) return std::nullopt;
  told_ = std::move(found);
  return told_;
}

net::Task<void> Worker::close_idle_connections() {
  while (co_await env_.loop.sleep(kIdleSweep)) {
    proxy_.close_idle();
    proxy_.flush_access_log();
    tcp_.flush_access_log();
  }
}

void Worker::unlisten(const net::Address& at) {
  tcp_.set_own(at, false);
  server_.unlisten(at);
}

void Worker::finish(std::function<void()> done) {
  server_.drain();
  ending_.spawn(run_to_end(std::move(done)));
}

void Worker::leave(std::optional<Duration> limit, Heir heir, std::function<void()> done) {
  server_.leave(limit, std::move(heir.idle));
  tcp_.leave(std::move(heir.connection));
  ending_.spawn(run_to_end(std::move(done)));
}

net::Task<void> Worker::run_to_end(std::function<void()> done) {
  co_await server_.join();
  co_await tasks_.stop();
  co_await proxy_.stop();
  proxy_.flush_access_log();
  tcp_.flush_access_log();
  done();
}

}  // namespace weir::edge
