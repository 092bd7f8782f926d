// RequestId: the name of one request in logs, fields and errors: the client's X-Request-Id when it is a plain
// word, else 128 random bits in hex. A part of the exchange.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/random.h"

namespace weir::http {

class RequestId {
 public:
  static constexpr std::size_t kBytesMax = 64;  // a UUID has 36

  void assign(std::string_view from_client, Random& random);
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, kBytesMax> text_;
  std::uint8_t size_ = 0;
};

}  // namespace weir::http
