#include "tunnel/agent_door.h"

#include <utility>

#include "tls/tls_stream.h"

namespace weir::tunnel {

// In the frame of the task that runs it.
struct AgentDoor::Open {
  explicit Open(AgentDoor& of) : door(of), next(of.first_), link(&of.first_) {
    if (next != nullptr) next->link = &next;
    door.first_ = this;
    ++door.open_;
  }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
  ~Open() {
    *link = next;
    if (next != nullptr) next->link = link;
    --door.open_;
  }
  bool stranger() const { return session == nullptr || !session->welcomed(); }

  AgentDoor& door;
  AgentSession* session = nullptr;  // once the handshake is done
  Open* next;
  Open** link;
};

AgentDoor::AgentDoor(net::Env& env, AgentGate& gate, std::shared_ptr<tls::ServerContext> context,
                     wire::Welcome welcome)
    : env_(env),
      gate_(gate),
      context_(std::move(context)),
      welcome_(std::move(welcome)),
      sessions_(env.loop) {}

AgentDoor::~AgentDoor() = default;

std::size_t AgentDoor::strangers() const {
  std::size_t count = 0;
  for (const Open* open = first_; open != nullptr; open = open->next) count += open->stranger() ? 1 : 0;
  return count;
}

net::Task<void> AgentDoor::serve(net::Listener& listener) {
  constexpr Duration kPause = std::chrono::milliseconds(100);  // for want of descriptors
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted && accepted.error().code == Code::kCancelled) co_return;
    if (!accepted) {
      if (!co_await env_.loop.sleep(kPause)) co_return;
      continue;
    }
    if (open_ >= kAgentSessionsMax || strangers() >= kAgentStrangersMax) continue;  // closes it
    sessions_.spawn(run(std::move(*accepted)));
  }
}

net::Task<void> AgentDoor::run(net::Accepted accepted) {
  Open open(*this);
  auto secured =
      co_await tls::TlsStream::accept(std::move(accepted.stream), context_, {}, kAgentHandshakeTimeout);
  if (!secured) co_return;
  AgentSession session(
      env_, gate_,
      {.welcome = welcome_, .peer = accepted.peer, .certificate_names = (*secured)->details().client_names});
  open.session = &session;
  co_await session.run(std::move(*secured));
  open.session = nullptr;
}

void AgentDoor::drain() {
  for (Open* open = first_; open != nullptr; open = open->next) {
    if (!open->stranger()) open->session->drain();
  }
}

}  // namespace weir::tunnel
