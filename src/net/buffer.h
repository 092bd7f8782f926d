// Buffer: one pooled I/O buffer of limits::kIoBufferBytes. Held only while bytes are in it: an idle
// connection has none. Belongs to one core; the pool behind it is per thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/limits.h"

namespace weir::net {

using Slice = std::span<const std::byte>;

inline Slice as_slice(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Slice bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Buffer {
 public:
  static constexpr std::size_t kBytes = limits::kIoBufferBytes;

  Buffer() = default;  // holds nothing
  static Buffer acquire();
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
    }
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  explicit operator bool() const { return data_ != nullptr; }
  std::byte* data() const { return data_; }
  std::span<std::byte> span() const { return {data_, kBytes}; }
  void release() noexcept;

 private:
  explicit Buffer(std::byte* data) : data_(data) {}
  std::byte* data_ = nullptr;
};

}  // namespace weir::net
