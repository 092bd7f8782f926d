#include "lb/retry_budget.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace weir::lb {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart = Instant{} + std::chrono::hours(5);

int retries_allowed(RetryBudget& budget, Instant now, const RetryBudget::Settings& settings,
                    std::uint64_t active = 0) {
  int allowed = 0;
  while (allowed < 100'000 && budget.take_retry(now, active, settings)) ++allowed;
  return allowed;
}

TEST_CASE("a share of the requests of the last ten seconds") {
  RetryBudget budget;
  constexpr RetryBudget::Settings kSettings{.percent = 20, .always = 10};
  for (int i = 0; i < 1000; ++i) budget.count_request(kStart);
  CHECK(retries_allowed(budget, kStart, kSettings) == 200);
  CHECK(retries_allowed(budget, kStart + milliseconds(999), kSettings) == 0);
  CHECK(retries_allowed(budget, kStart + seconds(9), kSettings) ==
        10);  // the share is spent, `always` is not
  CHECK(retries_allowed(budget, kStart + seconds(11), kSettings) == 10);  // the requests have left the window
}

TEST_CASE("a quiet service can retry") {
  RetryBudget budget;
  constexpr RetryBudget::Settings kSettings{.percent = 20, .always = 3};
  CHECK(retries_allowed(budget, kStart, kSettings) == 3);
  CHECK(retries_allowed(budget, kStart, kSettings) == 0);
  CHECK(retries_allowed(budget, kStart + milliseconds(1063), kSettings) == 3);
  CHECK(retries_allowed(budget, kStart + std::chrono::hours(1), kSettings) == 3);
}

TEST_CASE("a burst of failures at a quiet service: no second has more than `always`, wherever it begins") {
  constexpr RetryBudget::Settings kSettings{.percent = 20, .always = 10};
  for (int offset = 0; offset < 1000; offset += 37) {
    CAPTURE(offset);
    RetryBudget budget;
    std::vector<Instant> taken;
    for (int i = 0; i < 3000; ++i) {  // one wants to retry each millisecond, and little else happens
      const Instant now = kStart + milliseconds(offset + i);
      if (i % 200 == 0) budget.count_request(now);
      if (budget.take_retry(now, 1, kSettings)) taken.push_back(now);
    }
    CHECK(taken.size() >= 20);
    for (std::size_t i = 10; i < taken.size(); ++i) REQUIRE(taken[i] - taken[i - 10] >= seconds(1));
  }
}

TEST_CASE("long requests that have left the window still count") {
  RetryBudget budget;
  CHECK(retries_allowed(budget, kStart, {.percent = 20, .always = 0}, 500) == 100);
}

TEST_CASE("zero percent and nothing always refuse every retry") {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) budget.count_request(kStart);
  CHECK(retries_allowed(budget, kStart, {.percent = 0, .always = 0}, 100) == 0);
}

TEST_CASE("the window slides by the second") {
  RetryBudget budget;
  constexpr RetryBudget::Settings kSettings{.percent = 50, .always = 0};
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 10; ++i) budget.count_request(kStart + seconds(second));
  }
  CHECK(retries_allowed(budget, kStart + seconds(9), kSettings) == 50);
  // Five seconds later half of the requests are gone and all the retries are still there.
  CHECK(retries_allowed(budget, kStart + seconds(14), kSettings) == 0);
  for (int i = 0; i < 100; ++i) budget.count_request(kStart + seconds(19));
  CHECK(retries_allowed(budget, kStart + seconds(19), kSettings) == 50);
}

TEST_CASE("settings may change, what was counted stays; a clock that lags a little is no harm") {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) budget.count_request(kStart);
  CHECK(retries_allowed(budget, kStart, {.percent = 10, .always = 0}) == 10);
  CHECK(retries_allowed(budget, kStart - milliseconds(5), {.percent = 30, .always = 0}) == 20);
  budget.count_request(kStart - seconds(1));
  CHECK(retries_allowed(budget, kStart, {.percent = 100, .always = 0}) == 71);
}

TEST_CASE("many cores share one budget, exactly") {
  RetryBudget budget;
  std::atomic<int> allowed = 0;
  std::vector<std::thread> cores;
  for (int core = 0; core < 4; ++core) {
    cores.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) budget.count_request(kStart);
      for (int i = 0; i < 5000; ++i) allowed += budget.take_retry(kStart, 20'000, {.percent = 20}) ? 1 : 0;
    });
  }
  for (std::thread& core : cores) core.join();
  CHECK(allowed == 4000);
  CHECK(retries_allowed(budget, kStart, {.percent = 21}) == 200);  // no request was lost
}

}  // namespace
}  // namespace weir::lb
