#include "lb/retry_budget.h"

#include <doctest/doctest.h>

namespace weir::lb {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart = Instant{} + std::chrono::hours(5);

int retries_allowed(RetryBudget& budget, Instant now, std::uint64_t active = 0) {
  int allowed = 0;
  while (allowed < 100'000 && budget.take_retry(now, active)) ++allowed;
  return allowed;
}

TEST_CASE("a share of the requests of the last ten seconds") {
  RetryBudget budget({.percent = 20, .always = 10});
  for (int i = 0; i < 1000; ++i) budget.count_request(kStart);
  CHECK(retries_allowed(budget, kStart) == 200);
  CHECK(retries_allowed(budget, kStart + milliseconds(999)) == 0);
  CHECK(retries_allowed(budget, kStart + seconds(9)) == 10);   // the share is spent, the constant part is not
  CHECK(retries_allowed(budget, kStart + seconds(10)) == 10);  // the thousand requests have left the window
}

TEST_CASE("a quiet service can retry") {
  RetryBudget budget({.percent = 20, .always = 3});
  CHECK(retries_allowed(budget, kStart) == 3);
  CHECK(retries_allowed(budget, kStart) == 0);
  CHECK(retries_allowed(budget, kStart + seconds(1)) == 3);
  CHECK(retries_allowed(budget, kStart + std::chrono::hours(1)) == 3);
}

TEST_CASE("long requests that have left the window still count") {
  RetryBudget budget({.percent = 20, .always = 0});
  CHECK(retries_allowed(budget, kStart, 500) == 100);
}

TEST_CASE("zero percent and no constant part refuse every retry") {
  RetryBudget budget({.percent = 0, .always = 0});
  for (int i = 0; i < 100; ++i) budget.count_request(kStart);
  CHECK(retries_allowed(budget, kStart, 100) == 0);
}

TEST_CASE("the window slides by the second") {
  RetryBudget budget({.percent = 50, .always = 0});
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 10; ++i) budget.count_request(kStart + seconds(second));
  }
  CHECK(retries_allowed(budget, kStart + seconds(9)) == 50);
  // Five seconds later half of the requests are gone and all the retries are still there.
  CHECK(retries_allowed(budget, kStart + seconds(14)) == 0);
  for (int i = 0; i < 100; ++i) budget.count_request(kStart + seconds(19));
  CHECK(retries_allowed(budget, kStart + seconds(19)) == 50);
}

}  // namespace
}  // namespace weir::lb
