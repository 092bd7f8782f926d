#include "anycast/announcement.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace weir::anycast {
namespace {

constexpr std::size_t kBalancerBytesMax = 253;
constexpr unsigned kBitsMinV4 = 8;
constexpr unsigned kBitsMinV6 = 16;
constexpr std::string_view kLike =
    "must be an address like 203.0.113.10, 203.0.113.10/24 or 2001:db8::10=web";
constexpr std::string_view kLikeCommunity = "must be a community like 65000:100 or 65000:1:2";
constexpr std::string_view kHead =
    "# Written by weir, whenever its announcements change. What is changed by hand is lost.\n";
// RFC 8326: whoever takes the route may use it as the last one.
constexpr std::string_view kGracefulShutdown = "    bgp_community.add((65535, 0));\n";
constexpr std::string_view kProtocol = "protocol static ";
constexpr std::string_view kPrepended = " {  # prepended\n";

unsigned width_of(const net::Address& address) { return address.is_v6() ? 128 : 32; }

// One that means nothing beyond this link or this machine can't be announced.
bool is_announceable(const net::Address& address) {
  const auto& bytes = address.bytes();
  if (address.is_any() || address.is_loopback()) return false;
  if (address.is_v6()) {
    const bool is_multicast = bytes[0] == 0xff;
    const bool is_of_link = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
    const bool is_v4_within = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; });
    return !is_multicast && !is_of_link && !is_v4_within;
  }
  const bool is_of_link = bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] != 0 && bytes[0] < 224 && !is_of_link;
}

std::string text_of(const Community& community) {
  std::string text;
  for (const std::uint32_t part : community.parts) {
    text.append(text.empty() ? "" : ", ").append(std::to_string(part));
  }
  return text;
}

std::string attributes_of(const Site& site, Route route) {
  const unsigned more = route == Route::kPrepended ? site.drain_prepends : 0;
  const unsigned prepends = site.as == 0 ? 0 : site.prepends + more;
  std::string text;
  for (unsigned i = 0; i < prepends; ++i) {
    text.append("    bgp_path.prepend(").append(std::to_string(site.as)).append(");\n");
  }
  for (const Community& one : site.communities) {
    text.append(one.parts.size() == 3 ? "    bgp_large_community.add((" : "    bgp_community.add((");
    text.append(text_of(one)).append("));\n");
  }
  if (route == Route::kPrepended) text.append(kGracefulShutdown);
  return text;
}

}  // namespace

std::expected<Wanted, std::string> parse_wanted(std::string_view text) {
  Wanted wanted;
  const std::size_t equals = text.find('=');
  if (equals != std::string_view::npos) {
    wanted.balancer = text.substr(equals + 1);
    if (wanted.balancer.empty() || wanted.balancer.size() > kBalancerBytesMax) {
      return std::unexpected(std::string(kLike));
    }
    text = text.substr(0, equals);
  }
  const std::size_t slash = text.find('/');
  const auto address = net::Address::parse_ip(text.substr(0, slash), 0);
  if (!address) return std::unexpected(std::string(kLike));
  if (!is_announceable(*address)) return std::unexpected("must be an address that others can be told of");
  wanted.address = *address;
  wanted.bits = width_of(*address);
  if (slash == std::string_view::npos) return wanted;
  const auto bits = parse_decimal(text.substr(slash + 1));
  const unsigned bits_min = address->is_v6() ? kBitsMinV6 : kBitsMinV4;
  if (!bits || *bits < bits_min || *bits > width_of(*address)) {
    return std::unexpected("must have a network of " + std::to_string(bits_min) + " to " +
                           std::to_string(width_of(*address)) + " bits");
  }
  wanted.bits = static_cast<unsigned>(*bits);
  return wanted;
}

std::string network_of(const Wanted& wanted) {
  std::array<std::uint8_t, 16> bytes = wanted.address.bytes();
  for (unsigned bit = wanted.bits; bit < width_of(wanted.address); ++bit) {
    bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  const net::Address network = wanted.address.is_v6()
                                   ? net::Address::v6(bytes, 0)
                                   : net::Address::v4({bytes[0], bytes[1], bytes[2], bytes[3]}, 0);
  return network.ip() + "/" + std::to_string(wanted.bits);
}

std::string protocol_of(const Wanted& wanted) {
  std::string name = "weir_" + wanted.address.ip();
  std::ranges::replace_if(name, [](char c) { return c == '.' || c == ':'; }, '_');
  return name;
}

std::expected<Community, std::string> parse_community(std::string_view text) {
  Community community;
  for (;;) {
    const std::size_t colon = text.find(':');
    const auto part = parse_decimal(text.substr(0, colon));
    if (!part || *part > std::numeric_limits<std::uint32_t>::max() || community.parts.size() == 3) {
      return std::unexpected(std::string(kLikeCommunity));
    }
    community.parts.push_back(static_cast<std::uint32_t>(*part));
    if (colon == std::string_view::npos) break;
    text = text.substr(colon + 1);
  }
  if (community.parts.size() == 3) return community;
  const bool is_short = std::ranges::all_of(community.parts, [](auto part) { return part <= 0xffff; });
  if (community.parts.size() != 2 || !is_short) return std::unexpected(std::string(kLikeCommunity));
  return community;
}

std::string_view name_of(Route route) {
  switch (route) {
    case Route::kAnnounced: return "announced";
    case Route::kPrepended: return "prepended";
    case Route::kWithdrawn: break;
  }
  return "withdrawn";
}

std::string include_text(const Site& site, std::span<const Wanted> wanted, std::span<const Route> routes) {
  WEIR_CHECK(wanted.size() == routes.size());
  std::string text(kHead);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (routes[i] == Route::kWithdrawn) continue;
    text.append(kProtocol).append(protocol_of(wanted[i]));
    text.append(routes[i] == Route::kPrepended ? kPrepended : " {\n");
    text.append(wanted[i].address.is_v6() ? "  ipv6;\n" : "  ipv4;\n");
    text.append("  route ").append(network_of(wanted[i])).append(" blackhole");
    const std::string attributes = attributes_of(site, routes[i]);
    text.append(attributes.empty() ? std::string() : " {\n" + attributes + "  }").append(";\n}\n");
  }
  return text;
}

std::vector<Route> read_include(std::string_view text, std::span<const Wanted> wanted) {
  std::vector<Route> routes;
  for (const Wanted& one : wanted) {
    const std::string begin = std::string(kProtocol) + protocol_of(one);
    if (text.contains(begin + std::string(kPrepended))) {
      routes.push_back(Route::kPrepended);
    } else {
      routes.push_back(text.contains(begin + " {\n") ? Route::kAnnounced : Route::kWithdrawn);
    }
  }
  return routes;
}

}  // namespace weir::anycast
