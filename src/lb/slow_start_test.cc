#include "lb/slow_start.h"

#include <doctest/doctest.h>

namespace weir::lb {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kSince = Instant{} + std::chrono::hours(1);
constexpr SlowStart kSettings{.window = seconds(32), .percent_min = 10};

TEST_CASE("from the least part to all of the weight") {
  struct Case {
    SlowStart settings;
    Duration age;
    std::uint32_t want;
  };
  constexpr Case kCases[] = {
      {kSettings, seconds(0), 100},
      {kSettings, milliseconds(999), 100},
      {kSettings, seconds(1), 128},
      {kSettings, seconds(16), 550},
      {kSettings, seconds(31), 971},
      {kSettings, seconds(32), 1000},
      {kSettings, std::chrono::hours(100), 1000},
      {kSettings, seconds(-5), 100},  // another core's clock is ahead
      {{}, seconds(0), 1000},         // off
      {{.window = seconds(10), .percent_min = 0}, seconds(0), 10},
      {{.window = seconds(10), .percent_min = 100}, seconds(5), 1000},
      {{.window = seconds(10), .percent_min = 500}, seconds(5), 1000},
      {{.window = Duration(1), .percent_min = 10}, Duration(0), 100},
  };
  for (const Case& one : kCases) {
    CAPTURE(one.age.count());
    CHECK(ramp(one.settings, kSince, kSince + one.age) == one.want);
  }
}

TEST_CASE("it moves exactly when it says, in a bounded number of steps") {
  for (const Duration window :
       {Duration(seconds(32)), Duration(milliseconds(333)), Duration(std::chrono::hours(1))}) {
    const SlowStart settings{.window = window, .percent_min = 10};
    Instant now = kSince;
    int steps = 0;
    while (ramp(settings, kSince, now) < kRampFull) {
      const Instant next = ramp_changes_at(settings, kSince, now);
      REQUIRE(next > now);
      CHECK(ramp(settings, kSince, next - Duration(1)) == ramp(settings, kSince, now));
      CHECK(ramp(settings, kSince, next) > ramp(settings, kSince, now));
      now = next;
      ++steps;
    }
    CHECK(steps == kRampSteps);
    CHECK(ramp_changes_at(settings, kSince, now) == Instant::max());
  }
}

}  // namespace
}  // namespace weir::lb
