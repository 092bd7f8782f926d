#include "edge/tcp_listeners.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "config/kinds.h"

namespace weir::edge {
namespace {

// As of gRPC and WebSocket: who has a connection of its own is idle by nature.
constexpr Duration kIdleDefault = std::chrono::hours(1);

std::unique_ptr<lb::Policy> make_split(const std::vector<config::Backend>& backends) {
  if (backends.size() < 2) return nullptr;
  std::vector<lb::Host> hosts;
  for (const config::Backend& backend : backends) {
    const auto index = static_cast<std::uint32_t>(hosts.size());
    hosts.push_back({.id = index, .index = index, .weight = backend.weight});
  }
  std::erase_if(hosts, [](const lb::Host& host) { return host.weight == 0; });
  return lb::make_round_robin(hosts);
}

}  // namespace

TcpListener::TcpListener(const config::LoadBalancer& balancer, std::size_t place,
                         const filter::Common& common, std::shared_ptr<SharedListener> kept)
    : load_balancer(balancer.name),
      name(balancer.name + '/' + std::to_string(place)),
      spec(balancer.spec.listeners[place]),
      backends(balancer.spec.routes.front().backends),
      split(make_split(backends)),
      rates(balancer.spec.routes.front().rate_limits, balancer.name + " connections", common.limiter),
      shared(std::move(kept)) {
  const config::Route& route = balancer.spec.routes.front();
  if (route.ip_access) access = filter::AddressAccess(*route.ip_access);
  idle = route.stream_idle_timeout.value_or(kIdleDefault);
  half_closed = route.half_close_timeout.value_or(idle);
  duration_max = route.stream_duration_max;
  retries = route.retries;
}

void TcpPort::add(const config::Listener& spec, const TcpListenerPointer& listener) {
  if (spec.protocol == config::ListenerProtocol::kTcp) {
    plain_ = listener;
    return;
  }
  by_hello_ |= listener != nullptr;
  Taker taker{.protocols = {}, .listener = listener};
  if (listener && listener->passthrough()) taker.protocols = spec.tls->alpn;
  const auto put = [&taker](Takers& takers) {
    const bool particular = !taker.protocols.empty();
    takers.insert(particular ? takers.begin() : takers.end(), taker);
  };
  if (spec.hostnames.empty()) put(any_);
  for (const std::string& hostname : spec.hostnames) {
    const std::string name = to_lower(hostname);
    put(named_[name.starts_with("*.") ? name.substr(1) : name]);
  }
}

std::optional<TcpListenerPointer> TcpPort::choose(const Takers& takers, const ClientHello& hello) {
  for (const Taker& taker : takers) {
    const bool takes = taker.protocols.empty() ||
                       std::ranges::any_of(taker.protocols, [&hello](const std::string& protocol) {
                         return std::ranges::find(hello.protocols, protocol) != hello.protocols.end();
                       });
    if (takes) return taker.listener;
  }
  return std::nullopt;
}

std::optional<TcpListenerPointer> TcpPort::match(const ClientHello& hello) const {
  const std::string_view name = hello.server_name;
  if (const auto exact = named_.find(name); !name.empty() && exact != named_.end()) {
    return choose(exact->second, hello);
  }
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    const auto wildcard = named_.find(name.substr(dot));
    if (wildcard != named_.end()) return choose(wildcard->second, hello);
  }
  return choose(any_, hello);
}

TcpListenerPointer TcpPort::find(std::string_view name) const {
  const auto is_it = [name](const TcpListenerPointer& one) { return one != nullptr && one->name == name; };
  if (is_it(plain_)) return plain_;
  const auto find_in = [&](const Takers& takers) {
    const auto found =
        std::ranges::find_if(takers, [&](const Taker& taker) { return is_it(taker.listener); });
    return found == takers.end() ? nullptr : found->listener;
  };
  for (const auto& [host, takers] : named_) {
    if (auto found = find_in(takers)) return found;
  }
  return find_in(any_);
}

}  // namespace weir::edge
