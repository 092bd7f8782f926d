#include "tunnel/relay_door.h"

#include <utility>

#include "auth/machine.h"
#include "auth/origin.h"
#include "h2/server_connection.h"
#include "net/pump.h"
#include "tunnel/limits.h"
#include "tunnel/visit.h"

namespace weir::tunnel {
namespace {

// Who waits for too long, and for what, is the visitor's edge to judge.
constexpr Duration kPatience = Duration::max();

http::ServerOptions server_options() {
  return {.idle_timeout = kRelayDoorIdleTimeout,
          .write_timeout = kPeerWriteTimeout,
          .client_rate_min = 0,
          .linger_timeout = std::chrono::seconds(1),
          .keepalive_interval = kPeerKeepaliveInterval,
          .keepalive_timeout = kPeerKeepaliveTimeout};
}

}  // namespace

RelayDoor::RelayDoor(net::Env& env, Attachments& attachments, std::string domain)
    : env_(env),
      attachments_(attachments),
      domain_(std::move(domain)),
      server_(env, *this, server_options()) {}

RelayDoor::~RelayDoor() = default;

std::size_t RelayDoor::connections() const {
  std::size_t count = 0;
  for (const auto& [edge, connections] : connections_) count += connections;
  return count;
}

// Empty: it is none.
std::string RelayDoor::edge_of(std::string_view names) const {
  const auto machine = auth::machine_of(names);
  const bool is_ours = machine && machine->domain == domain_ && machine->role == auth::kEdgeRole;
  return is_ours ? machine->name : std::string();
}

void RelayDoor::refuse(const net::Address& peer, std::string_view names, std::string_view why) {
  if (!log_limit_.take(env_.loop.now())) return;
  env_.log.warning(
      "a relay's connection is refused",
      {{"peer", peer.to_string()}, {"certificate", std::string(names)}, {"reason", std::string(why)}});
}

net::Task<void> RelayDoor::run(std::unique_ptr<net::Stream> stream, net::Address peer, std::string_view names,
                               Strangers::One stranger) {
  const std::string edge = edge_of(names);
  if (edge.empty()) {
    refuse(peer, names, "it shows no certificate of an edge of ours");
    co_return;
  }
  const auto place = connections_.emplace(edge, 0).first;
  if (place->second >= kRelayConnectionsMax) {
    refuse(peer, names, "the edge has too many");
    co_return;
  }
  stranger.known();
  ++place->second;
  {
    const auto connection =
        h2::make_tunnel_connection(server_, {.stream = std::move(stream), .peer = peer}, *this);
    co_await connection->run();
  }
  if (--place->second == 0) connections_.erase(place);
}

net::Task<void> RelayDoor::serve(h2::ConnectRequest& request) {
  const Visit visit = visit_of(request.head());
  const net::Address origin = auth::origin_address(visit.service, visit.instance);
  if (!attachments_.reaches(origin, visit.account)) {
    request.refuse(404, "the origin is not attached here");
    co_return;
  }
  auto opened = co_await attachments_.connect(visit.client, origin, kRelayDoorConnectTimeout);
  if (!opened) {
    request.refuse(503, opened.error().text);
    co_return;
  }
  std::unique_ptr<net::Stream> visitor = request.accept();
  if (visitor == nullptr) co_return;
  ++visitors_;
  co_await net::carry(std::move(visitor), *std::move(opened), kPatience);
  --visitors_;
}

// Whatever is no CONNECT.
net::Task<Result<http::ResponsePtr>> RelayDoor::handle(http::Request& /*request*/) {
  co_return fail(Code::kNotFound, "only visitors are relayed here", Side::kDownstream);
}

}  // namespace weir::tunnel
