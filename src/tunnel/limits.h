// Bounds of connections with agents and with other edges alike, with their units and reasons.
#pragma once

#include <chrono>

#include "base/time.h"

namespace weir::tunnel {

// A silent peer is asked after the first and given up after both: 5 s.
inline constexpr Duration kPeerKeepaliveInterval = std::chrono::milliseconds(2500);
inline constexpr Duration kPeerKeepaliveTimeout = std::chrono::milliseconds(2500);
// The connection takes some bytes.
inline constexpr Duration kPeerWriteTimeout = std::chrono::seconds(10);

}  // namespace weir::tunnel
