// Server cookies that any server with the same secret makes and knows (RFC 7873, RFC 9018): version 1, a time
// and SipHash-2-4 over both and the client's address. Secrets and time come in; nothing is kept. Pure; on any
// core.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dns/bytes.h"
#include "dns/siphash.h"

namespace weir::dns {

inline constexpr std::size_t kClientCookieBytes = 8;
inline constexpr std::size_t kServerCookieBytes = 16;  // those made here; others have 8 to 32
inline constexpr std::size_t kCookieBytes = kClientCookieBytes + kServerCookieBytes;

// RFC 9018 section 4.3, in seconds
inline constexpr std::int32_t kCookieAgeMax = 3600;
inline constexpr std::int32_t kCookieAheadMax = 300;  // another server's clock may be ahead
inline constexpr std::int32_t kCookieRenewAge = 1800;

// Roll-over: the next secret becomes current, and the one until then stays previous for kCookieAgeMax.
struct CookieSecrets {
  SipKey current{};
  std::optional<SipKey> previous;
};

using Cookie = std::array<std::uint8_t, kCookieBytes>;  // client's, then server's: the octets of the option

enum class CookieCheck : std::uint8_t {
  kAbsent,   // the client's half only
  kInvalid,  // not ours, of another client, or too old
  kRenew,    // valid, but a new one goes back: it is old, or of the previous secret
  kFresh,    // valid, and may go back as it came
};

// client_cookie has kClientCookieBytes; now: seconds since 1970, modulo 2^32 (RFC 1982 arithmetic).
Cookie make_cookie(Bytes client_cookie, const Ip& client, std::uint32_t now_seconds, const SipKey& secret);
// cookie: the octets of the option, at least the client's half.
CookieCheck check_cookie(Bytes cookie, const Ip& client, std::uint32_t now_seconds,
                         const CookieSecrets& secrets);

}  // namespace weir::dns
