#include "workload/scaling.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace weir::workload {
namespace {

using config::ScaleBy;
using namespace std::chrono_literals;

constexpr Instant kStart{std::chrono::hours(5)};

config::WorkloadTarget target(std::uint32_t least, std::uint32_t most) {
  config::WorkloadTarget one;
  one.name = "all";
  one.min_replicas = least;
  one.max_replicas = most;
  return one;
}

Measure cpu(double percent_of_all, double most_percent = -1) {  // 100: one whole instance of 1000m
  const config::ScaleMetric metric{.metric = ScaleBy::kCpu, .average_utilization = 50};
  return {.metric = metric,
          .each = 500,
          .least = percent_of_all * 10,
          .most = (most_percent < 0 ? percent_of_all : most_percent) * 10,
          .unknown = {}};
}

// Replicas that follow every decision at once.
struct Run {
  explicit Run(config::WorkloadTarget with, std::uint32_t begin) : target(std::move(with)), replicas(begin) {}
  // percent: of one instance, by all together. Gives how many decisions were made.
  int pass(Duration time, double percent, std::string unknown = {}) {
    int decisions = 0;
    for (Duration done{}; done < time; done += 1s) {
      now += 1s;
      Measure measure = cpu(percent);
      measure.unknown = unknown;
      const auto decision = scaler.decide(target, replicas, std::span(&measure, 1), may_shrink, now);
      if (!decision) continue;
      ++decisions;
      replicas = decision->replicas;
      reasons.push_back(decision->reason);
    }
    return decisions;
  }
  config::WorkloadTarget target;
  std::uint32_t replicas;
  Instant now = kStart;
  bool may_shrink = true;
  Scaler scaler{kStart};
  std::vector<std::string> reasons;
};

TEST_CASE("more load makes more instances, after the cool-down, with the numbers in the reason") {
  Run run(target(3, 6), 3);
  CHECK(run.pass(14s, 240) == 0);
  CHECK(run.pass(1s, 240) == 1);
  CHECK(run.replicas == 5);
  CHECK(run.reasons.back() ==
        "scaled from 3 to 5: CPU 80.0 % of what 3 instances may use, and 50 % is wanted");
  CHECK(run.pass(60s, 240) == 0);
  CHECK(run.pass(15s, 900) == 1);
  CHECK(run.replicas == 6);  // and no more, ever
  CHECK(run.pass(10min, 900) == 0);
}

TEST_CASE("at most to double and one more at once") {
  Run run(target(0, 100), 1);
  CHECK(run.pass(15s, 5000) == 1);
  CHECK(run.replicas == 3);
  CHECK(run.pass(15s, 5000) == 1);
  CHECK(run.replicas == 7);
}

TEST_CASE("a tenth more or less is no difference") {
  Run run(target(1, 10), 4);
  CHECK(run.pass(15min, 219) == 0);
  CHECK(run.pass(15s, 221) == 1);
  CHECK(run.replicas == 5);
  Run down(target(1, 10), 4);
  CHECK(down.pass(15min, 136) == 0);  // three would be at 45.3 %
  CHECK(down.pass(6min, 134) == 1);
  CHECK(down.replicas == 3);
}

TEST_CASE("less load ends one instance at a time, after the cool-down below the greatest need in it") {
  Run run(target(1, 10), 5);
  CHECK(run.pass(4min, 20) == 0);
  CHECK(run.pass(1s, 200) == 0);  // four are needed, and one to spare
  CHECK(run.pass(4min + 59s, 20) == 0);
  CHECK(run.pass(10s, 20) == 1);
  CHECK(run.replicas == 4);
  CHECK(run.reasons.back().starts_with("scaled from 5 to 4: for 5m 1 would have been enough; CPU 4.0 %"));
  CHECK(run.pass(4min + 50s, 20) == 0);
  CHECK(run.pass(20s, 20) == 1);
  CHECK(run.pass(20min, 20) == 2);
  CHECK(run.replicas == 1);
  CHECK(run.pass(20min, 0) == 0);  // the floor
}

TEST_CASE("a square wave does not flap") {
  for (const Duration half : {5s, 20s, 60s, 140s}) {
    Run run(target(3, 6), 3);
    run.pass(20s, 80);
    std::uint32_t least = 6;
    int decisions = 0;
    for (int wave = 0; wave < 40; ++wave) {
      decisions += run.pass(half, 190);
      decisions += run.pass(half, 80);
      if (wave > 10) least = std::min(least, run.replicas);
    }
    CHECK(run.replicas == 4);
    CHECK(least == 4);
    CHECK(decisions == 1);
    run.pass(6min, 80);
    CHECK(run.replicas == 3);
  }
}

TEST_CASE("what is not known decides nothing") {
  Run run(target(1, 10), 4);
  CHECK(run.pass(1h, 900, "nobody says") == 0);
  CHECK(run.pass(1h, 0, "nobody says") == 0);
  CHECK(run.pass(4min + 50s, 20) == 0);  // what was before the gap does not count
  CHECK(run.pass(20s, 20) == 1);
  // A short gap ends nothing that was known.
  CHECK(run.pass(4min, 20) == 0);
  CHECK(run.pass(20s, 0, "nobody says") == 0);
  CHECK(run.pass(50s, 20) == 1);
}

TEST_CASE("one instance whose use is not known counts as none for more and as full for fewer") {
  Scaler scaler(kStart);
  const config::WorkloadTarget bounds = target(1, 10);
  Measure measure = cpu(150, 250);
  for (int i = 1; i < 1000; ++i) {
    CHECK_FALSE(scaler.decide(bounds, 4, std::span(&measure, 1), true, kStart + std::chrono::seconds(i)));
  }
  measure = cpu(250, 350);  // more in any case
  const auto decision = scaler.decide(bounds, 4, std::span(&measure, 1), true, kStart + 1001s);
  REQUIRE(decision);
  CHECK(decision->replicas == 5);
}

TEST_CASE("of several metrics the greatest need counts, and all have to be known to end one") {
  Scaler scaler(kStart);
  const config::WorkloadTarget bounds = target(1, 10);
  const config::ScaleMetric requests{.metric = ScaleBy::kRequests, .average_value = 100};
  std::vector<Measure> measures{cpu(100), measure_load(requests, {.requests_per_second = 600}, 1)};
  const auto up = scaler.decide(bounds, 3, measures, true, kStart + 20s);
  REQUIRE(up);
  CHECK(up->replicas == 6);
  CHECK(up->reason ==
        "scaled from 3 to 6: 600.0 REQUESTS per second for 3 instances, and 100 each are wanted");
  measures[1] = measure_load(requests, {.unknown = "the edge a is silent"}, 1);
  for (int i = 20; i < 1000; ++i) {
    CHECK_FALSE(scaler.decide(bounds, 6, measures, true, kStart + std::chrono::seconds(i)));
  }
  measures[0] = cpu(500);  // that is known, and enough
  CHECK(scaler.decide(bounds, 6, measures, true, kStart + 1000s)->replicas == 10);
}

TEST_CASE("none while nothing comes, and the first with the first request") {
  Scaler scaler(kStart);
  const config::WorkloadTarget bounds = target(0, 4);
  const config::ScaleMetric in_flight{.metric = ScaleBy::kInFlight, .average_value = 10};
  Measure measure = measure_load(in_flight, {.in_flight = 0}, 1);
  CHECK_FALSE(scaler.decide(bounds, 0, std::span(&measure, 1), true, kStart + 20s));
  measure = measure_load(in_flight, {.in_flight = 35}, 1);
  const auto first = scaler.decide(bounds, 0, std::span(&measure, 1), true, kStart + 21s);
  REQUIRE(first);
  CHECK(first->replicas == 1);
  CHECK(first->reason ==
        "scaled from 0 to 1: 35.0 requests IN_FLIGHT for 0 instances, and 10 each are wanted");
  measure = measure_load(in_flight, {.in_flight = 0}, 1);
  std::uint32_t replicas = 1;
  for (int i = 22; i < 330; ++i) {
    const auto next =
        scaler.decide(bounds, replicas, std::span(&measure, 1), true, kStart + std::chrono::seconds(i));
    if (next) replicas = next->replicas;
  }
  CHECK(replicas == 0);
}

TEST_CASE("nothing is ended while an update is under way") {
  Run run(target(1, 10), 4);
  run.may_shrink = false;
  CHECK(run.pass(1h, 10) == 0);
  run.may_shrink = true;
  CHECK(run.pass(1s, 10) == 1);
}

TEST_CASE("CPU is of what ready instances use, and of no limit nothing is known") {
  const auto instance = [](Health health, std::optional<std::uint32_t> cpu_milli) {
    auto object = std::make_shared<config::Object>();
    object->metadata.name = "web-all-dfw-1";
    object->spec = config::InstanceSpec{};
    InstanceView view{.object = object, .health = health};
    view.cpu_milli = cpu_milli;
    return view;
  };
  const config::ScaleMetric metric{.metric = ScaleBy::kCpu, .average_utilization = 50};
  std::vector<InstanceView> views{instance(Health::kReady, 300), instance(Health::kReady, std::nullopt),
                                  instance(Health::kNotReady, 900), instance(Health::kLost, 900)};
  const Measure measure = measure_cpu(metric, views, 1000);
  CHECK(measure.unknown.empty());
  CHECK(measure.each == 500);
  CHECK(measure.least == 300);
  CHECK(measure.most == 1300);
  CHECK(measure_cpu(metric, views, 0).unknown ==
        "its containers have no limit of cpu, which a share could be of");
  views.push_back(instance(Health::kUnknown, std::nullopt));
  CHECK(measure_cpu(metric, views, 1000).unknown == "web-all-dfw-1 has not been heard of");
}

}  // namespace
}  // namespace weir::workload
