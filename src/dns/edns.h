// The OPT record of queries and replies (RFC 6891) with its options COOKIE (RFC 7873) and client subnet
// (RFC 7871); other options are skipped. Pure values on the caller's memory; on any core.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "dns/bytes.h"
#include "dns/codes.h"

namespace weir::dns {

inline constexpr std::uint16_t kUdpBytesPlain = 512;  // without OPT: RFC 1035 section 4.2.1
inline constexpr std::uint16_t kUdpBytesMax = 1232;   // fits the smallest MTU of IPv6, less headers
inline constexpr std::size_t kOptBytes = 11;          // without options
inline constexpr std::size_t kOptionHeadBytes = 4;    // code and length
inline constexpr std::size_t kOptBytesMax = kOptBytes + kOptionHeadBytes + 40 + kOptionHeadBytes + 20;
inline constexpr std::uint8_t kEdnsVersion = 0;

// Of a query. What it shows lies within the message.
struct Opt {
  bool present = false;
  bool dnssec_ok = false;
  std::uint8_t version = 0;
  std::uint16_t udp_bytes = 0;  // what the client takes
  Bytes cookie;                 // client's 8 octets, then 0 or 8 to 32 of the server's; empty: none
  Bytes subnet;                 // family, source and scope prefix length, address; empty: none

  std::uint8_t subnet_bits() const { return subnet.empty() ? std::uint8_t{0} : subnet[2]; }
  // Its address, with zeros where the prefix ends
  Ip subnet_ip() const;
};

// record_class and ttl are those of the OPT record. In any case opt then says what could be read. A version
// that is not spoken here is not refused here, and its options are not looked at.
Result<void> read_opt(std::uint16_t record_class, std::uint32_t ttl, Bytes rdata, Opt& opt);

// What the OPT of a reply says.
struct OptReply {
  Rcode rcode = Rcode::kNoError;
  bool dnssec_ok = false;
  Bytes cookie;  // empty: none
  Bytes subnet;  // of the query; empty: none
  std::uint8_t scope_bits = 0;
};

std::size_t opt_bytes(const OptReply& reply);
void write_opt(const OptReply& reply, ByteWriter& out);

}  // namespace weir::dns
