// PortHandshake: what happens on a connection of one port before HTTP: a PROXY header from those who send
// one, then TLS. One per worker and port, on the worker's core; a change of the port is for the connections
// that come later.
#pragma once

#include <memory>

#include "edge/ports.h"
#include "http/connection.h"

namespace weir::edge {

class PortHandshake final : public http::Handshake {
 public:
  static constexpr Duration kTimeout = std::chrono::seconds(10);

  explicit PortHandshake(PlannedPort port) : port_(std::move(port)) {}
  void set(PlannedPort port) { port_ = std::move(port); }

  net::Task<Result<http::Incoming>> run(http::Incoming incoming) override;

 private:
  static net::Task<Result<void>> read_proxy_header(http::Incoming& incoming);
  PlannedPort port_;
};

}  // namespace weir::edge
