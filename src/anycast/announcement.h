// Announcement: which addresses are this machine's and other machines', too, and how they are announced: as
// what BIRD includes in its configuration. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/network.h"

namespace weir::anycast {

inline constexpr std::size_t kAddressesMax = 32;    // of one machine; each is looked after by itself
inline constexpr std::size_t kCommunitiesMax = 16;  // on each announcement
inline constexpr std::uint64_t kPrependsMax = 10;   // longer paths are dropped by many networks

// An address that this machine shares, and the network that is announced for it: the address alone, unless
// those who are told take no network that small.
struct Wanted {
  net::Address address;
  unsigned bits = 0;     // of the network
  std::string balancer;  // the LoadBalancer whose address it is; empty: of all
  friend bool operator==(const Wanted&, const Wanted&) = default;
};
// "203.0.113.10", "203.0.113.10/24", "2001:db8::10=web". The error is a predicate: "must be ...".
std::expected<Wanted, std::string> parse_wanted(std::string_view text);
// "203.0.113.0/24"
std::string network_of(const Wanted& wanted);
// "weir_203_0_113_10": by which BIRD and its filters know it.
std::string protocol_of(const Wanted& wanted);

// "65000:100" (RFC 1997), or "65000:1:2" (RFC 8092).
struct Community {
  std::vector<std::uint32_t> parts;
  friend bool operator==(const Community&, const Community&) = default;
};
std::expected<Community, std::string> parse_community(std::string_view text);

// What all announcements of this machine have.
struct Site {
  std::uint32_t as = 0;  // the number of its network; 0: nothing is prepended
  std::vector<Community> communities;
  unsigned prepends = 0;        // always: of two sites that are equally near, the one with fewer is chosen
  unsigned drain_prepends = 3;  // more of them while it drains
};

enum class Route : std::uint8_t { kWithdrawn, kAnnounced, kPrepended };
std::string_view name_of(Route route);  // "announced"

// What BIRD includes: one static protocol for each that is announced. As many routes as wanted.
std::string include_text(const Site& site, std::span<const Wanted> wanted, std::span<const Route> routes);
// What such a text announces of those; what can't be read of it is not announced.
std::vector<Route> read_include(std::string_view text, std::span<const Wanted> wanted);

}  // namespace weir::anycast
