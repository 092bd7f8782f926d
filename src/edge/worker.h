// Worker: the edge on one core: its listeners, its proxy. Everything in it is touched on its own loop only;
// the edge posts to it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "edge/port_handshake.h"
#include "edge/proxy.h"
#include "edge/tcp_proxy.h"
#include "http/server.h"
#include "net/env.h"
#include "net/task_group.h"

namespace weir::edge {

// Where the shared listeners listen.
struct Listening {
  net::Address http;
  std::optional<net::Address> https;
};

// Another process that takes connections as they are. Called on the core of each.
struct Heir {
  TcpProxy::Heir connection;
  http::Server::Heir idle;
};

class Worker {
 public:
  Worker(net::Env& env, http::ServerOptions options, const WorkerOptions& own);

  net::Env& env() { return env_; }
  // Opens the shared listeners. Before the loop runs, or on it.
  Result<Listening> listen(const Listening& at, const Plan& plan);

  // Which of a plan's ports of their own it listens on, and which it could not open; by number.
  struct OpenPorts {
    std::set<std::uint32_t> open;
    std::map<std::uint32_t, Error> failures;
    friend bool operator==(const OpenPorts&, const OpenPorts&) = default;
  };
  // When they are others than the last time.
  std::optional<OpenPorts> apply(const PlanPointer& plan);
  // Tries those again that it could not open.
  std::optional<OpenPorts> open_ports(const Plan& plan);
  // See Proxy.
  void replay(Replay wanted, ReplayDone done) {
    tasks_.spawn(proxy_.replay(std::move(wanted), std::move(done)));
  }
  void leave_hosts_down(const upstream::SharedService& service) { proxy_.leave_hosts_down(service); }
  // Stops accepting, lets requests finish, then calls back, on this loop.
  void finish(std::function<void()> done);
  // The same without hurry; see http::Server and TcpProxy.
  void leave(std::optional<Duration> limit, Heir heir, std::function<void()> done);
  // What another process has handed over.
  void adopt(MovedConnection moved);
  void adopt(http::Incoming idle) { server_.take(std::move(idle)); }
  // From then on there is one.
  void hurry() { server_.drain(); }
  // Ends the connections that are left.
  void cut() { server_.cut(); }

  const http::Server& server() const { return server_; }
  const Proxy& proxy() const { return proxy_; }
  const TcpProxy& tcp() const { return tcp_; }
  // Of a request or a connection of that id; see Proxy and TcpProxy.
  std::string explain(std::string_view id) const {
    std::string found = proxy_.explain(id);
    return found.empty() ? tcp_.explain(id) : found;
  }
  const HandshakeCounters& handshakes() const { return handshakes_; }

 private:
  class Adopted;
  net::Task<void> close_idle_connections();
  net::Task<void> run_to_end(std::function<void()> done);

  net::Env& env_;
  HandshakeCounters handshakes_;
  Proxy proxy_;
  TcpProxy tcp_;
  http::Server server_;
  net::TaskGroup tasks_;
  net::TaskGroup ending_;
  // A listening socket, and what its connections go through.
  struct Port {
    net::Address address;
    std::shared_ptr<PortHandshake> handshake;
  };
  Result<net::Address> open(const net::Address& at, const PlannedPort& planned);
  void unlisten(const net::Address& at);

  net::Address shared_;
  std::map<std::uint32_t, Port> ports_;  // by number
  OpenPorts told_;                       // what it last told of them
};

}  // namespace weir::edge
