// SshReader: what RFC 4251 section 5 puts into messages and keys, read from the front, never beyond the end.
// After the first thing that is not there everything is empty, and good() is false.
#pragma once

#include <cstdint>
#include <string_view>

#include "net/buffer.h"

namespace weir::auth {

class SshReader {
 public:
  explicit SshReader(net::Slice bytes) : rest_(bytes) {}

  bool good() const { return good_; }
  bool done() const { return good_ && rest_.empty(); }
  net::Slice rest() const { return rest_; }

  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  net::Slice string() {
    const std::size_t bytes = u32();
    return take(bytes);
  }
  std::string_view text() { return net::as_text(string()); }
  // An mpint that is not negative, without the zeros before it.
  net::Slice magnitude() {
    net::Slice bytes = string();
    if (!bytes.empty() && (bytes.front() & std::byte{0x80}) != std::byte{0}) {
      good_ = false;
      return {};
    }
    while (!bytes.empty() && bytes.front() == std::byte{0}) bytes = bytes.subspan(1);
    return bytes;
  }

 private:
  net::Slice take(std::size_t bytes) {
    if (!good_ || bytes > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const net::Slice taken = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return taken;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const std::byte byte : take(bytes)) value = value << 8U | std::to_integer<std::uint64_t>(byte);
    return value;
  }

  net::Slice rest_;
  bool good_ = true;
};

}  // namespace weir::auth
