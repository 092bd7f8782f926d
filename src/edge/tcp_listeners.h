// TCP listeners: what a connection of a port is taken for, before a byte of HTTP: a TCP listener takes all of
// its port; TLS listeners share theirs by the name that the client asks for (SNI) and the protocols that it
// offers (ALPN), with each other and with HTTPS. Made with each plan on the control loop, immutable, read by
// every core; only what a listener shares lives on and is counted in.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "edge/client_hello.h"
#include "edge/sources.h"
#include "filter/admission.h"
#include "filter/filter.h"
#include "lb/policies.h"
#include "tls/server_context.h"

namespace weir::edge {

// What a listener keeps over changes of it.
struct SharedListener {
  std::atomic<std::uint32_t> open = 0;  // connections, where they are limited
  Sources sources;
  lb::Rotation rotation;
};

struct TcpListener {
  // common: of all routes. shared: of the same listener before, or a new one.
  TcpListener(const config::LoadBalancer& load_balancer, std::size_t place, const filter::Common& common,
              std::shared_ptr<SharedListener> shared);

  std::string load_balancer;
  std::string name;  // "db/0": the load balancer and the place in it
  config::Listener spec;
  std::vector<config::Backend> backends;
  std::unique_ptr<lb::Policy> split;  // over the backends by weight; null when there is one
  filter::AddressAccess access;
  filter::RateRules rates;
  Duration idle;
  Duration half_closed;
  std::optional<Duration> duration_max;
  std::optional<config::Retries> retries;
  std::shared_ptr<tls::ServerContext> tls;  // that ends TLS here; null: it doesn't, or is refused
  bool refused = false;                     // its TLS can't be had: no connection is better than a weaker one
  std::shared_ptr<SharedListener> shared;

  bool passthrough() const { return config::is_passthrough(spec); }
};
using TcpListenerPointer = std::shared_ptr<const TcpListener>;

// Of one port.
class TcpPort {
 public:
  // HTTP: a host name that HTTPS has, on a port of both.
  void add(const config::Listener& spec, const TcpListenerPointer& listener);
  void add_http(const config::Listener& spec) { add(spec, nullptr); }

  // Of a port without TLS; null: it is not of TCP.
  const TcpListenerPointer& plain() const { return plain_; }
  // Whether clients' hellos have to be read to know who takes them.
  bool by_hello() const { return by_hello_; }

  // Who takes a client of that hello. An exact name wins over a wildcard, a longer wildcard over a shorter,
  // any wildcard over no name. Nothing: nobody; null: HTTP.
  std::optional<TcpListenerPointer> match(const ClientHello& hello) const;
  // By its name; null: it is not of this port.
  TcpListenerPointer find(std::string_view name) const;

 private:
  struct Taker {
    std::vector<std::string> protocols;  // none: whatever is offered
    TcpListenerPointer listener;         // null: HTTP
  };
  using Takers = std::vector<Taker>;  // those with protocols first
  static std::optional<TcpListenerPointer> choose(const Takers& takers, const ClientHello& hello);

  TcpListenerPointer plain_;
  bool by_hello_ = false;
  std::map<std::string, Takers, std::less<>> named_;  // "a.example", and ".example" for "*.example"
  Takers any_;
};

}  // namespace weir::edge
