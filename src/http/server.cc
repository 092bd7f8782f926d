#include "http/server.h"

#include <algorithm>
#include <utility>

#include "http/server_connection.h"

namespace weir::http {
namespace {
// For want of descriptors, accepting waits for connections to end.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr std::uint64_t kPausesPerLogLine = 100;  // ten seconds of them
}  // namespace

struct Server::Listening {
  Listening(net::Loop& loop, std::unique_ptr<net::Listener> owned)
      : listener(std::move(owned)), group(loop) {}
  std::unique_ptr<net::Listener> listener;
  net::TaskGroup group;  // the one task that accepts
};

Server::GraceTimer::GraceTimer(Server& owner)
    : Timer([](Timer& timer) {
        Server& server = static_cast<GraceTimer&>(timer).server;
        for (ServerConnection* open = server.open_; open != nullptr; open = open->next_) {
          if (open->idle_ && open->context_ != nullptr) open->context_->cancel();
        }
      }),
      server(owner) {}

Server::Server(net::Env& env, Service& service, ServerOptions options)
    : env_(env),
      service_(service),
      options_(options),
      closing_(env.loop),
      connections_(env.loop),
      grace_timer_(*this) {}

Server::~Server() = default;

void Server::listen(std::unique_ptr<net::Listener> listener) {
  listeners_.push_back(std::make_unique<Listening>(env_.loop, std::move(listener)));
  Listening& listening = *listeners_.back();
  listening.group.spawn(accept_all(listening));
}

bool Server::unlisten(const net::Address& address) {
  const auto found = std::ranges::find(listeners_, address,
                                       [](const auto& listening) { return listening->listener->address(); });
  if (found == listeners_.end()) return false;
  closing_.spawn(close(std::move(*found)));
  listeners_.erase(found);
  return true;
}

net::Task<void> Server::close(std::unique_ptr<Listening> listening) { co_await listening->group.stop(); }

void Server::drain() {
  draining_ = true;
  for (auto& listening : listeners_) closing_.spawn(close(std::move(listening)));
  listeners_.clear();
  env_.loop.arm(grace_timer_, env_.loop.now() + options_.drain_grace);
}

net::Task<void> Server::join() {
  co_await closing_.join();
  co_await connections_.join();
}

namespace {

net::Task<void> run_connection(std::unique_ptr<ServerConnection> connection) { co_await connection->run(); }

}  // namespace

net::Task<void> Server::accept_all(Listening& listening) {
  const std::uint16_t port = listening.listener->address().port();
  for (;;) {
    auto accepted = co_await listening.listener->accept();
    if (accepted) {
      counters_.connections.add();
      connections_.spawn(run_connection(
          std::make_unique<ServerConnection>(*this, std::move(accepted->stream), accepted->peer, port)));
      continue;
    }
    if (accepted.error().code == Code::kCancelled) co_return;
    if (counters_.accept_pauses.get() % kPausesPerLogLine == 0) {
      env_.log.warning("accepting pauses", {{"reason", std::string(accepted.error().text)},
                                            {"open_connections", std::to_string(connections_.size())}});
    }
    counters_.accept_pauses.add();
    if (!co_await env_.loop.sleep(kAcceptPause)) co_return;
  }
}

}  // namespace weir::http
