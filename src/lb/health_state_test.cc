#include "lb/health_state.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace weir::lb {
namespace {

struct Case {
  HealthThresholds thresholds;
  std::string_view results;  // + passed, - failed
  std::string_view want;     // the verdict after each: ? unknown, H healthy, U unhealthy, N never healthy
};

TEST_CASE("verdicts follow consecutive results") {
  constexpr Case kCases[] = {
      {{2, 1}, "+-+--+", "HHHHUH"},
      {{2, 3}, "+--++-+++", "HHUUUUUUH"},
      {{2, 3}, "-+", "?H"},  // the first pass is enough for an unknown endpoint
      {{3, 2}, "---++", "??NNH"},
      {{3, 2}, "---+---", "??NNNNU"},  // one pass on the way is a past
      {{1, 1}, "-+-", "NHU"},
      {{0, 0}, "-+-", "NHU"},  // 0 counts as 1
      {{5, 1}, "+----+-----", "HHHHHHHHHHU"},
  };
  for (const Case& one : kCases) {
    CAPTURE(one.results);
    HealthState state(one.thresholds);
    CHECK(state.health() == Health::kUnknown);
    std::string verdicts;
    for (const char result : one.results) {
      const Health before = state.health();
      const bool changed = state.observe(result == '+');
      CHECK(changed == (state.health() != before));
      verdicts += "?HUN"[static_cast<int>(state.health())];
    }
    CHECK(verdicts == one.want);
  }
}

}  // namespace
}  // namespace weir::lb
