#include "lb/rate_limiter.h"

#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <thread>
#include <vector>

#include "lb/hash.h"

namespace weir::lb {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart = Instant{} + std::chrono::hours(3);
constexpr RateLimit kTenPerSecond{.requests = 10, .period = seconds(1), .burst = 5};

TEST_CASE("a bucket empties, says when to come again, and fills") {
  struct Step {
    Duration after;  // since the step before
    bool allowed;
    std::uint32_t remaining;
    Duration retry_after;
    Duration reset;
  };
  constexpr Step kSteps[] = {
      {seconds(0), true, 4, {}, milliseconds(100)},
      {seconds(0), true, 3, {}, milliseconds(200)},
      {seconds(0), true, 2, {}, milliseconds(300)},
      {seconds(0), true, 1, {}, milliseconds(400)},
      {seconds(0), true, 0, {}, milliseconds(500)},
      {seconds(0), false, 0, milliseconds(100), milliseconds(500)},
      {milliseconds(99), false, 0, milliseconds(1), milliseconds(401)},
      {milliseconds(1), true, 0, {}, milliseconds(500)},
      {milliseconds(250), true, 1, {}, milliseconds(350)},
      {milliseconds(350), true, 4, {}, milliseconds(100)},
      {std::chrono::hours(10), true, 4, {}, milliseconds(100)},
  };
  RateLimiter limiter;
  Instant now = kStart;
  for (std::size_t i = 0; i < std::size(kSteps); ++i) {
    CAPTURE(i);
    const Step& step = kSteps[i];
    const RateDecision decision = limiter.take(1, kTenPerSecond, now += step.after);
    CHECK(decision.allowed == step.allowed);
    CHECK(decision.remaining == step.remaining);
    CHECK(decision.retry_after == step.retry_after);
    CHECK(decision.reset == step.reset);
  }
}

TEST_CASE("what retry_after says is true, and not too much") {
  RateLimiter limiter;
  Instant now = kStart;
  for (const RateLimit& limit : {RateLimit{3, seconds(1), 1}, RateLimit{7, std::chrono::minutes(1), 3},
                                 RateLimit{1'000'000, seconds(1), 2}, RateLimit{1, std::chrono::hours(24), 0},
                                 RateLimit{4'000'000'000, seconds(1), 1}}) {
    CAPTURE(limit.requests);
    ++now;
    RateDecision decision;
    while ((decision = limiter.take(limit.requests, limit, now)).allowed) {
    }
    REQUIRE(decision.retry_after > Duration::zero());
    CHECK_FALSE(limiter.take(limit.requests, limit, now + decision.retry_after - Duration(1)).allowed);
    CHECK(limiter.take(limit.requests, limit, now + decision.retry_after).allowed);
  }
}

TEST_CASE("over a long time a busy key gets its rate and its burst, no more") {
  RateLimiter limiter;
  int allowed = 0;
  for (int i = 0; i < 100'000; ++i)
    allowed += limiter.take(7, kTenPerSecond, kStart + milliseconds(i)).allowed ? 1 : 0;
  CHECK(allowed == 1000 + 4);
}

TEST_CASE("odd limits") {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  RateLimiter limiter;
  const RateDecision none = limiter.take(1, {.requests = 0, .period = seconds(2), .burst = 9}, kStart);
  CHECK_FALSE(none.allowed);
  CHECK(none.retry_after == seconds(2));
  // A burst too deep for the clock is cut, not wrapped.
  CHECK(limiter.take(2, {.requests = 1, .period = std::chrono::hours(24), .burst = kMost}, kStart).allowed);
  CHECK(limiter.take(3, {.requests = kMost, .period = seconds(1), .burst = kMost}, kStart).allowed);
  CHECK(limiter.take(4, {.requests = 1, .period = Duration::zero(), .burst = 1}, kStart).allowed);
  // A limit that shrinks does not lock a key out for what it had before.
  for (int i = 0; i < 100; ++i) limiter.take(5, {.requests = 1, .period = seconds(1), .burst = 100}, kStart);
  const RateDecision shrunk = limiter.take(5, {.requests = 1, .period = seconds(1), .burst = 2}, kStart);
  CHECK_FALSE(shrunk.allowed);
  CHECK(shrunk.retry_after == seconds(1));
}

TEST_CASE("keys don't share, and a clock that lags gives nothing twice") {
  RateLimiter limiter;
  for (std::uint64_t key = 0; key < 1000; ++key)
    CHECK(limiter.take(key, kTenPerSecond, kStart).remaining == 4);
  for (int i = 0; i < 3; ++i) CHECK(limiter.take(0, kTenPerSecond, kStart - milliseconds(1)).allowed);
  // On that core the last token is not there yet.
  CHECK(limiter.take(0, kTenPerSecond, kStart - milliseconds(1)).retry_after == milliseconds(1));
  CHECK(limiter.take(0, kTenPerSecond, kStart).allowed);
  CHECK_FALSE(limiter.take(0, kTenPerSecond, kStart).allowed);
}

TEST_CASE("the number of keys is bounded; those at their limit are the last to go") {
  RateLimiter limiter(1);
  CHECK(limiter.keys_max() == 512);
  CHECK(RateLimiter(1000).keys_max() == 1024);
  CHECK(RateLimiter(std::numeric_limits<std::size_t>::max()).keys_max() == kRateLimitKeysMax);

  constexpr std::uint64_t kBusy = 1;
  while (limiter.take(kBusy, kTenPerSecond, kStart).allowed) {
  }
  for (std::uint64_t key = 100; key < 100'000; ++key) limiter.take(key, kTenPerSecond, kStart);  // a flood
  CHECK(limiter.forgotten() > 90'000);
  CHECK_FALSE(limiter.take(kBusy, kTenPerSecond, kStart).allowed);
}

TEST_CASE("buckets that are full again make room without a loss") {
  RateLimiter limiter(512);
  for (int second = 0; second < 100; ++second) {
    for (std::uint64_t key = 0; key < 60; ++key)
      limiter.take(mix(static_cast<std::uint64_t>(second) * 1000 + key), kTenPerSecond,
                   kStart + seconds(second));
  }
  CHECK(limiter.forgotten() == 0);
}

TEST_CASE("many cores: no bucket gives more than it has") {
  RateLimiter limiter;
  constexpr RateLimit kLimit{.requests = 1, .period = std::chrono::hours(1), .burst = 1000};
  std::atomic<int> allowed = 0;
  std::vector<std::thread> cores;
  for (int core = 0; core < 4; ++core) {
    cores.emplace_back([&] {
      for (int i = 0; i < 8000; ++i)
        allowed += limiter.take(static_cast<std::uint64_t>(i % 4), kLimit, kStart).allowed ? 1 : 0;
    });
  }
  for (std::thread& core : cores) core.join();
  CHECK(allowed == 4000);
}

}  // namespace
}  // namespace weir::lb
