// The opening handshake of WebSocket (RFC 6455, section 4): keys, and what is wrong with a request for one.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace weir::websocket {

// Of a client: the value of Sec-WebSocket-Key, made of the kernel's randomness.
Result<std::string> make_key();
// What the answer to a request with that key has as Sec-WebSocket-Accept.
std::string accept_of(std::string_view key);
// What is wrong with the fields of a request that asks for a WebSocket, as a sentence; empty: nothing.
std::string check_request(const http::Fields& fields);

}  // namespace weir::websocket
