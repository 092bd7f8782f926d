// PeerText: an IP address as text without going through std::string, for what is done for every request.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "net/network.h"

namespace weir::record {

class PeerText {
 public:
  explicit PeerText(const net::Address& peer) {
    if (peer.is_v6()) {
      const std::string text = peer.ip();
      size_ = std::min(text.size(), text_.size());
      std::copy_n(text.data(), size_, text_.data());
      return;
    }
    char* next = text_.data();
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) *next++ = '.';
      next = std::to_chars(next, text_.data() + text_.size(), static_cast<unsigned>(peer.bytes()[i])).ptr;
    }
    size_ = static_cast<std::size_t>(next - text_.data());
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 48> text_;
  std::size_t size_ = 0;
};

}  // namespace weir::record
