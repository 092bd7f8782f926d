// RelayDoor: the side of a relay that has the origin: takes the connections of other edges of this weir and
// carries their visitors to what is attached here, on whichever core. It never passes anybody on to a third
// edge, so there are no circles. On the core that accepted the connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/log_limit.h"
#include "h2/connect.h"
#include "http/server.h"
#include "net/env.h"
#include "net/task.h"
#include "tunnel/registry.h"
#include "tunnel/strangers.h"

namespace weir::tunnel {

// Connections from one edge to one core: an edge has one for each of its cores, and the kernel spreads them.
inline constexpr std::size_t kRelayConnectionsMax = 256;
// Without a visitor; who has dialled ends it before that.
inline constexpr Duration kRelayDoorIdleTimeout = std::chrono::minutes(15);
// For an origin to take a visitor. Who asks mostly gives it up before that, and the request with it.
inline constexpr Duration kRelayDoorConnectTimeout = std::chrono::seconds(30);

class RelayDoor final : private http::Service, private h2::ConnectHandler {
 public:
  // domain: whose edges are let in.
  RelayDoor(net::Env& env, Attachments& attachments, std::string domain);
  RelayDoor(const RelayDoor&) = delete;
  RelayDoor& operator=(const RelayDoor&) = delete;
  ~RelayDoor() override;

  // The whole of a connection whose handshake is done. names: of the peer's certificate, verified; who is no
  // edge is not served. Cancelled, it ends at once.
  net::Task<void> run(std::unique_ptr<net::Stream> stream, net::Address peer, std::string_view names,
                      Strangers::One stranger);

  std::size_t connections() const;
  std::size_t visitors() const { return visitors_; }  // under way

 private:
  net::Task<void> serve(h2::ConnectRequest& request) override;
  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;
  std::string edge_of(std::string_view names) const;
  void refuse(const net::Address& peer, std::string_view names, std::string_view why);

  net::Env& env_;
  Attachments& attachments_;
  std::string domain_;
  http::Server server_;
  std::map<std::string, std::size_t> connections_;  // by edge
  std::size_t visitors_ = 0;
  LogLimit log_limit_;
};

}  // namespace weir::tunnel
