// AgentSession: the edge's side of one agent's connection. The connection is the agent's, the streams are the
// edge's: one call over which both say what they have to say (wire/agent_messages.h), and a CONNECT for each
// visitor. Decides nothing: whom to let in, and as what, its AgentGate says at once. On the core that
// accepted the connection.
#pragma once

#include <chrono>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/call.h"
#include "h2/client_connection.h"
#include "net/env.h"
#include "net/network.h"
#include "net/task.h"
#include "net/task_group.h"
#include "tunnel/strangers.h"
#include "wire/agent_messages.h"

namespace weir::tunnel {

// --- limits
// Of one session. What an agent is for is the services of one machine, or of one cluster.
inline constexpr std::size_t kAgentServicesMax = 1000;
// What is said to an agent that does not listen, in messages: the log of requests is dropped beyond half.
inline constexpr std::size_t kAgentOutboxMax = 4096;
// From the end of the handshake to a hello that is accepted.
inline constexpr Duration kAgentHelloTimeout = std::chrono::seconds(10);
// For an agent to hear why it is not welcome.
inline constexpr Duration kAgentFarewell = std::chrono::seconds(2);

// By what an agent shows who it is.
struct AgentCredential {
  std::string agent;
  std::string version;
  std::string token;      // empty: none
  bool looks_on = false;  // wants to hear of each request
};

class AgentSession;

// What the edge thinks of agents. Called on the session's core; neither waits nor fails. A sentence in place
// of an answer is a refusal, for whoever runs the agent.
class AgentGate {
 public:
  virtual ~AgentGate() = default;
  // The account that the agent acts for.
  virtual std::expected<std::string, std::string> hello(AgentSession& session,
                                                        const AgentCredential& credential) = 0;
  // An origin, new or with other values. Where visitors find it: URLs.
  virtual std::expected<std::vector<std::string>, std::string> registered(AgentSession& session,
                                                                          const wire::Register& wanted) = 0;
  // Of those that were registered.
  virtual void unregistered(AgentSession& session, const wire::Origin& origin) = 0;
  virtual void health(AgentSession& session, const wire::Health& health) = 0;
  // Once, for a session that said hello and was let in; behind unregistered() for each that was left.
  virtual void ended(AgentSession& session, std::string_view why) = 0;
};

class AgentSession {
 public:
  struct Options {
    wire::Welcome welcome;  // who we are
    net::Address peer;
    Strangers::One stranger;  // until it is let in
  };
  AgentSession(net::Env& env, AgentGate& gate, Options options)
      : env_(env), gate_(gate), options_(std::move(options)), tasks_(env.loop) {}
  AgentSession(const AgentSession&) = delete;
  AgentSession& operator=(const AgentSession&) = delete;

  // The whole of it, over a connection whose handshake is done. Cancelled, it ends at once.
  net::Task<void> run(std::unique_ptr<net::Stream> stream);

  const net::Address& peer() const { return options_.peer; }
  const std::string& account() const { return account_; }  // once it was let in
  const std::string& agent() const { return agent_; }
  bool welcomed() const { return welcomed_; }
  std::size_t open_streams() const { return connection_ == nullptr ? 0 : connection_->open_streams(); }

  // A visitor's connection to an origin. The agent has its connection to it when this returns one; an error
  // is safe to try again elsewhere. Valid while run() goes on; streams end with it.
  net::Task<Result<std::unique_ptr<net::Stream>>> open(std::string service, net::Address client,
                                                       Duration timeout);
  // Tells the agent to find another edge; it goes on meanwhile.
  void drain() { say(wire::Drain{}); }
  // The agent is not wanted any more, and told so; the session ends.
  void end(std::string sentence);
  // An origin is not wanted any more; the agent is told, and so is the gate, which forgets what it calls it.
  void expel(wire::Origin origin, std::string sentence);
  // Of an origin that is registered: where visitors find it by now.
  void tell(const wire::Origin& origin, std::vector<std::string> urls);
  // For who watches; dropped when the agent does not listen.
  void log(std::string_view service, std::string line);

 private:
  // Ends the waiting for a hello, or for the end.
  struct Limit final : net::Timer {
    explicit Limit(AgentSession& owner);
    AgentSession& session;
  };
  net::Task<void> converse();
  net::Task<void> take_leave();
  net::Task<void> speak();
  net::Task<std::string> follow();
  bool greet(const wire::Hello& hello);
  void hear(const wire::Register& wanted);
  void hear(const wire::Unregister& gone);
  void hear(const wire::Health& health);
  void say(wire::FromEdge message);

  net::Env& env_;
  AgentGate& gate_;
  Options options_;
  net::TaskGroup tasks_;
  std::shared_ptr<h2::ClientConnection> connection_;
  std::unique_ptr<grpc::ClientCall> call_;
  std::string account_;
  std::string agent_;
  bool welcomed_ = false;
  std::map<wire::Origin, wire::Register> origins_;
  std::deque<wire::FromEdge> outbox_;
  net::Event spoken_;  // something is in the outbox
  net::Context* listener_ = nullptr;
  Limit limit_{*this};
  bool hung_up_ = false;  // the last of it is the end
};

}  // namespace weir::tunnel
