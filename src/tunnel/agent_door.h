// AgentDoor: the port for agents of one core: TLS, then a session for each connection. Strangers are few and
// have little time. On its core.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "net/env.h"
#include "net/network.h"
#include "net/task.h"
#include "net/task_group.h"
#include "tls/server_context.h"
#include "tunnel/agent_session.h"

namespace weir::tunnel {

// Connections that nobody has vouched for yet, of one core: beyond it, new ones are closed at once.
inline constexpr std::size_t kAgentStrangersMax = 256;
inline constexpr Duration kAgentHandshakeTimeout = std::chrono::seconds(5);
// Sessions of one core.
inline constexpr std::size_t kAgentSessionsMax = 20000;

class AgentDoor {
 public:
  // context: its ALPN is wire::kProtocol. welcome: who we are.
  AgentDoor(net::Env& env, AgentGate& gate, std::shared_ptr<tls::ServerContext> context,
            wire::Welcome welcome);
  AgentDoor(const AgentDoor&) = delete;
  AgentDoor& operator=(const AgentDoor&) = delete;
  ~AgentDoor();

  // Takes connections until it is cancelled; sessions go on then.
  net::Task<void> serve(net::Listener& listener);
  // Tells every agent to find another edge.
  void drain();
  // Ends all sessions, and waits for that.
  net::Task<void> stop() { co_await sessions_.stop(); }

  std::size_t sessions() const { return open_; }
  std::size_t strangers() const;

 private:
  struct Open;
  net::Task<void> run(net::Accepted accepted);

  net::Env& env_;
  AgentGate& gate_;
  std::shared_ptr<tls::ServerContext> context_;
  wire::Welcome welcome_;
  net::TaskGroup sessions_;
  Open* first_ = nullptr;  // intrusive list
  std::size_t open_ = 0;
};

}  // namespace weir::tunnel
