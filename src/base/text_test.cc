#include "base/text.h"

#include <doctest/doctest.h>

#include <array>

namespace weir {
namespace {

TEST_CASE("decimal numbers are digits and nothing else") {
  CHECK(parse_decimal("0") == 0U);
  CHECK(parse_decimal("18446744073709551615") == 18446744073709551615U);
  for (const auto* text : {"", "+5", "-1", " 5", "5 ", "0x5", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_decimal(text).has_value());
  }
}

TEST_CASE("a slip of the hand finds its word, something else finds nothing") {
  constexpr std::array<std::string_view, 3> kWords{"endpoints", "balance", "protocol"};
  CHECK(nearest("endpoint", kWords) == "endpoints");
  CHECK(nearest("balnce", kWords) == "balance");
  CHECK(nearest("zzz", kWords).empty());
}

}  // namespace
}  // namespace weir
