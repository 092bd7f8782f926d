#include "http/server.h"

#include <algorithm>
#include <utility>

#include "http/server_connection.h"

namespace weir::http {
namespace {
// For want of descriptors, accepting waits for connections to end.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
// Then others run: clients that come at once, in thousands, would all be one turn of the loop.
constexpr unsigned kAcceptsBeforeYield = 16;
constexpr std::uint64_t kPausesPerLogLine = 100;  // ten seconds of them
}  // namespace

struct Server::Listening {
  Listening(net::Loop& loop, std::unique_ptr<net::Listener> owned, std::shared_ptr<Handshake> before)
      : listener(std::move(owned)), handshake(std::move(before)), group(loop) {}
  std::unique_ptr<net::Listener> listener;
  std::shared_ptr<Handshake> handshake;
  net::TaskGroup group;  // the one task that accepts
};

Server::GraceTimer::GraceTimer(Server& owner)
    : Timer([](Timer& timer) {
        Server& server = static_cast<GraceTimer&>(timer).server;
        for (Connection* open = server.open_; open != nullptr; open = open->next_) {
          server.leaving_ ? open->end_gently() : open->end_when_idle();
        }
      }),
      server(owner) {}

Server::LimitTimer::LimitTimer(Server& owner)
    : Timer([](Timer& timer) {
        Server& server = static_cast<LimitTimer&>(timer).server;
        if (server.open_connections() == 0) return;
        server.env_.log.warning("connections ended at the drain's limit",
                                {{"connections", std::to_string(server.open_connections())}});
        server.cut();
      }),
      server(owner) {}

Server::Server(net::Env& env, Service& service, ServerOptions options)
    : env_(env),
      service_(service),
      options_(std::move(options)),
      date_(env.loop.clock()),
      closing_(env.loop),
      connections_(env.loop),
      grace_timer_(*this),
      limit_timer_(*this) {}

Server::~Server() = default;

void Server::listen(std::unique_ptr<net::Listener> listener, std::shared_ptr<Handshake> handshake) {
  listeners_.push_back(std::make_unique<Listening>(env_.loop, std::move(listener), std::move(handshake)));
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

void Server::stop_accepting() {
  draining_ = true;
  for (auto& listening : listeners_) closing_.spawn(close(std::move(listening)));
  listeners_.clear();
  for (Connection* open = open_; open != nullptr; open = open->next_) open->drain();
  env_.loop.arm(grace_timer_, env_.loop.now() + options_.drain_grace);
}

void Server::drain() {
  leaving_ = false;
  stop_accepting();
  env_.loop.arm(limit_timer_, env_.loop.now() + options_.drain_limit);
}

void Server::leave(std::optional<Duration> limit, Heir heir) {
  leaving_ = true;
  heir_ = std::move(heir);
  stop_accepting();
  for (Connection* open = open_; heir_ && open != nullptr; open = open->next_) open->hand_over();
  if (limit) env_.loop.arm(limit_timer_, env_.loop.deadline(*limit));
}

void Server::take(Incoming incoming, std::shared_ptr<Handshake> handshake) {
  counters_.connections.add();
  connections_.spawn(run_connection(std::move(incoming), std::move(handshake)));
}

net::Task<void> Server::join() {
  co_await closing_.join();
  co_await connections_.join();
}

Connection::Connection(Server& server) : registry_(server) {
  next_ = registry_.open_;
  link_ = &registry_.open_;
  if (next_ != nullptr) next_->link_ = &next_;
  registry_.open_ = this;
}

Connection::~Connection() {
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
}

net::Task<void> Server::run_connection(Incoming incoming, std::shared_ptr<Handshake> handshake) {
  if (handshake) {
    auto done = co_await handshake->run(std::move(incoming));
    if (!done) {
      counters_.handshakes_failed.add();
      counters_.connections_closed.add();
      co_return;
    }
    incoming = std::move(*done);
    if (!incoming.stream) co_return;
  }
  std::unique_ptr<Connection> connection;
  if (options_.h2 && incoming.speaks_h2()) {
    connection = options_.h2(*this, std::move(incoming));
  } else {
    auto h1 = std::make_unique<ServerConnection>(*this, std::move(incoming));
    co_await h1->run();
    if (auto prior_knowledge = h1->take_h2()) {
      h1.reset();
      connection = options_.h2(*this, std::move(*prior_knowledge));
    }
  }
  if (connection) co_await connection->run();
  connection.reset();
  counters_.connections_closed.add();
}

void Server::take_over(net::Task<void> connection) { connections_.spawn(run_taken(std::move(connection))); }

net::Task<void> Server::run_taken(net::Task<void> connection) {
  co_await connection;
  counters_.connections_closed.add();
}

net::Task<void> Server::accept_all(Listening& listening) {
  const std::uint16_t port = listening.listener->address().port();
  for (unsigned accepts = 0;; ++accepts) {
    if (accepts == kAcceptsBeforeYield) {
      accepts = 0;
      if (!co_await env_.loop.sleep(Duration::zero())) co_return;
    }
    auto accepted = co_await listening.listener->accept();
    if (accepted) {
      take({.stream = std::move(accepted->stream), .peer = accepted->peer, .local_port = port},
           listening.handshake);
      continue;
    }
    if (accepted.error().code == Code::kCancelled) co_return;
    if (counters_.accept_pauses.get() % kPausesPerLogLine == 0) {
      env_.log.warning("accepting pauses", {{"reason", why_not(accepted.error())},
                                            {"open_connections", std::to_string(connections_.size())}});
    }
    counters_.accept_pauses.add();
    if (!co_await env_.loop.sleep(kAcceptPause)) co_return;
  }
}

}  // namespace weir::http
