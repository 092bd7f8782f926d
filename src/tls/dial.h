// dial(): a stream to a host that somebody named, over TLS or without: what a client of one server does
// before its first byte. localhost is this machine, by IPv4 or IPv6, without asking a name server (RFC 6761
// section 6.3). On the core of its Env.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "net/env.h"
#include "tls/client_context.h"

namespace weir::tls {

struct Host {
  std::string name;  // or an address, without brackets
  std::uint16_t port = 0;

  friend bool operator==(const Host&, const Host&) = default;
  bool is_loopback() const;  // 127.0.0.0/8, ::1, localhost and what is below it
};

// Happy eyeballs (RFC 8305 sections 4 and 5) over the addresses of one host: the families take turns,
// beginning with that of the first address; the next one is tried when one has failed, and beside it when it
// has had no answer for kNextAddressAfter. The first that answers is it. Each within the timeout.
inline constexpr Duration kNextAddressAfter = std::chrono::milliseconds(250);
struct Reached {
  std::unique_ptr<net::Stream> stream;
  net::Address address;
};
net::Task<Result<Reached>> connect_any(net::Connector& connector, net::Loop& loop,
                                       std::vector<net::Address> addresses, Duration timeout);

// Of an address itself, and of localhost: this machine's of both families. Others: none.
std::vector<net::Address> known_addresses(const Host& host);

// The addresses of the name, by happy eyeballs; all of it within the timeout. context: null for no TLS.
// server_name: whom the certificate is to be for; empty: the host.
net::Task<Result<std::unique_ptr<net::Stream>>> dial(net::Env& env, Host to,
                                                     std::shared_ptr<ClientContext> context, Duration timeout,
                                                     std::string server_name = {});

}  // namespace weir::tls
