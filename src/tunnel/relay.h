// Relay: the way of one core to origins that are attached to other edges: a CONNECT over a connection to one
// of those, which is kept for the next visitor. Goes to the nearest first, and to the next one when that has
// not got the visitor to the origin. On its core.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/env.h"
#include "net/network.h"
#include "net/task.h"
#include "net/task_group.h"
#include "tls/client_context.h"
#include "tunnel/origins.h"
#include "tunnel/visit.h"

namespace weir::tunnel {

// --- limits
// For one edge to get a visitor to the origin while there is another to be asked: the two round trips of a
// new connection and that of the request, from the other side of the world. Never more than half of what
// there is.
inline constexpr Duration kRelayTryTimeout = std::chrono::milliseconds(1500);
// A connection without a visitor; looked at as often.
inline constexpr Duration kRelayIdleTimeout = std::chrono::minutes(5);

class Relay final : public net::Connector {
 public:
  // This edge; of whoever is near it.
  struct Here {
    std::string edge;
    std::string provider;
    std::string region;
  };
  // origins outlives this.
  Relay(net::Env& env, const Origins& origins);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() override;

  // Until it was told who we are, it reaches nobody.
  void begin(Here here) { here_ = std::move(here); }
  // By which other edges are dialled from now on: offers wire::kRelayProtocol, and shows the certificate of
  // an edge. Connections that are there end when their visitors have.
  void use(std::shared_ptr<tls::ClientContext> context);

  // Whether there is an edge to be asked.
  bool knows(const net::Address& origin) const;
  net::Task<Result<std::unique_ptr<net::Stream>>> connect(net::Address to, Duration timeout) override {
    return connect_for({}, to, timeout);
  }
  // The error is Retry::kSafe: the origin has not got a byte.
  net::Task<Result<std::unique_ptr<net::Stream>>> connect_for(net::Address client, net::Address to,
                                                              Duration timeout) override;
  // Ends all connections, and waits for that.
  net::Task<void> stop();

  std::size_t connections() const;
  net::Loop& loop() const { return env_.loop; }

 private:
  struct Peer;
  struct IdleTimer final : net::Timer {
    explicit IdleTimer(Relay& owner);
    Relay& relay;
  };

  // Those that can be asked, in the order in which they are.
  std::vector<std::shared_ptr<Peer>> peers_for(const std::vector<config::TunnelEnd>& ends);
  std::shared_ptr<Peer> peer_of(const config::TunnelEnd& end);
  bool leads_on(const config::TunnelEnd& end) const { return end.edge != here_.edge && !end.relay.empty(); }
  std::uint32_t distance(const config::TunnelEnd& end) const;
  net::Task<Result<std::unique_ptr<net::Stream>>> try_one(Peer& peer, Visit visit, Duration timeout);
  void close_idle();

  net::Env& env_;
  const Origins& origins_;
  Here here_;
  std::shared_ptr<tls::ClientContext> context_;
  net::TaskGroup connections_;
  std::map<std::string, std::shared_ptr<Peer>> peers_;  // by edge
  IdleTimer idle_timer_{*this};
};

}  // namespace weir::tunnel
