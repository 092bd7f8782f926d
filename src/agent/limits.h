// Every bound of an agent, with its unit and its reason.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/time.h"

namespace weir::agent {

// To an edge, with its handshake.
inline constexpr Duration kConnectTimeout = std::chrono::seconds(5);
// From there to the edge's welcome.
inline constexpr Duration kWelcomeTimeout = std::chrono::seconds(5);
// To the origin, which is near.
inline constexpr Duration kOriginTimeout = std::chrono::seconds(5);
// A silent edge is asked after the first and given up after both: 5 s.
inline constexpr Duration kKeepaliveInterval = std::chrono::milliseconds(2500);
inline constexpr Duration kKeepaliveTimeout = std::chrono::milliseconds(2500);
// Between two tries of one edge.
inline constexpr Duration kRetryFirst = std::chrono::milliseconds(200);
inline constexpr Duration kRetryLongest = std::chrono::seconds(10);
// An edge that says that it leaves is tried again after this: others that are free come first.
inline constexpr Duration kSameAgain = std::chrono::milliseconds(50);
// Between two looks for edges that share less with the others than those that there are links to.
inline constexpr Duration kSpreadInterval = std::chrono::seconds(5);
// A session that lasted so long was none that failed.
inline constexpr Duration kSettled = std::chrono::seconds(10);
// For every edge to hear that an origin leaves.
inline constexpr Duration kUnregisterTimeout = std::chrono::seconds(5);

// --- of its file
inline constexpr std::size_t kEdgesMax = 64;
inline constexpr std::size_t kLinksMax = 8;
inline constexpr std::size_t kApisMax = 16;
inline constexpr std::size_t kFileServicesMax = 1000;  // as an edge takes from one session

}  // namespace weir::agent
