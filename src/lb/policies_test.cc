#include "lb/policies.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::lb {
namespace {

std::vector<Host> hosts_of(const std::vector<std::uint32_t>& weights) {
  std::vector<Host> hosts;
  for (std::uint32_t i = 0; i < weights.size(); ++i)
    hosts.push_back({.id = i, .index = i, .weight = weights[i]});
  return hosts;
}

std::vector<std::size_t> counts_of(const Policy& policy, std::size_t hosts, std::size_t picks,
                                   Rotation& rotation, Random& random,
                                   std::span<const std::uint32_t> tried = {}) {
  std::vector<std::size_t> counts(hosts);
  for (std::size_t i = 0; i < picks; ++i) {
    ++counts.at(policy.pick({.rotation = rotation, .random = random, .tried = tried}).value());
  }
  return counts;
}

TEST_CASE("the table") {
  CHECK(find_policy("ROUND_ROBIN") == 0U);
  CHECK(find_policy("RANDOM") == 2U);
  CHECK(find_policy("MAGLEV") == 4U);
  CHECK_FALSE(find_policy("round_robin").has_value());
}

TEST_CASE("every policy") {
  for (const PolicyKind& kind : kPolicies) {
    CAPTURE(kind.name);
    Rotation rotation;
    Random random(7);
    SUBCASE("has nothing to pick from nothing") {
      CHECK_FALSE(kind.make({}, {})->pick({.rotation = rotation, .random = random}).has_value());
      const std::vector<Host> drained = hosts_of({0, 0});
      CHECK_FALSE(kind.make(drained, {})->pick({.rotation = rotation, .random = random}).has_value());
    }
    SUBCASE("never picks a drained host or one that was tried, and says so when none is left") {
      const std::vector<Host> hosts = hosts_of({1, 0, 1000, 5, 1});
      const auto policy = kind.make(hosts, {});
      const std::vector<std::uint32_t> tried{2, 0, 2};
      const auto counts = counts_of(*policy, hosts.size(), 600, rotation, random, tried);
      CHECK(counts[0] + counts[1] + counts[2] == 0);
      CHECK(counts[3] > counts[4]);
      CHECK(counts[4] > 0);
      const std::vector<std::uint32_t> all{0, 1, 2, 3, 4};
      CHECK_FALSE(policy->pick({.rotation = rotation, .random = random, .tried = all}).has_value());
    }
    SUBCASE("takes the only host there is, whatever its weight") {
      for (const std::uint32_t weight : {1U, 1000U, std::numeric_limits<std::uint32_t>::max()}) {
        const auto policy = kind.make(hosts_of({weight}), {});
        for (int i = 0; i < 10; ++i) CHECK(policy->pick({.rotation = rotation, .random = random}) == 0U);
      }
    }
    SUBCASE("keeps to huge weights") {
      constexpr std::uint32_t kHuge = std::numeric_limits<std::uint32_t>::max();
      const auto policy = kind.make(hosts_of({kHuge, kHuge / 2, 1, kHuge / 2}), {});
      const auto counts = counts_of(*policy, 4, 8000, rotation, random);
      CHECK(counts[0] == doctest::Approx(4000).epsilon(0.12));
      CHECK(counts[1] == doctest::Approx(2000).epsilon(0.2));
      CHECK(counts[2] < 10);
      CHECK(counts[3] == doctest::Approx(2000).epsilon(0.2));
    }
    SUBCASE("answers with the index of the host, not its place among the eligible") {
      const std::vector<Host> hosts{{.index = 4}, {.index = 9}};
      const std::uint32_t index =
          kind.make(hosts, {})->pick({.rotation = rotation, .random = random}).value();
      CHECK((index == 4 || index == 9));
    }
  }
}

// The largest distance, over all prefixes of a sequence of one round, between what a host got and its share.
double prefix_deviation_max(const std::vector<std::uint32_t>& weights) {
  const std::vector<Host> hosts = hosts_of(weights);
  const auto policy = make_round_robin(hosts);
  Rotation rotation;
  Random random(1);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> counts(weights.size());
  double worst = 0;
  for (double picks = 1; picks <= sum; ++picks) {
    counts.at(policy->pick({.rotation = rotation, .random = random}).value()) += 1;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      worst = std::max(worst, std::abs(counts[i] - picks * weights[i] / sum));
    }
  }
  return worst;
}

TEST_CASE("round robin: the order of nginx") {
  struct Case {
    std::vector<std::uint32_t> weights;
    std::string_view want;
  };
  for (const Case& one : std::vector<Case>{{{5, 1, 1}, "aabacaa"},
                                           {{1, 1, 1}, "abc"},
                                           {{4, 2, 2}, "abca"},  // reduced to 2, 1, 1
                                           {{1, 2}, "bab"}}) {
    const std::vector<Host> hosts = hosts_of(one.weights);
    const auto policy = make_round_robin(hosts);
    Rotation rotation;
    Random random(1);
    std::string order;
    for (std::size_t i = 0; i < one.want.size(); ++i)
      order += static_cast<char>('a' + policy->pick({.rotation = rotation, .random = random}).value());
    CHECK(order == one.want);
  }
}

TEST_CASE("round robin: 20 requests over three equal hosts are 7, 7 and 6 wherever the rotation stands") {
  const std::vector<Host> hosts = hosts_of({10, 10, 10});
  const auto policy = make_round_robin(hosts);
  Random random(1);
  for (std::uint64_t start = 0; start < 6; ++start) {
    Rotation rotation{start};
    auto counts = counts_of(*policy, 3, 20, rotation, random);
    std::ranges::sort(counts);
    CHECK(counts == std::vector<std::size_t>{6, 7, 7});
  }
}

TEST_CASE("round robin: every window of one round is exact by weight") {
  for (const std::vector<std::uint32_t>& weights : std::vector<std::vector<std::uint32_t>>{
           {1}, {1, 1}, {5, 1, 1}, {2, 0, 4, 6}, {3, 7, 11}, {100, 1}, {1000, 999}}) {
    const std::vector<Host> hosts = hosts_of(weights);
    const auto policy = make_round_robin(hosts);
    const std::uint32_t divisor =
        std::accumulate(weights.begin(), weights.end(), 0U,
                        [](std::uint32_t left, std::uint32_t right) { return std::gcd(left, right); });
    const std::size_t round = std::accumulate(weights.begin(), weights.end(), std::size_t{0}) / divisor;
    Rotation rotation{12345};
    Random random(1);
    std::vector<std::uint32_t> picks;
    for (std::size_t i = 0; i < 3 * round; ++i) {
      picks.push_back(policy->pick({.rotation = rotation, .random = random}).value());
    }
    std::vector<std::size_t> counts(weights.size());
    for (std::size_t i = 0; i < round; ++i) ++counts[picks[i]];
    bool exact = true;
    for (std::size_t i = round; i <= picks.size(); ++i) {
      for (std::size_t host = 0; host < counts.size(); ++host)
        exact &= counts[host] == weights[host] / divisor;
      if (i == picks.size()) break;
      ++counts[picks[i]];
      --counts[picks[i - round]];
    }
    CAPTURE(weights);
    CHECK(exact);
  }
}

TEST_CASE("round robin: within a round no host is far from its share") {
  CHECK(prefix_deviation_max({1, 1, 1}) < 1);
  CHECK(prefix_deviation_max({5, 1, 1}) < 1);
  CHECK(prefix_deviation_max({1000, 1}) < 1);
  struct Case {
    std::string_view name;
    std::uint32_t heaviest;
    double bound;
  };
  // Rounds that are written out, and those that go by stride.
  for (const Case& one : {Case{"short", 300, 2}, Case{"long", 10'000, 5}}) {
    Random random(2026);
    double worst = 0;
    for (int round = 0; round < 100; ++round) {
      std::vector<std::uint32_t> weights(2 + random.below(10));
      for (std::uint32_t& weight : weights)
        weight = static_cast<std::uint32_t>(1 + random.below(one.heaviest));
      const double deviation = prefix_deviation_max(weights);
      CAPTURE(weights);
      CHECK(deviation < one.bound);
      worst = std::max(worst, deviation);
    }
    MESSAGE(one.name, ": largest deviation from the share, in requests: ", worst);
    CHECK(worst > 0.5);  // a smaller one would mean that the measure is broken
  }
}

TEST_CASE("round robin: exact over all cores, whatever each of them does") {
  const std::vector<Host> hosts = hosts_of({3, 2, 1});
  Rotation rotation;
  constexpr std::size_t kCores = 4;
  constexpr std::size_t kRounds = 700;  // of six tickets
  std::vector<std::vector<std::size_t>> counts(kCores, std::vector<std::size_t>(3));
  std::vector<std::thread> cores;
  for (std::size_t core = 0; core < kCores; ++core) {
    cores.emplace_back([&, core] {
      const auto policy = make_round_robin(hosts);  // each core has its own
      Random random(core);
      const std::size_t picks = kRounds * 6 * (core + 1) / 10;
      counts[core] = counts_of(*policy, 3, picks, rotation, random);
    });
  }
  for (std::thread& core : cores) core.join();
  std::vector<std::size_t> sums(3);
  for (const auto& one : counts) {
    for (std::size_t i = 0; i < 3; ++i) sums[i] += one[i];
  }
  CHECK(sums == std::vector<std::size_t>{kRounds * 3, kRounds * 2, kRounds * 1});
}

TEST_CASE("round robin: what a dead host can't take is spread over the others, not given to its neighbour") {
  const std::vector<Host> hosts = hosts_of({1, 1, 1, 1});
  const auto policy = make_round_robin(hosts);
  Rotation rotation;
  Random random(1);
  std::vector<std::size_t> served(4);
  const std::vector<std::uint32_t> dead{1};
  for (int i = 0; i < 3000; ++i) {
    std::uint32_t index = policy->pick({.rotation = rotation, .random = random}).value();
    if (index == 1) index = policy->pick({.rotation = rotation, .random = random, .tried = dead}).value();
    ++served[index];
  }
  CHECK(served == std::vector<std::size_t>{1000, 0, 1000, 1000});
}

void check_near(const std::vector<std::size_t>& counts, const std::vector<double>& shares) {
  const double sum = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<double>(counts[i]) / sum == doctest::Approx(shares[i]).epsilon(0.05));
  }
}

TEST_CASE("random: by weight, also when some are excluded") {
  const std::vector<Host> hosts = hosts_of({1, 2, 3, 4});
  const auto policy = make_random(hosts);
  Rotation rotation;
  Random random(42);
  check_near(counts_of(*policy, 4, 40'000, rotation, random), {0.1, 0.2, 0.3, 0.4});
  const std::vector<std::uint32_t> tried{1, 99, 3};
  check_near(counts_of(*policy, 4, 40'000, rotation, random, tried), {0.25, 0, 0.75, 0});
}

TEST_CASE("least request: an idle service is balanced by weight") {
  std::vector<Host> hosts = hosts_of({1, 1, 8});
  const auto policy = make_least_request(hosts);
  Rotation rotation;
  Random random(42);
  check_near(counts_of(*policy, 3, 40'000, rotation, random), {0.1, 0.1, 0.8});
}

TEST_CASE("least request: a busy host gets nothing while the others are idle, requests settle by weight") {
  std::vector<Host> hosts = hosts_of({1, 2, 1});
  std::vector<ActiveRequests> active(3);
  for (Host& host : hosts) host.active = &active[host.index];
  const auto policy = make_least_request(hosts);
  Rotation rotation;
  Random random(42);
  active[1].count = 100;
  CHECK(counts_of(*policy, 3, 1000, rotation, random)[1] == 0);

  active[1].count = 0;
  for (int i = 0; i < 4000; ++i)
    ++active[policy->pick({.rotation = rotation, .random = random}).value()].count;
  CHECK(active[0].count == doctest::Approx(1000).epsilon(0.01));
  CHECK(active[1].count == doctest::Approx(2000).epsilon(0.01));
  CHECK(active[2].count == doctest::Approx(1000).epsilon(0.01));
}

}  // namespace
}  // namespace weir::lb
