// Octets in network order: loads, and a cursor that never leaves its span. Pure values on the caller's
// memory; on any core.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::dns {

using Bytes = std::span<const std::uint8_t>;

inline std::uint16_t load_u16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8U | at[1]);
}
inline std::uint32_t load_u32(const std::uint8_t* at) {
  return std::uint32_t{load_u16(at)} << 16U | load_u16(at + 2);
}
inline bool same_bytes(Bytes left, Bytes right) { return std::ranges::equal(left, right); }

// What would lie beyond the end reads as zero, and ok() is false from then on.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes, std::size_t at = 0) : bytes_(bytes), at_(at) {}

  std::uint16_t u16() {
    const Bytes two = take(2);
    return two.empty() ? std::uint16_t{0} : load_u16(two.data());
  }
  std::uint32_t u32() {
    const Bytes four = take(4);
    return four.empty() ? 0U : load_u32(four.data());
  }
  Bytes take(std::size_t count) {
    if (count > left()) {
      ok_ = false;
      at_ = bytes_.size();
      return {};
    }
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  bool ok() const { return ok_; }

 private:
  Bytes bytes_;
  std::size_t at_;  // <= bytes_.size()
  bool ok_ = true;
};

}  // namespace weir::dns
