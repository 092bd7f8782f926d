// How long sessions live, and how many there are.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/time.h"

namespace weir::session {

// Of a browser: it ends so long after it began, or after it was last used.
inline constexpr Duration kLifeMax = std::chrono::hours(30 * 24);
inline constexpr Duration kIdleMax = std::chrono::hours(24);
// That it was used is written down when its end moves by so much.
inline constexpr Duration kRenewAfter = std::chrono::hours(1);

// A device that nobody has approved yet (RFC 8628 section 3.2).
inline constexpr Duration kCodeLife = std::chrono::minutes(10);
inline constexpr Duration kPollInterval = std::chrono::seconds(5);
inline constexpr std::size_t kPendingMax = 1000;  // anybody can ask for one, a few from one address

inline constexpr std::size_t kSessionsOfOneMax = 100;  // a user's or a token's; the oldest has to go
inline constexpr std::size_t kListedMax = 1000;
inline constexpr std::size_t kBodyBytesMax = 64 * 1024;  // 100 SSH keys
inline constexpr std::size_t kTextBytesMax = 512;        // of a browser's name, and a device's
inline constexpr std::size_t kPasswordBytesMax = 1024;
inline constexpr std::size_t kRemovedMax = 1000;  // in one transaction
inline constexpr Duration kSweepInterval = std::chrono::seconds(30);

// What the keys of this room are derived from the authority for (tls::Authority::derive_secret).
inline constexpr const char* kPurpose = "weir sessions";

}  // namespace weir::session
