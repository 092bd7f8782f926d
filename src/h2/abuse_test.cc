#include "h2/abuse.h"

#include <doctest/doctest.h>

namespace weir::h2 {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{std::chrono::hours(1)};

// How many in a row, each `apart`, until it is enough; `max` when it never is.
int until_enough(Offence offence, Duration apart, int max = 100000) {
  AbuseScore score;
  Instant now = kStart;
  for (int i = 0; i < max; ++i, now += apart) {
    if (!score.add(offence, now)) return i;
  }
  return max;
}

TEST_CASE("every offence at once ends a connection, at its own number") {
  for (std::size_t i = 0; i < kOffences.size(); ++i) {
    CAPTURE(kOffences[i].name);
    CHECK(until_enough(static_cast<Offence>(i), Duration::zero()) ==
          AbuseScore::kPointsMax / kOffences[i].points);
  }
}

TEST_CASE("what leaks away as fast as it comes is let be") {
  CHECK(until_enough(Offence::kReset, 4 * AbuseScore::kPointLeak) == 100000);
  CHECK(until_enough(Offence::kReset, 3 * AbuseScore::kPointLeak) < 1100);
  CHECK(until_enough(Offence::kPing, 20ms) == 100000);
  CHECK(until_enough(Offence::kSettings, 100ms) == 100000);
}

TEST_CASE("streams that finish take back what they cost, but nothing can be saved up") {
  AbuseScore score;
  for (int i = 0; i < 100000; ++i) {
    REQUIRE(score.add(Offence::kStreamOpened, kStart));
    score.stream_finished();
  }
  int resets = 0;
  while (score.add(Offence::kReset, kStart)) ++resets;
  CHECK(resets == AbuseScore::kPointsMax / 4);
}

TEST_CASE("one reset among six is let be at any rate, one among four is not") {
  const auto resets_one_in = [](int streams) {
    AbuseScore score;
    for (int i = 0; i < 100000; ++i) {
      if (!score.add(Offence::kStreamOpened, kStart)) return false;
      if (i % streams > 0) {
        score.stream_finished();
      } else if (!score.add(Offence::kReset, kStart)) {
        return false;
      }
    }
    return true;
  };
  CHECK(resets_one_in(6));
  CHECK_FALSE(resets_one_in(4));
}

TEST_CASE("window updates are free in proportion to what was sent") {
  AbuseScore idle;
  int updates = 0;
  while (idle.add_window_update(kStart)) ++updates;
  CHECK(updates == AbuseScore::kWindowUpdatesFreeMax / 10 + AbuseScore::kPointsMax);

  AbuseScore busy;
  for (int i = 0; i < 10000; ++i) {
    busy.data_sent();
    for (std::uint32_t j = 0; j < AbuseScore::kWindowUpdatesPerData; ++j) {
      REQUIRE(busy.add_window_update(kStart));
    }
  }
}

}  // namespace
}  // namespace weir::h2
