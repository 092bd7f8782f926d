// PortHandshake: what happens on a connection of one port before HTTP: a PROXY header from those who send
// one, then TLS. One per worker and port, on the worker's core; a change of the port is for the connections
// that come later.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "edge/ports.h"
#include "http/connection.h"

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

  // counters: outlives the handshakes.
  PortHandshake(PlannedPort port, HandshakeCounters& counters)
      : port_(std::move(port)), counters_(counters) {}
  void set(PlannedPort port) { port_ = std::move(port); }

  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override;

 private:
  static net::Task<Result<void>> read_proxy_header(http::Incoming& incoming);
  PlannedPort port_;
  HandshakeCounters& counters_;
};

}  // namespace weir::edge
