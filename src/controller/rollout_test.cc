#include "controller/rollout.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "controller/views.h"

namespace weir::controller {
namespace {

using config::RolloutSpec;
using config::RolloutStatus;
using config::RolloutWave;
using Step = Judgement::Step;

EdgeView edge(std::string name, std::string provider, std::string region) {
  EdgeView view;
  view.name = std::move(name);
  view.labels = {{"provider", std::move(provider)}, {"region", std::move(region)}};
  view.attached = view.counts_requests = true;
  return view;
}

std::vector<EdgeView> four() {
  return {edge("a1", "acme", "eu"), edge("a2", "acme", "us"), edge("b1", "bolt", "eu"),
          edge("b2", "bolt", "eu")};
}

Carried carried(std::uint64_t requests, std::uint64_t errors, std::size_t bucket) {
  Carried all{.requests = requests, .errors_5xx = errors};
  all.durations[bucket] = requests;
  return all;
}

// Whose first wave, acme's, has begun.
struct Running {
  RolloutSpec spec;
  RolloutStatus status;
  std::vector<EdgeView> edges = four();

  Running() {
    status.wave = 1;
    status.waves = {{{{"provider", "acme"}}, 100, std::chrono::seconds(30), {}}, {{}, 100, {}, {}}};
    edges[0].has_it = edges[1].has_it = true;
  }
  Judgement judged(std::optional<Duration> baked = std::chrono::minutes(1)) const {
    return judge(spec, status, "r", edges, std::chrono::seconds(10), baked);
  }
};

TEST_CASE("waves go by provider, region and part, and end with everybody") {
  const RolloutSpec spec{.percents = {50, 100}};
  const auto edges = four();
  const auto waves = waves_of(spec, edges);
  REQUIRE(waves.size() == 7);
  CHECK(waves[0].match == config::Labels{{"provider", "acme"}, {"region", "eu"}});
  CHECK(waves[1].percent == 100);
  CHECK(waves[2].match == config::Labels{{"provider", "acme"}, {"region", "us"}});
  CHECK(waves[4].match == config::Labels{{"provider", "bolt"}, {"region", "eu"}});
  CHECK(waves[6] == RolloutWave{{}, 100, spec.bake, {}});
  const RolloutSpec given{.waves = {{{{"provider", "bolt"}}, 100, {}, {}}}};
  CHECK(waves_of(given, edges) == given.waves);
  CHECK(waves_of(RolloutSpec{}, {}).size() == 1);  // nobody is there yet: everybody
}

// Its waves, all of them begun with these edges there.
std::vector<RolloutWave> begun_all(const RolloutSpec& spec, std::string_view salt,
                                   const std::vector<EdgeView>& edges) {
  auto waves = waves_of(spec, edges);
  for (RolloutWave& wave : waves) wave.first = first_of(wave, salt, edges);
  return waves;
}

std::vector<std::string> reached(const std::vector<RolloutWave>& waves, std::size_t begun,
                                 std::string_view salt, const std::vector<EdgeView>& edges) {
  std::vector<std::string> names;
  for (const EdgeView& one : edges) {
    if (is_reached(waves, begun, salt, one.name, one.labels)) names.push_back(one.name);
  }
  return names;
}

TEST_CASE(
    "each wave reaches somebody, a small part of few edges one alone, and whoever is reached stays so") {
  const RolloutSpec spec{.percents = {1, 100}};
  std::vector<EdgeView> edges;
  for (int i = 0; i < 200; ++i) edges.push_back(edge("e" + std::to_string(i), "acme", "eu"));
  const auto few = std::vector<EdgeView>(edges.begin(), edges.begin() + 3);
  std::size_t alone = 0;
  constexpr std::size_t kRollouts = 1000;
  for (std::size_t i = 0; i < kRollouts; ++i) {
    const std::string salt = std::to_string(i);
    const auto waves = begun_all(spec, salt, few);
    CHECK(reached(waves, 0, salt, few).empty());
    const auto first = reached(waves, 1, salt, few);
    REQUIRE(!first.empty());
    alone += first.size() == 1;
    CHECK(std::ranges::includes(reached(waves, 2, salt, few), first));
    CHECK(reached(waves, 2, salt, few).size() == few.size());
  }
  CHECK(alone >= kRollouts - 2);  // two of three are of the same hundredth, the first, in one of 3,000
  const auto tenth = begun_all(RolloutSpec{.percents = {10}}, "r", edges);
  CHECK(tenth.front().first.empty());
  CHECK(reached(tenth, 1, "r", edges).size() > 5);
  CHECK(reached(tenth, 1, "r", edges).size() < 40);
}

TEST_CASE("the edge that a wave has at least is one that is there, if any is") {
  auto edges = four();
  const RolloutWave wave{{{"provider", "acme"}}, 1, {}, {}};
  const std::string first = first_of(wave, "r", edges);
  const std::size_t other = first == "a1" ? 1 : 0;
  edges[1 - other].attached = false;
  CHECK(first_of(wave, "r", edges) == edges[other].name);
  edges[other].attached = false;
  CHECK(first_of(wave, "r", edges) == first);
  CHECK(first_of({{{"provider", "none"}}, 1, {}, {}}, "r", edges).empty());
}

TEST_CASE("name servers are of no part of a wave, and nobody to count on") {
  std::vector<EdgeView> edges;
  for (int i = 0; i < 50; ++i) {
    edges.push_back(edge("n" + std::to_string(i), "acme", "eu"));
    edges.back().labels[kNoTrafficKey];
  }
  edges.push_back(edge("e", "acme", "eu"));
  for (const std::string salt : {"r", "s", "t"}) {
    const auto waves = begun_all(RolloutSpec{.percents = {1, 100}}, salt, edges);
    CHECK(reached(waves, 1, salt, edges) == std::vector<std::string>{"e"});
    CHECK(reached(waves, 2, salt, edges).size() == edges.size());
  }
  Running envoy;  // and a name server, which counts, but nothing
  envoy.edges[0].labels[kNoTrafficKey];
  envoy.edges[1].counts_requests = false;
  CHECK(envoy.judged().step == Step::kWait);
  CHECK(envoy.judged().reason.starts_with("errors and latency are not known: a2"));
}

TEST_CASE("the next wave begins when all of this one have it and it has baked") {
  Running one;
  CHECK(one.judged({}).step == Step::kWait);
  CHECK(one.judged(std::chrono::seconds(29)).reason == "it bakes for 30s");
  CHECK(one.judged(std::chrono::seconds(30)).step == Step::kNextWave);
  one.spec.paused = true;
  CHECK(one.judged().step == Step::kWait);
  CHECK(one.judged().reason == "it is paused");
}

TEST_CASE("an edge that does not take it up in time withdraws it") {
  Running one;
  one.edges[1].has_it = false;
  CHECK(one.judged({}).reason == "for a2 to have it");
  CHECK_FALSE(all_have_it(one.status, "r", one.edges));
  const Judgement late = judge(one.spec, one.status, "r", one.edges, std::chrono::seconds(61), {});
  CHECK(late.step == Step::kWithdraw);
  CHECK(late.reason == "apply_timeout: a2 does not have it after 1m");
  one.edges[1].attached = false;  // it never had it, so it was not the change that took it away
  CHECK(all_have_it(one.status, "r", one.edges));
  CHECK(one.judged().step == Step::kNextWave);
}

TEST_CASE("each gate withdraws it and says which and why") {
  Running one;
  one.edges[0].refusal = "Service/web: unknown field";
  CHECK(one.judged().reason == "refused: a1 can't take it up: Service/web: unknown field");

  one = Running();
  one.edges[0].attached = false;
  CHECK(one.judged().reason == "lost: 1 of 2 edges that have it do not report any more, such as a1");
  one.spec.gates.lost_percent_max = 50;
  CHECK(one.judged().step == Step::kNextWave);

  one = Running();
  one.edges[0].since = carried(1000, 30, 1);
  one.edges[2].since = carried(1000, 5, 1);
  CHECK(one.judged().step == Step::kWithdraw);
  CHECK(one.judged().reason ==
        "errors: 3.0 % of the requests of its edges are answered 5xx, 0.5 % of the other edges");
  one.edges[0].since = carried(50, 50, 1);  // too few to tell
  CHECK(one.judged().step == Step::kNextWave);

  one = Running();
  one.edges[0].since = carried(1000, 0, 3);
  one.edges[2].since = carried(1000, 0, 1);
  CHECK(one.judged().reason == "latency: the 99th percentile of its edges is 99ms, 5ms of the other edges");
  one.edges[0].since = carried(1000, 0, 2);  // 5 to 25 ms
  CHECK(one.judged().step == Step::kWithdraw);

  one = Running();
  one.edges[0].endpoints_seen = 10;
  one.edges[0].endpoints_unhealthy = 5;
  one.edges[2].endpoints_seen = 10;
  CHECK(one.judged().reason ==
        "health: its edges find 50.0 % of their endpoints unhealthy, the others 0.0 %");
}

TEST_CASE("a few slow requests are chance, and tell nothing of a change") {
  Running one;
  const auto with_slow = [](std::uint64_t slow) {
    Carried all = carried(300 - slow, 0, 0);
    all.add(carried(slow, 0, 3));
    return all;
  };
  one.edges[2].since = with_slow(0);
  one.edges[0].since = with_slow(9);  // 3 % of them, so that they are the percentile
  CHECK(one.edges[0].since.p99() > std::chrono::milliseconds(25));
  CHECK(one.judged().step == Step::kNextWave);
  one.edges[0].since = with_slow(12);
  CHECK(one.judged().step == Step::kWithdraw);
  one.edges[2].since = with_slow(12);  // as slow without it
  CHECK(one.judged().step == Step::kNextWave);
}

TEST_CASE("buckets do not tell less than 5 ms apart, nor what is beyond the last") {
  Running one;
  one.edges[0].since = carried(1000, 0, 1);  // 1 to 5 ms
  one.edges[2].since = carried(1000, 0, 0);
  CHECK(one.judged().step == Step::kNextWave);
  one.edges[0].since = one.edges[2].since = carried(1000, 0, 7);  // above 10 s
  CHECK(one.judged().step == Step::kNextWave);
}

TEST_CASE("what nobody counts is said, and stops it where no edge counts anything") {
  Running one;
  one.edges[0].counts_requests = false;
  CHECK(one.judged(std::chrono::seconds(1)).reason ==
        "it bakes for 30s; errors and latency of a1 are not known");
  CHECK(one.judged().step == Step::kNextWave);  // a2 has been looked at
  one.edges[1].counts_requests = false;
  CHECK(one.judged().step == Step::kWait);
  CHECK(one.judged().reason ==
        "errors and latency are not known: a1 and 1 more did not report any requests, and Envoys never do; "
        "gates.allow_uncounted lets it go on without");
  one.edges[2].counts_requests = false;  // does not have it
  CHECK(one.judged().reason.contains("a1 and 1 more"));
  one.spec.gates.allow_uncounted = true;
  CHECK(one.judged().step == Step::kNextWave);
  one.edges[1].refusal = "Service/web: no";
  CHECK(one.judged().step == Step::kWithdraw);
}

TEST_CASE("without other edges to compare with, what was before counts") {
  Running one;
  one.edges.resize(2);
  one.edges[0].before = carried(1000, 0, 1);
  one.edges[0].since = carried(1000, 100, 1);
  CHECK(one.judged().reason == "errors: 10.0 % of the requests of its edges are answered 5xx, 0.0 % before");
}

TEST_CASE("a percentile lies within its bucket, and so does what is longer than a bound") {
  CHECK(Carried{}.longer_than(Duration{}) == 0);
  CHECK(carried(100, 0, 7).longer_than(std::chrono::seconds(9)) == 100);
  CHECK(carried(100, 0, 7).longer_than(std::chrono::seconds(10)) == 0);
  CHECK(carried(100, 0, 3).longer_than(std::chrono::milliseconds(25)) == 100);
  CHECK(carried(100, 0, 3).longer_than(std::chrono::milliseconds(85)) == doctest::Approx(20));
  CHECK(carried(100, 0, 3).longer_than(std::chrono::milliseconds(100)) == 0);
  CHECK(Carried{}.p99() == Duration{});
  CHECK(carried(100, 0, 0).p99() <= std::chrono::milliseconds(1));
  CHECK(carried(100, 0, 7).p99() == std::chrono::seconds(10));
  Carried mixed = carried(98, 0, 0);
  mixed.add(carried(2, 0, 4));
  CHECK(mixed.p99() > std::chrono::milliseconds(100));
  CHECK(mixed.p99() < std::chrono::milliseconds(500));
}

}  // namespace
}  // namespace weir::controller
