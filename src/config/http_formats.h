// Formats of what is written about HTTP messages and their senders: field names and values, patterns,
// networks. A check answers with what is wrong, or with an empty text. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace weir::config {

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
