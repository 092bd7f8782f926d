// DateText: the value of the Date field (IMF-fixdate, RFC 9110 section 5.6.7), made once a second. A member
// of a server connection.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace weir::h2 {

class DateText {
 public:
  // Valid until the next call.
  std::string_view at(WallTime time);

 private:
  std::int64_t second_ = -1;
  std::array<char, 64> text_{};
  std::size_t bytes_ = 0;
};

}  // namespace weir::h2
