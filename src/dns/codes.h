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
  kTsig = 250,  // RFC 8945
  kIxfr = 251,  // RFC 1995
  kAxfr = 252,  // RFC 5936
  kAny = 255,   // RFC 1035, RFC 8482
  kCaa = 257,   // RFC 8659
};

inline constexpr std::uint16_t kClassIn = 1;
inline constexpr std::uint16_t kClassNone = 254;  // RFC 2136
inline constexpr std::uint16_t kClassAny = 255;

// RFC 1035 section 4.1.1, RFC 2136 section 2.2, RFC 6891 section 9, RFC 7873 section 8
enum class Rcode : std::uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kYxDomain = 6,
  kYxRrset = 7,
  kNxRrset = 8,
  kNotAuth = 9,
  kNotZone = 10,
  kBadVers = 16,
  kBadCookie = 23,
};

enum class Opcode : std::uint8_t { kQuery = 0, kNotify = 4, kUpdate = 5 };

// Of a header (RFC 1035 section 4.1.1)
inline constexpr std::uint16_t kFlagResponse = 0x8000;
inline constexpr std::uint16_t kFlagAuthoritative = 0x0400;
inline constexpr std::uint16_t kFlagTruncated = 0x0200;
inline constexpr std::uint16_t kFlagRecursionDesired = 0x0100;
inline constexpr std::uint16_t kFlagCheckingDisabled = 0x0010;

constexpr Opcode opcode_of(std::uint16_t flags) { return static_cast<Opcode>(flags >> 11U & 15U); }

// Of questions and of messages, never of records that a zone has (RFC 6895 section 3.1)
constexpr bool is_meta(Type type) {
  const auto number = static_cast<std::uint16_t>(type);
  return number == 0 || type == Type::kOpt || (number >= 128 && number <= 255);
}

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kMessageBytesMax = 65535;  // what the length of a TCP message can say

}  // namespace weir::dns
