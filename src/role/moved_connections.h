// Connections as letters: what one process knows of them, and their sockets, for the process that goes on
// with them. Each function is called on the loop that has the connection, or is to have it.
#pragma once

#include <string_view>

#include "edge/tcp_proxy.h"
#include "handover/letter.h"
#include "http/connection.h"
#include "net/core.h"

namespace weir::role {

inline constexpr std::string_view kPairWord = "pair";
inline constexpr std::string_view kIdleWord = "idle";

handover::Letter to_letter(edge::MovedConnection moved);
// Of HTTP/1, between two requests.
handover::Letter to_letter(http::Incoming idle);

Result<edge::MovedConnection> read_moved(net::Core& core, handover::Letter letter);
Result<http::Incoming> read_idle(net::Core& core, handover::Letter letter);

}  // namespace weir::role
