// The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): the header by which a load balancer in
// front says whose connection it carries. Pure functions on bytes; on any core. It is believed only from
// sources that the configuration lists: that is the caller's to check, before it parses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "net/buffer.h"
#include "net/network.h"

namespace weir::tls {

// The longest header taken. Version 1 has at most 107 bytes; version 2 may carry 64 KiB of extensions, of
// which real ones take a few hundred bytes (a TLS client certificate's name, a cloud's endpoint id).
inline constexpr std::size_t kProxyHeaderBytesMax = 4096;

struct ProxyHeader {
  struct Ends {
    net::Address source;
    net::Address destination;
  };
  // Empty: the connection is the sender's own (a health check: LOCAL), or of a kind without addresses
  // (UNKNOWN); the addresses of the connection itself count.
  std::optional<Ends> proxied;
};

// The bytes that the header takes, or 0 when it is not all there: then received.size() <
// kProxyHeaderBytesMax. kMalformed: it is none, or breaks the rules of its version. What follows the header
// is not looked at.
Result<std::size_t> parse_proxy_header(net::Slice received, ProxyHeader& header);

enum class ProxyVersion : std::uint8_t { k1, k2 };

// Room for what is written: the longest line of version 1.
using ProxyHeaderBytes = std::array<std::byte, 107>;

// Into `out`; the result is the part that was written. Addresses of different families become IPv6 in version
// 2 (mapped, RFC 4291 section 2.5.5.2) and UNKNOWN in version 1, which has no way to say it. Empty: LOCAL or
// UNKNOWN.
std::span<const std::byte> write_proxy_header(ProxyVersion version, const ProxyHeader& header,
                                              ProxyHeaderBytes& out);

}  // namespace weir::tls
