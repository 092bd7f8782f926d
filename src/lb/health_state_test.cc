#include "lb/health_state.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace weir::lb {
namespace {

struct Case {
  HealthThresholds thresholds;
  std::string_view results;  // + passed, - failed
  std::string_view want;     // the verdict after each: ? unknown, H healthy, U unhealthy
};

TEST_CASE("verdicts follow consecutive results") {
  constexpr Case kCases[] = {
      {{2, 1}, "+-+--+", "HHHHUH"},
      {{2, 3}, "+--++-+++", "HHUUUUUUH"},
      {{2, 3}, "-+", "?H"},  // the first pass is enough for an unknown endpoint
      {{3, 2}, "---++", "??UUH"},
      {{1, 1}, "-+-", "UHU"},
      {{0, 0}, "-+-", "UHU"},  // 0 counts as 1
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
      verdicts += state.health() == Health::kUnknown ? '?' : state.health() == Health::kHealthy ? 'H' : 'U';
    }
    CHECK(verdicts == one.want);
  }
}

}  // namespace
}  // namespace weir::lb
