// PortHandshake: what happens on a connection of one port before HTTP: a PROXY header from those who send
// one, then TLS; or instead of HTTP, where the connection is a TCP or TLS listener's. One per worker and
// port, on the worker's core; a change of the port is for the connections that come later.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "edge/ports.h"
#include "edge/tcp_proxy.h"
#include "http/connection.h"
#include "http/server.h"

namespace weir::edge {

// Of one worker.
struct HandshakeCounters {
  Counter full;     // TLS from the start
  Counter resumed;  // TLS with a ticket of an earlier connection
  Counter failed;   // TLS that did not come about
};

class PortHandshake final : public http::Handshake {
 public:
  static constexpr Duration kTimeout = std::chrono::seconds(10);

  // counters, tcp and server outlive the handshakes.
  PortHandshake(PlannedPort port, HandshakeCounters& counters, TcpProxy& tcp, http::Server& server)
      : port_(std::move(port)), counters_(counters), tcp_(tcp), server_(server) {}
  void set(PlannedPort port) { port_ = std::move(port); }

  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override;

 private:
  net::Task<Result<http::Incoming>> run_by_hello(http::Incoming incoming, PlannedPort port);
  net::Task<Result<http::Incoming>> run_tls(http::Incoming incoming,
                                            std::shared_ptr<const tls::ServerContext> context);
  net::Task<Result<http::Incoming>> take_tls(http::Incoming incoming, TcpListenerPointer listener,
                                             ClientHello hello);
  http::Incoming take(http::Incoming incoming, TcpListenerPointer listener, const ClientHello& hello);

  PlannedPort port_;
  HandshakeCounters& counters_;
  TcpProxy& tcp_;
  http::Server& server_;
};

}  // namespace weir::edge
