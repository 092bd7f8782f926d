// From the octets of a query to those of its reply, out of the zones of this server: what RFC 1034 section
// 4.3.2 wants, with EDNS, cookies and client subnets. Neither waits, allocates nor keeps anything; on any
// core.
#pragma once

#include <cstdint>
#include <span>

#include "dns/bytes.h"
#include "dns/codes.h"
#include "dns/cookie.h"
#include "dns/edns.h"
#include "dns/steering.h"
#include "dns/zone.h"

namespace weir::dns {

inline constexpr std::size_t kAliasesMax = 8;   // followed within our zones for one answer
inline constexpr std::size_t kTargetsMax = 16;  // of one answer, whose addresses are added

// From what answers are made. It outlives the call.
struct Authority {
  const Zones* zones = nullptr;
  const Steering* steering = nullptr;          // none: what is steered has no records
  const CookieSecrets* cookies = nullptr;      // none: cookies are neither looked at nor sent
  std::uint16_t udp_bytes_max = kUdpBytesMax;  // at least kUdpBytesPlain
};

struct Asked {
  Bytes message;
  Ip client;
  bool is_stream = false;         // TCP, TLS: replies up to kMessageBytesMax
  std::uint32_t now_seconds = 0;  // since 1970, for cookies
};

struct Answered {
  std::size_t bytes = 0;  // 0: there must be no reply
  Rcode rcode = Rcode::kNoError;
  bool cookie_valid = false;  // the client is where it says: no need to limit its rate
};

// Writes the reply to `into`, which does not overlap the query and has at least kUdpBytesPlain octets; a
// reply that does not fit is truncated.
Answered answer(const Authority& authority, const Asked& asked, std::span<std::uint8_t> into);

}  // namespace weir::dns
