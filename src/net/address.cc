#include <arpa/inet.h>

#include <algorithm>
#include <span>

#include "base/text.h"
#include "net/network.h"

namespace weir::net {

Address Address::v4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) {
  Address address;
  std::ranges::copy(bytes, address.bytes_.begin());
  address.port_ = port;
  return address;
}

Address Address::v6(std::array<std::uint8_t, 16> bytes, std::uint16_t port) {
  Address address;
  address.bytes_ = bytes;
  address.port_ = port;
  address.sort_ = Sort::kV6;
  return address;
}

Address Address::tunnel(std::array<std::uint8_t, 16> bytes) {
  Address address;
  address.bytes_ = bytes;
  address.sort_ = Sort::kTunnel;
  return address;
}

Result<Address> Address::parse_ip(std::string_view ip, std::uint16_t port) {
  if (ip.contains('\0')) return fail(Code::kInvalid, "not an IP address");
  const std::string text(ip);  // inet_pton wants a terminator, and stops at the first
  std::array<std::uint8_t, 4> four{};
  if (::inet_pton(AF_INET, text.c_str(), four.data()) == 1) return v4(four, port);
  std::array<std::uint8_t, 16> sixteen{};
  if (::inet_pton(AF_INET6, text.c_str(), sixteen.data()) == 1) return v6(sixteen, port);
  return fail(Code::kInvalid, "not an IP address");
}

Result<Address> Address::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return fail(Code::kInvalid, "no port; write it like 127.0.0.1:80 or [::1]:80");
  const auto port = parse_decimal(text.substr(colon + 1));
  if (!port || *port > 65535) return fail(Code::kInvalid, "a port is a number from 0 to 65535");
  std::string_view ip = text.substr(0, colon);
  const bool bracketed = ip.size() > 2 && ip.front() == '[' && ip.back() == ']';
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  auto address = parse_ip(ip, static_cast<std::uint16_t>(*port));
  if (address && address->is_v6() != bracketed)
    return fail(Code::kInvalid, "an IPv6 address goes in brackets");
  return address;
}

bool Address::is_loopback() const {
  if (sort_ != Sort::kV6) return sort_ == Sort::kV4 && bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; });
}

bool Address::is_any() const {
  return sort_ != Sort::kTunnel && std::ranges::all_of(bytes_, [](std::uint8_t b) { return b == 0; });
}

std::string Address::ip() const {
  if (sort_ == Sort::kTunnel) return "tunnel-" + to_hex(std::as_bytes(std::span(bytes_)));
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_v6() ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
  return text.data();
}

std::string Address::to_string() const {
  if (sort_ == Sort::kTunnel) return ip();
  return (is_v6() ? "[" + ip() + "]" : ip()) + ":" + std::to_string(port_);
}

}  // namespace weir::net
