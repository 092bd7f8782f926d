#include "lb/circuit_breaker.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::lb {
namespace {

constexpr CircuitLimits kLimits{.connections = 1, .pending = 2, .requests = 3, .retries = 0};

TEST_CASE("each resource has its own limit") {
  struct Case {
    Resource resource;
    std::size_t limit;
  };
  for (const Case& one : {Case{Resource::kConnections, 1}, Case{Resource::kPending, 2},
                          Case{Resource::kRequests, 3}, Case{Resource::kRetries, 0}}) {
    CircuitBreaker breaker;
    std::vector<Permit> held;
    for (std::size_t i = 0; i < one.limit; ++i) {
      held.push_back(breaker.try_acquire(one.resource, kLimits));
      CHECK(held.back());
    }
    CHECK_FALSE(breaker.try_acquire(one.resource, kLimits));
    CHECK(breaker.used(one.resource) == one.limit);
    CHECK(breaker.refused(one.resource) == 1);
    held.clear();
    CHECK(breaker.used(one.resource) == 0);
  }
}

TEST_CASE("a permit is given back once, by whoever holds it last") {
  static_assert(!std::is_copy_constructible_v<Permit>);
  CircuitBreaker breaker;
  Permit first = breaker.try_acquire(Resource::kRequests, kLimits);
  Permit second = std::move(first);
  CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move)
  CHECK(second);
  CHECK(breaker.used(Resource::kRequests) == 1);
  second = breaker.try_acquire(Resource::kRequests, kLimits);
  CHECK(breaker.used(Resource::kRequests) == 1);
  second.release();
  second.release();
  CHECK_FALSE(second);
  CHECK(breaker.used(Resource::kRequests) == 0);
  CHECK_FALSE(Permit());
}

TEST_CASE("limits may change under what is held") {
  CircuitBreaker breaker;
  const Permit one = breaker.try_acquire(Resource::kRequests, {.requests = 2});
  const Permit two = breaker.try_acquire(Resource::kRequests, {.requests = 2});
  CHECK_FALSE(breaker.try_acquire(Resource::kRequests, {.requests = 1}));
  CHECK(breaker.try_acquire(Resource::kRequests, {.requests = 3}));
}

TEST_CASE("many cores: never more than the limit, nothing lost") {
  CircuitBreaker breaker;
  constexpr CircuitLimits kSmall{.requests = 3};
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<std::uint64_t> granted = 0;
  std::vector<std::thread> cores;
  for (int core = 0; core < 4; ++core) {
    cores.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const Permit permit = breaker.try_acquire(Resource::kRequests, kSmall);
        if (!permit) continue;
        const int now = ++inside;
        int known = most.load();
        while (now > known && !most.compare_exchange_weak(known, now)) {
        }
        ++granted;
        --inside;
      }
    });
  }
  for (std::thread& core : cores) core.join();
  CHECK(most <= 3);
  CHECK(granted + breaker.refused(Resource::kRequests) == 80'000);
  CHECK(breaker.used(Resource::kRequests) == 0);
}

}  // namespace
}  // namespace weir::lb
