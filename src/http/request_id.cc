#include "http/request_id.h"

#include <algorithm>
#include <cstring>

namespace weir::http {
namespace {

// What no log, shell or query misreads.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

// Eight digits at once: this is done for every request. Which digit stands where does not matter in what is
// random.
char* write_hex(std::uint64_t word, char* to) {
  constexpr std::uint64_t kNibbles = 0x0f0f0f0f0f0f0f0f;
  constexpr std::uint64_t kEach = 0x0101010101010101;
  for (const std::uint64_t nibbles : {word & kNibbles, (word >> 4U) & kNibbles}) {
    const std::uint64_t letters = ((nibbles + 6 * kEach) >> 4U) & kEach;  // 1 where the digit is a to f
    const std::uint64_t digits = nibbles + '0' * kEach + letters * ('a' - '0' - 10);
    std::memcpy(to, &digits, sizeof digits);
    to += sizeof digits;
  }
  return to;
}

}  // namespace

void RequestId::assign(std::string_view from_client, Random& random) {
  if (!from_client.empty() && from_client.size() <= kBytesMax && is_plain(from_client)) {
    std::memcpy(text_.data(), from_client.data(), from_client.size());
    size_ = static_cast<std::uint8_t>(from_client.size());
    return;
  }
  const char* end = write_hex(random.next(), write_hex(random.next(), text_.data()));
  size_ = static_cast<std::uint8_t>(end - text_.data());
}

}  // namespace weir::http
