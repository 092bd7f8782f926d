// Server: accepts connections on one loop and gives their requests to a Service. One per core and purpose
// (traffic, API). drain() lets what is in flight finish.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/log_limit.h"
#include "base/metrics.h"
#include "base/time.h"
#include "http/connection.h"
#include "http/response_writer.h"
#include "http/service.h"
#include "net/env.h"
#include "net/task_group.h"

namespace weir::http {

// As many as Kestrel's; a modem of 1984 sends as much.
inline constexpr std::uint64_t kClientRateMin = 240;

struct ServerOptions {
  Duration idle_timeout = std::chrono::seconds(75);       // between requests; nginx's default
  Duration head_timeout = std::chrono::seconds(10);       // a whole head, from its first byte
  Duration body_timeout = std::chrono::seconds(30);       // the next bytes of a body (net::Patience)
  Duration write_timeout = std::chrono::seconds(30);      // the client takes some bytes (net::Patience)
  std::uint64_t client_rate_min = kClientRateMin;         // bytes a second; 0: none
  Duration linger_timeout = std::chrono::seconds(2);      // after an early answer, for the client to read it
  Duration drain_grace = std::chrono::milliseconds(500);  // for a request under way on an idle connection
  Duration drain_limit = std::chrono::minutes(1);         // then streams and WebSockets still open are ended
  // HTTP/2: a client from which nothing came for so long is asked by a PING, and given up when nothing comes.
  Duration keepalive_interval = Duration::max();  // never
  Duration keepalive_timeout = std::chrono::seconds(5);
  // HTTP/2: over TLS by ALPN, without TLS by prior knowledge (RFC 9113 section 3.3). Empty: HTTP/1 only.
  MakeConnection h2;
};

struct ServerCounters {
  Counter connections;  // accepted
  Counter connections_closed;
  Counter requests;
  Counter refused;                   // answered by the server itself: malformed, too large, too slow
  Counter accept_pauses;             // for want of descriptors
  Counter handshakes_failed;         // connections that never came to HTTP
  Counter ended_for_abuse;           // connections; by what an abuse score says
  std::array<Counter, 6> responses;  // by the first digit of the status
};

class Server {
 public:
  Server(net::Env& env, Service& service, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Accepts on it until stop() or drain(). Owned from here on.
  // handshake: before each connection's HTTP; null: none.
  void listen(std::unique_ptr<net::Listener> listener, std::shared_ptr<Handshake> handshake = nullptr);
  // Ends one listener; its connections go on. False when there is none with that address.
  bool unlisten(const net::Address& address);

  // No more connections; answers say "Connection: close" or GOAWAY; idle connections end after the grace, all
  // others when nothing is under way, or at the limit.
  void drain();
  // The same without hurry, since another process takes the connections that come: what is under way has as
  // long as it wants, or until the limit. heir: takes connections that are idle, between two requests, and
  // are plain sockets; null: none. drain() may follow.
  using Heir = std::function<void(Incoming)>;
  void leave(std::optional<Duration> limit, Heir heir);
  bool draining() const { return draining_; }
  // Runs a connection that its handshake has found to be no HTTP, as one of this server's: counted, joined
  // and cut with the others.
  void take_over(net::Task<void> connection);
  // Returns when no listener and no connection is left.
  net::Task<void> join();
  // A connection that was accepted elsewhere, as if it had come to a listener.
  void take(Incoming incoming, std::shared_ptr<Handshake> handshake = nullptr);
  // Ends the open connections now.
  void cut() { connections_.cancel(); }

  std::size_t open_connections() const { return connections_.size(); }
  const ServerCounters& counters() const { return counters_; }
  const ServerOptions& options() const { return options_; }

  // --- for its connections
  net::Env& env() { return env_; }
  const Heir& heir() const { return heir_; }
  Service& service() { return service_; }
  ServerCounters& counters() { return counters_; }
  LogLimit& abuse_log() { return abuse_log_; }
  DateText& date() { return date_; }

 private:
  friend class Connection;
  struct Listening;
  net::Task<void> accept_all(Listening& listening);
  net::Task<void> run_connection(Incoming incoming, std::shared_ptr<Handshake> handshake);
  net::Task<void> run_taken(net::Task<void> connection);
  static net::Task<void> close(std::unique_ptr<Listening> listening);
  void stop_accepting();

  net::Env& env_;
  Service& service_;
  ServerOptions options_;
  ServerCounters counters_;
  LogLimit abuse_log_;
  DateText date_;
  net::TaskGroup closing_;  // listeners that end
  net::TaskGroup connections_;
  std::vector<std::unique_ptr<Listening>> listeners_;
  Connection* open_ = nullptr;  // intrusive list
  struct GraceTimer final : net::Timer {
    explicit GraceTimer(Server& owner);
    Server& server;
  } grace_timer_;
  struct LimitTimer final : net::Timer {
    explicit LimitTimer(Server& owner);
    Server& server;
  } limit_timer_;
  bool draining_ = false;
  Heir heir_;
  bool leaving_ = false;  // draining without hurry
};

}  // namespace weir::http
