#include "tunnel/relay.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "grpc/dialler.h"
#include "h2/client.h"
#include "lb/backoff.h"
#include "tunnel/limits.h"
#include "wire/agent_messages.h"

namespace weir::tunnel {
namespace {

using StreamResult = Result<std::unique_ptr<net::Stream>>;

constexpr Error kNobody{Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0,
                        "no other edge has the origin"};

}  // namespace

// Another edge. Held by who is asking it, too.
struct Relay::Peer {
  Peer(net::Env& env, net::TaskGroup& connections, config::Address relay)
      : at(std::move(relay)),
        pool(env.loop, connections, kPeerWriteTimeout, nullptr, h2::Carries::kTunnels) {}

  config::Address at;
  h2::ClientPool pool;
  lb::Backoff backoff;
};

Relay::IdleTimer::IdleTimer(Relay& owner)
    : Timer([](net::Timer& timer) { static_cast<IdleTimer&>(timer).relay.close_idle(); }), relay(owner) {}

Relay::Relay(net::Env& env, const Origins& origins) : env_(env), origins_(origins), connections_(env.loop) {}

Relay::~Relay() = default;

void Relay::use(std::shared_ptr<tls::ClientContext> context) {
  context_ = std::move(context);
  for (const auto& [edge, peer] : peers_) peer->pool.close_all();
}

net::Task<void> Relay::stop() {
  idle_timer_.disarm();
  peers_.clear();
  co_await connections_.stop();
}

std::size_t Relay::connections() const {
  std::size_t count = 0;
  for (const auto& [edge, peer] : peers_) count += peer->pool.connections();
  return count;
}

// --- whom to ask

bool Relay::knows(const net::Address& origin) const {
  const auto place = origins_.find(origin);
  return place &&
         std::ranges::any_of(place->ends(), [this](const config::TunnelEnd& end) { return leads_on(end); });
}

// Where a Tunnel says so; an edge that has moved is another one.
std::shared_ptr<Relay::Peer> Relay::peer_of(const config::TunnelEnd& end) {
  const auto at = config::parse_address(end.relay);
  if (!at) return nullptr;
  std::shared_ptr<Peer>& peer = peers_[end.edge];
  if (!peer || peer->at != *at) peer = std::make_shared<Peer>(env_, connections_, *at);
  if (!idle_timer_.armed()) env_.loop.arm(idle_timer_, env_.loop.deadline(kRelayIdleTimeout));
  return peer;
}

std::uint32_t Relay::distance(const config::TunnelEnd& end) const {
  if (!end.zone.empty() && end.zone == here_.region) return 0;
  return !end.provider.empty() && end.provider == here_.provider ? 1 : 2;
}

std::vector<std::shared_ptr<Relay::Peer>> Relay::peers_for(const std::vector<config::TunnelEnd>& ends) {
  struct Candidate {
    bool set_aside;
    std::uint32_t distance;
    std::uint64_t lot;  // among equals
    std::shared_ptr<Peer> peer;
  };
  std::vector<Candidate> candidates;
  for (const config::TunnelEnd& end : ends) {
    if (!leads_on(end)) continue;
    if (auto peer = peer_of(end)) {
      const bool set_aside = peer->backoff.set_aside(env_.loop.now());
      candidates.push_back({set_aside, distance(end), env_.random.next(), std::move(peer)});
    }
  }
  std::ranges::sort(candidates, {},
                    [](const Candidate& one) { return std::tuple(one.set_aside, one.distance, one.lot); });
  std::vector<std::shared_ptr<Peer>> peers;
  for (Candidate& one : candidates) peers.push_back(std::move(one.peer));
  return peers;
}

// --- asking

net::Task<StreamResult> Relay::connect_for(net::Address client, net::Address to, Duration timeout) {
  const Instant deadline = env_.loop.deadline(timeout);
  const auto place = origins_.find(to);
  if (!place || context_ == nullptr) co_return fail(kNobody);
  const std::vector<std::shared_ptr<Peer>> peers = peers_for(place->ends());
  StreamResult opened = fail(kNobody);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const Duration left = deadline - env_.loop.now();
    if (left <= Duration::zero()) break;
    const bool is_last = i + 1 == peers.size();
    opened =
        co_await try_one(*peers[i], {place->service->name, place->instance(), client, place->service->owner},
                         is_last ? left : std::min(left / 2, kRelayTryTimeout));
    if (opened || opened.error().code == Code::kCancelled) break;
  }
  co_return opened;
}

net::Task<StreamResult> Relay::try_one(Peer& peer, Visit visit, Duration timeout) {
  const Instant deadline = env_.loop.deadline(timeout);
  grpc::Dialler dialler(env_, {.host = peer.at.host,
                               .port = peer.at.port,
                               .tls = context_,
                               .server_name = std::string(wire::kServerName),
                               .timeout = timeout});
  auto connection = co_await peer.pool.acquire(dialler, timeout);
  if (!connection) {
    if (connection.error().code != Code::kCancelled) peer.backoff.failed(env_.loop.now());
    co_return fail(connection.error());
  }
  if (!(*connection)->kept_alive()) (*connection)->keep_alive(kPeerKeepaliveInterval, kPeerKeepaliveTimeout);
  const std::uint64_t received_before = (*connection)->received();
  auto opened = co_await ask(*connection, std::move(visit), deadline - env_.loop.now());
  if ((*connection)->received() != received_before) {
    peer.backoff.succeeded();
  } else if (!opened && opened.error().code != Code::kCancelled) {
    peer.backoff.failed(env_.loop.now());  // it may be dead, which its connection does not know yet
  }
  co_return opened;
}

void Relay::close_idle() {
  const Instant before = env_.loop.now() - kRelayIdleTimeout;
  for (const auto& [edge, peer] : peers_) peer->pool.close_idle_since(before);
  std::erase_if(peers_, [](const auto& entry) {
    return entry.second->pool.connections() == 0 && entry.second.use_count() == 1;
  });
  if (!peers_.empty()) env_.loop.arm(idle_timer_, env_.loop.deadline(kRelayIdleTimeout));
}

}  // namespace weir::tunnel
