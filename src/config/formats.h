// Formats: texts with a grammar of their own: names, host names, addresses, paths, times, and what is written
// about HTTP messages and their senders. A check answers with what is wrong, or with an empty text. Pure
// functions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"

namespace re2 {
class RE2;
}

namespace weir::config {

std::string check_name(std::string_view text);              // DNS label, lower case (RFC 1123)
std::string check_dotted_name(std::string_view text);       // several of them: "www.a.example"
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
// OpenID Connect Discovery 1.0 section 2: https, without query and fragment. This machine's own is as good.
std::string check_issuer(std::string_view text);
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

// --- of service discovery
std::string check_service_type(std::string_view text);  // "_http._tcp" (RFC 6763 section 7)
std::string check_subtype(std::string_view text);       // "_printer" (section 7.1)
std::string check_instance(std::string_view text);      // any text without control characters (section 4.1.1)
std::string check_version(std::string_view text);
std::string check_text_pair(std::string_view text);  // "key=value", "key" (section 6.4)

// --- of containers
std::string check_cpu(std::string_view text);     // "500m", "1.5"
std::string check_memory(std::string_view text);  // "64Mi"
std::string check_absolute(std::string_view text);
std::string check_variable(std::string_view text);    // of an environment
std::string check_image(std::string_view text);       // "registry.example/team/web:1.2"
std::string check_capability(std::string_view text);  // "CAP_NET_BIND_SERVICE"
std::string check_ip_text(std::string_view text);

// --- of HTTP messages and their senders
std::string check_token(std::string_view text);        // a field name, method or cookie name (RFC 9110 5.6.2)
std::string check_field_value(std::string_view text);  // RFC 9110 section 5.5, without obs-text
std::string check_realm(std::string_view text);        // goes into a quoted string as it is
std::string check_regex(std::string_view text);        // see Pattern
// A field that an edit may touch: not one of those that delimit messages or belong to one hop.
std::string check_editable_field(std::string_view text);
std::string check_network(std::string_view text);

// A regular expression that takes linear time (RE2), matched against a whole text. Immutable; read by every
// core at once.
class Pattern {
 public:
  explicit Pattern(std::string_view text);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // What is wrong with it; empty: nothing.
  std::string problem() const;
  bool matches(std::string_view text) const;

 private:
  std::unique_ptr<re2::RE2> compiled_;
};

// "10.0.0.0/8", "fd00::/8", or one address.
struct Network {
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four
  std::uint8_t prefix_bits = 0;
  bool v6 = false;

  bool contains(bool address_is_v6, std::span<const std::uint8_t> address) const;
};
// Nothing when check_network() objects.
std::optional<Network> parse_network(std::string_view text);

}  // namespace weir::config
