// The numbers of DNS: https://www.iana.org/assignments/dns-parameters. Types that are not listed here are
// served all the same, as octets (RFC 3597).
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::dns {

enum class Type : std::uint16_t {
  kA = 1,       // RFC 1035
  kNs = 2,      // RFC 1035
  kCname = 5,   // RFC 1035
  kSoa = 6,     // RFC 1035
  kPtr = 12,    // RFC 1035
  kMx = 15,     // RFC 1035
  kTxt = 16,    // RFC 1035
  kAaaa = 28,   // RFC 3596
  kSrv = 33,    // RFC 2782
  kNaptr = 35,  // RFC 3403
  kDname = 39,  // RFC 6672
  kOpt = 41,    // RFC 6891
  kDs = 43,     // RFC 4034
  kSshfp = 44,  // RFC 4255
  kRrsig = 46,  // RFC 4034
  kNsec = 47,   // RFC 4034
  kNsec3 = 50,  // RFC 5155
  kTlsa = 52,   // RFC 6698
  kSvcb = 64,   // RFC 9460
  kHttps = 65,  // RFC 9460
  kIxfr = 251,  // RFC 1995
  kAxfr = 252,  // RFC 5936
  kAny = 255,   // RFC 1035, RFC 8482
  kCaa = 257,   // RFC 8659
};

inline constexpr std::uint16_t kClassIn = 1;

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kMessageBytesMax = 65535;  // what the length of a TCP message can say

}  // namespace weir::dns
