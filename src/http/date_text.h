// DateText: the value of the Date field (IMF-fixdate, RFC 9110 section 5.6.7), made once a second. One per
// server, that is per core, for its connections of every version.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "net/loop.h"

namespace weir::http {

class DateText {
 public:
  explicit DateText(net::Clock& clock) : clock_(clock) {}
  // Valid until the next call.
  std::string_view now();

 private:
  net::Clock& clock_;
  std::int64_t second_ = -1;
  std::array<char, 64> text_{};
  std::size_t bytes_ = 0;
};

}  // namespace weir::http
