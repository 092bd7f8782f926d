#include "cloud/dns_client.h"

#include <algorithm>

namespace weir::cloud {

std::string quoted_reason(std::string_view text) {
  constexpr std::size_t kBytesMax = 500;
  std::string line(text.substr(0, kBytesMax));
  std::ranges::replace_if(
      line,
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f; },
      ' ');
  return line;
}

}  // namespace weir::cloud
