// What each byte may be in an HTTP/1 head. Internal to the parser and the chunked decoder. constexpr; every
// core.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::http {

enum ByteClass : std::uint8_t {
  kNotToken = 1,     // cannot be in a field name or a method (RFC 9110 section 5.6.2)
  kControl = 2,      // cannot be in a field value (section 5.5): below 0x20 but for HTAB, and DEL
  kStopsTarget = 4,  // anything but a visible ASCII character, or '#': what ends, or cannot be in, a target
};

inline constexpr std::array<std::uint8_t, 256> kByteClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool visible = c > 0x20 && c < 0x7f;
    const bool mark = visible && std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c));
    const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    classes[c] = static_cast<std::uint8_t>((alphanumeric || mark ? 0 : kNotToken) | (control ? kControl : 0) |
                                           (visible && c != '#' ? 0 : kStopsTarget));
  }
  return classes;
}();

constexpr bool is_a(ByteClass which, char c) {
  return (kByteClasses[static_cast<unsigned char>(c)] & which) != 0;
}
constexpr bool is_token_byte(char c) { return !is_a(kNotToken, c); }
constexpr bool is_control_byte(char c) { return is_a(kControl, c); }

}  // namespace weir::http
