// Where the delimiters of an HTTP/1 head are, 64 bytes at a time. Internal to the parser. Pure; every core.
// AVX2 where the processor has it, SSE2 on every other x86-64, plain C++ elsewhere; all give the same masks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http {

// The same for one byte.
enum ByteClass : std::uint8_t { kNotToken = 1, kControl = 2, kStopsTarget = 4 };
inline constexpr std::array<std::uint8_t, 256> kByteClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool mark =
        c > 0x20 && c < 0x7f && std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c));
    const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    const bool stops = c <= 0x20 || c >= 0x7f || c == '#';
    classes[c] = static_cast<std::uint8_t>((alphanumeric || mark ? 0 : kNotToken) | (control ? kControl : 0) |
                                           (stops ? kStopsTarget : 0));
  }
  return classes;
}();
constexpr bool is_token_byte(char c) {
  return (kByteClasses[static_cast<unsigned char>(c)] & kNotToken) == 0;
}
constexpr bool is_control_byte(char c) {
  return (kByteClasses[static_cast<unsigned char>(c)] & kControl) != 0;
}

// Bit i tells about the byte at + i; bits for bytes that are not there are set, so that a search always
// stops.
struct LineMasks {
  std::uint64_t stop;  // anything but a visible ASCII character, or '#': what ends, or cannot be in, a target
  std::uint64_t question;  // '?' (not set behind the end)
};
struct FieldMasks {
  std::uint64_t not_token;  // cannot be in a field name (RFC 9110 section 5.6.2)
  std::uint64_t control;    // cannot be in a field value (section 5.5): below 0x20 but for HTAB, and DEL
};

// The 64 bytes from `at`, or up to `end`. No byte outside of [begin, end) is read; begin <= at < end: bytes
// in front of `at` are read, and disregarded, where that saves a slow path for the last block.
LineMasks scan_line(const char* begin, const char* at, const char* end);
FieldMasks scan_fields(const char* begin, const char* at, const char* end);

// The ways that there are, for the test that compares them. Null where the processor cannot.
struct ScanWay {
  const char* name;
  LineMasks (*line)(const char* begin, const char* at, const char* end);
  FieldMasks (*fields)(const char* begin, const char* at, const char* end);
};
inline constexpr std::size_t kScanWays = 3;
const ScanWay* scan_way(std::size_t index);

}  // namespace weir::http
