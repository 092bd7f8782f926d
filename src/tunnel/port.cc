#include "tunnel/port.h"

#include <utility>

namespace weir::tunnel {

// In the frame of the task that runs it.
struct Port::Agent {
  Agent(Port& port, AgentSession::Options options)
      : session(port.env_, port.gate_, std::move(options)), next(port.first_), link(&port.first_) {
    if (next != nullptr) next->link = &next;
    port.first_ = this;
  }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent() {
    *link = next;
    if (next != nullptr) next->link = link;
  }

  AgentSession session;
  Agent* next;
  Agent** link;
};

Port::Port(net::Env& env, Attachments& attachments, AgentGate& gate, Options options)
    : env_(env),
      gate_(gate),
      options_(std::move(options)),
      relays_(env, attachments, options_.domain),
      connections_(env.loop) {}

Port::~Port() = default;

net::Task<void> Port::serve(net::Listener& listener) {
  constexpr Duration kPause = std::chrono::milliseconds(100);  // for want of descriptors
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted && accepted.error().code == Code::kCancelled) co_return;
    if (!accepted) {
      if (!co_await env_.loop.sleep(kPause)) co_return;
      continue;
    }
    if (connections() >= kPortConnectionsMax || strangers() >= kStrangersMax) continue;  // closes it
    connections_.spawn(run(std::move(*accepted)));
  }
}

net::Task<void> Port::run(net::Accepted accepted) {
  Strangers::One stranger(strangers_);
  auto secured = co_await tls::TlsStream::accept(std::move(accepted.stream), options_.context, {},
                                                 kPortHandshakeTimeout);
  if (!secured) co_return;
  if ((*secured)->protocol() == wire::kProtocol) {
    co_await run_agent(*std::move(secured), accepted.peer, std::move(stranger));
  } else if ((*secured)->protocol() == wire::kRelayProtocol) {
    const std::string names = (*secured)->details().client_names;
    co_await relays_.run(*std::move(secured), accepted.peer, names, std::move(stranger));
  }
}

net::Task<void> Port::run_agent(std::unique_ptr<tls::TlsStream> stream, net::Address peer,
                                Strangers::One one) {
  Agent agent(*this, {.welcome = options_.welcome, .peer = peer, .stranger = std::move(one)});
  co_await agent.session.run(std::move(stream));
}

void Port::drain() {
  for (Agent* agent = first_; agent != nullptr; agent = agent->next) {
    if (agent->session.welcomed()) agent->session.drain();
  }
}

}  // namespace weir::tunnel
