// What a handshake verifies about the peer, and what became of it in words. Private to tls/. On any core.
#pragma once

#include <string>

#include "base/error.h"
#include "base/time.h"

struct ssl_st;

namespace weir::tls {

// Certificates are judged at this time.
void set_verify_time(ssl_st& connection, WallTime now);
// A client's: the server must be this name or address, when anything is verified; a name is sent as SNI.
Result<void> expect_server(ssl_st& connection, const std::string& name, WallTime now);
// Why the handshake failed; empties the library's error queue.
Error handshake_error(const ssl_st& connection, Side peer);

}  // namespace weir::tls
