#include "dns/edns.h"

#include <algorithm>

namespace weir::dns {
namespace {

constexpr std::uint16_t kSubnetOption = 8;
constexpr std::uint16_t kCookieOption = 10;
constexpr std::uint32_t kDnssecOk = 0x8000;
constexpr std::size_t kSubnetHeadBytes = 4;

Result<void> check_cookie_size(Bytes cookie) {
  if (cookie.size() == 8 || (cookie.size() >= 16 && cookie.size() <= 40)) return {};
  return fail(Code::kMalformed, "a cookie has 8 octets, or 16 to 40 with the server's");
}

// RFC 7871 section 6 and 7.1.2
Result<void> check_subnet(Bytes subnet) {
  if (subnet.size() < kSubnetHeadBytes)
    return fail(Code::kMalformed, "a client subnet has at least 4 octets");
  const std::uint16_t family = load_u16(subnet.data());
  const std::uint8_t bits = subnet[2];
  const Bytes address = subnet.subspan(kSubnetHeadBytes);
  if (family > 2) return fail(Code::kMalformed, "a client subnet is of IPv4 or IPv6");
  constexpr std::array<std::uint8_t, 3> kBitsMax = {0, 32, 128};  // family 0: no address at all
  if (bits > kBitsMax[family])
    return fail(Code::kMalformed, "a client subnet has a prefix longer than its address");
  if (subnet[3] != 0) return fail(Code::kMalformed, "the scope of a client subnet is 0 in a query");
  if (address.size() != (bits + 7U) / 8)
    return fail(Code::kMalformed, "a client subnet has as many octets as its prefix needs");
  const auto rest = static_cast<std::uint8_t>(0xffU >> (bits % 8U));
  if (bits % 8U != 0 && (address.back() & rest) != 0)
    return fail(Code::kMalformed, "a client subnet is zero beyond its prefix");
  return {};
}

}  // namespace

Ip Opt::subnet_ip() const {
  Ip ip;
  if (subnet.empty()) return ip;
  ip.size = load_u16(subnet.data()) == 2 ? 16 : 4;
  std::ranges::copy(subnet.subspan(kSubnetHeadBytes), ip.octets.begin());
  return ip;
}

Result<void> read_opt(std::uint16_t record_class, std::uint32_t ttl, Bytes rdata, Opt& opt) {
  opt.present = true;
  opt.udp_bytes = record_class;
  opt.version = static_cast<std::uint8_t>(ttl >> 16U);
  opt.dnssec_ok = (ttl & kDnssecOk) != 0;
  if (opt.version != kEdnsVersion) return {};
  ByteReader reader(rdata);
  while (reader.left() != 0) {
    const std::uint16_t option = reader.u16();
    const std::uint16_t size = reader.u16();
    const Bytes data = reader.take(size);
    if (!reader.ok()) return fail(Code::kMalformed, "an option goes beyond its OPT record");
    // The first of each counts (RFC 7873 section 5.2)
    if (option == kCookieOption && opt.cookie.empty()) {
      if (const auto checked = check_cookie_size(data); !checked) return checked;
      opt.cookie = data;
    } else if (option == kSubnetOption && opt.subnet.empty()) {
      if (const auto checked = check_subnet(data); !checked) return checked;
      opt.subnet = data;
    }
  }
  return {};
}

std::size_t opt_bytes(const OptReply& reply) {
  std::size_t size = kOptBytes;
  if (!reply.cookie.empty()) size += kOptionHeadBytes + reply.cookie.size();
  if (!reply.subnet.empty()) size += kOptionHeadBytes + reply.subnet.size();
  return size;
}

void write_opt(const OptReply& reply, ByteWriter& out) {
  out.u8(0);  // the root
  out.u16(static_cast<std::uint16_t>(Type::kOpt));
  out.u16(kUdpBytesMax);
  const std::uint32_t extended = static_cast<std::uint32_t>(reply.rcode) >> 4U;
  out.u32(extended << 24U | (reply.dnssec_ok ? kDnssecOk : 0U));
  out.u16(static_cast<std::uint16_t>(opt_bytes(reply) - kOptBytes));
  if (!reply.cookie.empty()) {
    out.u16(kCookieOption);
    out.u16(static_cast<std::uint16_t>(reply.cookie.size()));
    out.bytes(reply.cookie);
  }
  if (!reply.subnet.empty()) {
    out.u16(kSubnetOption);
    out.u16(static_cast<std::uint16_t>(reply.subnet.size()));
    out.bytes(reply.subnet.first(3));
    out.u8(reply.scope_bits);
    out.bytes(reply.subnet.subspan(kSubnetHeadBytes));
  }
}

}  // namespace weir::dns
