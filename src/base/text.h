// Small text helpers that several rooms need. ASCII only, no locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr bool equal_ignoring_case(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (ascii_lower(left[i]) != ascii_lower(right[i])) return false;
  }
  return true;
}

std::string to_lower(std::string_view text);
std::string_view trim(std::string_view text);  // spaces and tabs at both ends

// Decimal digits only: no sign, no space, no overflow.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// The candidate nearest to what was written, when it is near enough to be a slip of the hand; else empty.
std::string_view nearest(std::string_view written, std::span<const std::string_view> candidates);

std::string to_hex(std::span<const std::byte> bytes);

}  // namespace weir
