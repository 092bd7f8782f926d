#include "base/time.h"

#include <doctest/doctest.h>

namespace weir {
namespace {
using namespace std::chrono_literals;

TEST_CASE("durations are read with their units and printed in the shortest form") {
  CHECK(parse_duration("250ms") == Duration{250ms});
  CHECK(parse_duration("1m30s") == Duration{90s});
  CHECK(parse_duration("2h") == Duration{2h});
  CHECK(format_duration(90s) == "1m30s");
  CHECK(format_duration(1500ms) == "1s500ms");
  CHECK(format_duration(0s) == "0s");
}

TEST_CASE("what is not a duration is refused") {
  for (const auto* text :
       {"", "5", "s", "-5s", "5 s", "5x", "1.5s", "99999999999999999999s", "9999999999h"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("times of day are RFC 3339 in UTC") {
  CHECK(format_rfc3339(WallTime{}) == "1970-01-01T00:00:00.000Z");
  CHECK(format_rfc3339(WallTime{1'763'694'679'250ms}) == "2025-11-21T03:11:19.250Z");
}

}  // namespace
}  // namespace weir
