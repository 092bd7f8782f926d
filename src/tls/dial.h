// dial(): a stream to a host that somebody named, over TLS or without: what a client of one server does
// before its first byte. localhost is this machine without asking a name server (RFC 6761 section 6.3). On
// the core of its Env.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/env.h"
#include "tls/client_context.h"

namespace weir::tls {

struct Host {
  std::string name;  // or an address, without brackets
  std::uint16_t port = 0;

  friend bool operator==(const Host&, const Host&) = default;
  bool is_loopback() const;  // 127.0.0.0/8, ::1, localhost and what is below it
};

// Tries the addresses one after the other, each within the timeout. context: null for no TLS. server_name:
// whom the certificate is to be for; empty: the host.
net::Task<Result<std::unique_ptr<net::Stream>>> dial(net::Env& env, Host to,
                                                     std::shared_ptr<ClientContext> context, Duration timeout,
                                                     std::string server_name = {});

}  // namespace weir::tls
