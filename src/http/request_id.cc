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

char* write_hex(std::uint64_t word, char* to) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) *to++ = kDigits[(word >> static_cast<unsigned>(shift)) & 15U];
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
