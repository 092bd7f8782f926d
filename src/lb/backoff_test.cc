#include "lb/backoff.h"

#include <doctest/doctest.h>

namespace weir::lb {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("waits double from one second to thirty") {
  Backoff backoff;
  Instant now{};
  CHECK_FALSE(backoff.set_aside(now));
  for (const int wait : {1, 2, 4, 8, 16, 30, 30}) {
    CAPTURE(wait);
    backoff.failed(now);
    CHECK(backoff.until() == now + seconds(wait));
    CHECK(backoff.set_aside(now + seconds(wait) - milliseconds(1)));
    CHECK_FALSE(backoff.set_aside(now + seconds(wait)));
    now += seconds(wait);
  }
}

TEST_CASE("failures of one outage count once") {
  Backoff backoff;
  for (int i = 0; i < 20; ++i) backoff.failed(Instant{} + milliseconds(i));
  CHECK(backoff.until() == Instant{} + seconds(1));
}

TEST_CASE("a success clears it") {
  Backoff backoff;
  backoff.failed(Instant{});
  backoff.failed(Instant{} + seconds(1));
  backoff.succeeded();
  CHECK_FALSE(backoff.set_aside(Instant{} + seconds(1)));
  backoff.failed(Instant{} + seconds(2));
  CHECK(backoff.until() == Instant{} + seconds(3));
}

}  // namespace
}  // namespace weir::lb
