// ClientHello: what the first message of a TLS client (RFC 8446 section 4.1.2) says about whom it wants: the
// server's name (SNI, RFC 6066 section 3) and the protocols it offers (ALPN, RFC 7301). Read without
// answering, for who passes the connection on. A pure function on bytes; on any core.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/buffer.h"

namespace weir::edge {

// A hello with a post-quantum key share has about 1.8 KiB; with a session ticket or an encrypted inner hello
// some KiB more.
inline constexpr std::size_t kClientHelloBytesMax = net::Buffer::kBytes;

struct ClientHello {
  std::string server_name;             // in lower case; empty: the client names none
  std::vector<std::string> protocols;  // by preference
};

// Whether all of it is there, whatever records it comes in; received.size() < kClientHelloBytesMax when it is
// not. kMalformed: this is no TLS, or breaks its rules, or has more than that.
Result<bool> parse_client_hello(net::Slice received, ClientHello& hello);

}  // namespace weir::edge
