// Formats: texts with a grammar of their own: names, host names, addresses, paths, times. A check answers
// with what is wrong, or with an empty text. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace weir::config {

std::string check_name(std::string_view text);              // DNS label, lower case (RFC 1123)
std::string check_hostname(std::string_view text);          // "a.example"
std::string check_hostname_pattern(std::string_view text);  // or "*.example"
std::string check_host_field(std::string_view text);   // what a Host field may carry: name or address, port
std::string check_address(std::string_view text);      // host:port
std::string check_path(std::string_view text);         // "/healthz?full=1": path and query (RFC 3986)
std::string check_path_prefix(std::string_view text);  // a path without query
std::string check_match_path(
    std::string_view text);  // the same, as requests' paths are compared: see base/uri_path.h
std::string check_label_key(std::string_view text);
std::string check_email(
    std::string_view text);  // local-part "@" host name (RFC 5321 section 4.1.2, unquoted)
std::string check_password(std::string_view text);  // one that is chosen; a hash passes, too
std::string check_ssh_key(std::string_view text);   // see auth::parse_ssh_line()

bool is_utf8(std::string_view text);

struct Address {
  enum class Family : std::uint8_t { kIpv4, kIpv6, kName, kTunnel };
  Family family = Family::kName;
  // canonical: lower case, IPv6 in its shortest form, no brackets; of a tunnel: the origin's instance
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const Address&, const Address&) = default;
};

// Nothing when check_address() objects.
std::optional<Address> parse_address(std::string_view text);
std::string to_text(const Address& address);  // "[::1]:80"; "tunnel:laptop", which nothing parses

// "/api/" -> "/api", "/" stays: two prefixes that match the same paths become equal.
std::string_view normal_prefix(std::string_view prefix);

// "2026-11-21T03:11:19.250Z", also with an offset; finer than a millisecond is cut off (RFC 3339).
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace weir::config
