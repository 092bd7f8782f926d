// Octets in network order: loads, stores, and cursors that never leave their span. Pure values on the
// caller's memory; on any core.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace weir::dns {

using Bytes = std::span<const std::uint8_t>;

inline std::uint16_t load_u16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8U | at[1]);
}
inline std::uint32_t load_u32(const std::uint8_t* at) {
  return std::uint32_t{load_u16(at)} << 16U | load_u16(at + 2);
}
inline void store_u16(std::uint8_t* at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8U);
  at[1] = static_cast<std::uint8_t>(value);
}
inline void store_u32(std::uint8_t* at, std::uint32_t value) {
  store_u16(at, static_cast<std::uint16_t>(value >> 16U));
  store_u16(at + 2, static_cast<std::uint16_t>(value));
}
inline bool same_bytes(Bytes left, Bytes right) { return std::ranges::equal(left, right); }

// An IP address as messages have it: IPv4 is the first four octets.
struct Ip {
  std::array<std::uint8_t, 16> octets{};
  std::uint8_t size = 4;  // or 16

  Bytes bytes() const { return {octets.data(), size}; }
};

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

// What has no room is left out, and ok() is false from then on, until a rewind.
class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::uint8_t> into) : into_(into) {}

  void u8(std::uint8_t value) {
    if (auto* at = room(1)) *at = value;
  }
  void u16(std::uint16_t value) {
    if (auto* at = room(2)) store_u16(at, value);
  }
  void u32(std::uint32_t value) {
    if (auto* at = room(4)) store_u32(at, value);
  }
  void bytes(Bytes bytes) {
    if (bytes.empty()) return;
    if (auto* at = room(bytes.size())) std::memcpy(at, bytes.data(), bytes.size());
  }
  void rewind(std::size_t size) {
    size_ = size;
    ok_ = true;
  }
  // What is written from here on ends before that many octets, at most those of the span.
  void limit(std::size_t size) { limit_ = std::min(size, into_.size()); }

  std::size_t size() const { return size_; }
  std::size_t left() const { return limit_ > size_ ? limit_ - size_ : 0; }
  bool ok() const { return ok_; }
  Bytes written() const { return into_.first(size_); }
  // To go back to: what is there can be changed.
  std::uint8_t* at(std::size_t offset) { return into_.data() + offset; }

 private:
  std::uint8_t* room(std::size_t count) {
    if (!ok_ || count > left()) {
      ok_ = false;
      return nullptr;
    }
    size_ += count;
    return into_.data() + size_ - count;
  }
  std::span<std::uint8_t> into_;
  std::size_t limit_ = into_.size();
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace weir::dns
