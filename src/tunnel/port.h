// Port: where agents and other edges come in, of one core: TLS, and then by ALPN a session of an agent or a
// relay's connection. Strangers are few and have little time. On its core.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "net/env.h"
#include "net/network.h"
#include "net/task.h"
#include "net/task_group.h"
#include "tls/server_context.h"
#include "tls/tls_stream.h"
#include "tunnel/agent_session.h"
#include "tunnel/registry.h"
#include "tunnel/relay_door.h"
#include "tunnel/strangers.h"

namespace weir::tunnel {

// Connections that nobody has vouched for yet, of one core: beyond it, new ones are closed at once.
inline constexpr std::size_t kStrangersMax = 256;
inline constexpr Duration kPortHandshakeTimeout = std::chrono::seconds(5);
// Connections of one core.
inline constexpr std::size_t kPortConnectionsMax = 20000;

class Port {
 public:
  struct Options {
    // Offers wire::kProtocol and wire::kRelayProtocol, and asks for certificates (kRequested).
    std::shared_ptr<tls::ServerContext> context;
    wire::Welcome welcome;  // who we are
    std::string domain;     // of whose edges visitors are taken
  };
  Port(net::Env& env, Attachments& attachments, AgentGate& gate, Options options);
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port();

  // Takes connections until it is cancelled; those that are in go on then.
  net::Task<void> serve(net::Listener& listener);
  // Tells every agent to find another edge.
  void drain();
  // Ends all connections, and waits for that.
  net::Task<void> stop() { co_await connections_.stop(); }

  std::size_t connections() const { return connections_.size(); }
  std::size_t strangers() const { return strangers_.count(); }
  const RelayDoor& relays() const { return relays_; }

 private:
  struct Agent;
  net::Task<void> run(net::Accepted accepted);
  net::Task<void> run_agent(std::unique_ptr<tls::TlsStream> stream, net::Address peer, Strangers::One one);

  net::Env& env_;
  AgentGate& gate_;
  Options options_;
  Strangers strangers_;
  RelayDoor relays_;
  net::TaskGroup connections_;
  Agent* first_ = nullptr;  // intrusive list
};

}  // namespace weir::tunnel
