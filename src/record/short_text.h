// ShortText: a copy of a text, cut to a bound: what is kept of every request without an allocation.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::record {

template <std::size_t kBytesMax>
class ShortText {
 public:
  void assign(std::string_view text) {
    cut_ = text.size() > kBytesMax;
    bytes_ = static_cast<std::uint16_t>(std::min(text.size(), kBytesMax));
    std::copy_n(text.data(), bytes_, text_.data());
  }
  std::string_view view() const { return {text_.data(), bytes_}; }
  bool empty() const { return bytes_ == 0; }
  bool cut() const { return cut_; }

 private:
  std::uint16_t bytes_ = 0;
  bool cut_ = false;
  std::array<char, kBytesMax> text_;  // only [0, bytes_) is ever written
};

}  // namespace weir::record
