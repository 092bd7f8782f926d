#include "workload/updates.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

namespace weir::workload {
namespace {

using config::UpdatePhase;
using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};

config::ContainerGroup group(const std::string& image) {
  config::ContainerGroup one;
  one.containers.push_back({.name = "app", .image = image});
  return one;
}

// A workload in two cities with three replicas each; "new" is written, and "old" ran before.
struct Case {
  Case() {
    config::WorkloadSpec spec;
    static_cast<config::ContainerGroup&>(spec) = group("new");
    spec.targets.push_back({.name = "all"});
    spec.progress = config::WorkloadProgress{.phase = UpdatePhase::kRunning,
                                             .version = "new",
                                             .city = "all/dfw",
                                             .good_version = "old",
                                             .good = group("old")};
    object->metadata.name = "web";
    object->spec = std::move(spec);
    workload.version = "new";
    workload.object = object;
    for (const char* city : {"dfw", "sea"}) {
      workload.cities.push_back(
          {.target = &this->spec().targets[0], .city = city, .want = 3, .instances = {}});
    }
  }
  config::WorkloadSpec& spec() { return std::get<config::WorkloadSpec>(object->spec); }
  config::WorkloadProgress& progress() { return *spec().progress; }

  InstanceView& add(std::size_t city, const std::string& version, Health health, Duration health_for = 1min) {
    auto instance = std::make_shared<config::Object>();
    auto& instances = workload.cities[city].instances;
    const auto number = static_cast<std::uint32_t>(instances.size() + 1);
    instance->metadata.name = instance_name("web", "all", workload.cities[city].city, number);
    instance->spec = config::InstanceSpec{
        {}, "web", "all", workload.cities[city].city, number, "node", version, {}, kNow - 2min};
    InstanceView view{.object = instance, .health = health, .health_for = health_for};
    if (health == Health::kReady) view.ready_longest = health_for;
    instances.push_back(std::move(view));
    return instances.back();
  }
  void add(std::size_t city, std::initializer_list<const char*> versions) {
    for (const char* version : versions) add(city, version, Health::kReady);
  }
  UpdateStep next(Duration led_for = 1h, WallTime now = kNow) { return next_step(workload, led_for, now); }
  CityUpdate of(std::size_t city) { return update_of(workload, progress(), city); }

  std::shared_ptr<config::Object> object = std::make_shared<config::Object>();
  WorkloadView workload;
};

using Numbers = std::vector<std::uint32_t>;

TEST_CASE("the first version comes up everywhere at once, and is good when all have been ready for a while") {
  Case one;
  one.spec().progress.reset();
  UpdateStep step = one.next();
  CHECK(step.reason == "the version new begins");
  CHECK(step.progress.phase == UpdatePhase::kRunning);
  CHECK_FALSE(step.progress.good);
  one.spec().progress = step.progress;
  CHECK(one.next().reason.empty());  // nothing is there yet
  CHECK(one.of(1).version == "new");
  one.add(0, {"new", "new", "new"});
  one.add(1, "new", Health::kReady, 9s);
  CHECK(one.next().reason.empty());
  one.workload.cities[1].instances[0].health_for = 10s;
  step = one.next();
  CHECK(step.reason == "all instances run the version new");
  CHECK(step.progress.phase == UpdatePhase::kDone);
  CHECK(step.progress.good_version == "new");
  CHECK(step.progress.good == group("new"));
  CHECK(step.progress.city.empty());
}

TEST_CASE("nothing is wanted anywhere: that is done at once") {
  Case one;
  for (CityView& city : one.workload.cities) city.want = 0;
  CHECK(one.next().progress.phase == UpdatePhase::kDone);
}

TEST_CASE("a new version gets to one city after the other") {
  Case one;
  one.add(0, {"old", "old", "old"});
  one.add(1, {"old", "old", "old"});
  CHECK(one.of(0).version == "new");
  CHECK(one.of(0).extras_wanted == 1);
  CHECK(one.of(0).replaced.empty());  // nothing can be spared before the extra one is ready
  CHECK(one.of(1).version == "old");
  CHECK(one.of(1).extras_wanted == 0);
  CHECK(one.of(1).replaced.empty());
  CHECK(one.of(1).group->containers[0].image == "old");

  InstanceView& extra = one.add(0, "new", Health::kReady, 9s);
  CHECK(one.of(0).replaced.empty());
  extra.health_for = 10s;
  CHECK(one.of(0).replaced == Numbers{1});
  one.workload.cities[0].instances.clear();
  one.add(0, "new", Health::kNotReady);
  one.add(0, {"old", "old", "new"});
  CHECK(one.of(0).replaced.empty());
  CHECK(one.of(0).extras_stay);
  CHECK(one.next().reason.empty());
  one.workload.cities[0].instances.clear();
  one.add(0, {"new", "new", "new", "new"});
  CHECK_FALSE(one.of(0).under_way);
  CHECK_FALSE(one.of(0).extras_stay);
  const UpdateStep step = one.next();
  CHECK(step.progress.city == "all/sea");
  CHECK(step.reason == "the version new goes on to all/sea");
  one.spec().progress = step.progress;
  CHECK(one.of(1).version == "new");
  CHECK(one.of(1).extras_wanted == 1);
  one.workload.cities[1].instances.clear();
  one.add(1, {"new", "new", "new"});
  CHECK(one.next().progress.phase == UpdatePhase::kDone);
}

TEST_CASE("how many are replaced at once follows from how many may be missing") {
  Case one;
  one.spec().update.max_surge = 0;
  one.spec().update.max_unavailable = 2;
  one.add(0, {"old", "old", "old"});
  CHECK(one.of(0).extras_wanted == 0);
  CHECK(one.of(0).replaced == Numbers{1, 2});
  one.workload.cities[0].instances[0].health = Health::kNotReady;
  CHECK(one.of(0).replaced == Numbers{1, 2});  // the first is missing anyhow
  one.workload.cities[0].instances[0].health = Health::kUnknown;
  CHECK(one.of(0).replaced == Numbers{2});
  one.spec().update.max_unavailable = 10;
  one.workload.cities[0].instances[0].health = Health::kReady;
  CHECK(one.of(0).replaced == Numbers{1, 2, 3});
}

TEST_CASE("what fails goes back to what ran before, everywhere, and is not tried again") {
  Case one;
  one.add(0, {"new", "old", "old"});
  InstanceView& extra = one.add(0, "new", Health::kFailing);
  extra.reason = "the container app ended with exit code 1";
  const UpdateStep step = one.next();
  CHECK(step.progress.phase == UpdatePhase::kReverted);
  CHECK(step.progress.version == "new");
  CHECK(step.progress.reason == "web-all-dfw-4: the container app ended with exit code 1");
  CHECK(step.reason ==
        "the version new fails, web-all-dfw-4: the container app ended with exit code 1; all go back to the "
        "version old");
  one.spec().progress = step.progress;
  CHECK(one.next().reason.empty());
  CityUpdate update = one.of(0);
  CHECK(update.version == "old");
  CHECK(update.replaced == Numbers{4});  // the one that serves has to wait
  CHECK(update.extras_wanted == 1);
  one.workload.cities[0].instances.clear();
  one.add(0, {"new", "old", "old", "old"});
  CHECK(one.of(0).replaced == Numbers{1});
  one.workload.version = "newer";
  CHECK(one.next().progress.phase == UpdatePhase::kRunning);
  CHECK(one.next().progress.good_version == "old");
  one.workload.version = "old";
  one.spec().progress = one.next().progress;
  CHECK(one.progress().version == "old");
}

TEST_CASE("without a way back it has failed, and stays as it is until all is well") {
  Case one;
  one.spec().update.auto_revert = false;
  one.add(0, {"old", "old", "old"});
  one.add(0, "new", Health::kFailing);
  one.add(1, {"old", "old", "old"});
  UpdateStep step = one.next();
  CHECK(step.progress.phase == UpdatePhase::kFailed);
  CHECK(step.progress.reason == "web-all-dfw-4: it ends again and again");
  one.spec().progress = step.progress;
  CHECK(one.of(0).replaced.empty());
  CHECK(one.of(0).extras_wanted == 0);
  CHECK(one.of(0).extras_stay);
  CHECK_FALSE(one.of(0).under_way);
  CHECK(one.of(0).version == "old");
  CHECK(one.next().reason.empty());
  for (CityView& city : one.workload.cities) city.instances.clear();
  one.add(0, {"new"});
  one.add(1, {"new"});
  CHECK(one.next().progress.phase == UpdatePhase::kDone);
}

TEST_CASE("the first version has nothing to go back to") {
  Case one;
  one.progress().good.reset();
  one.progress().good_version.clear();
  one.add(0, "new", Health::kFailing);
  const UpdateStep step = one.next();
  CHECK(step.progress.phase == UpdatePhase::kFailed);
  one.spec().progress = step.progress;
  CHECK(one.of(1).version == "new");  // others are tried on
}

TEST_CASE("an instance has until its deadline, and once steady, for as long to be so again") {
  Case one;
  one.add(0, {"old", "old", "old"});
  InstanceView& extra = one.add(0, "new", Health::kNotReady, 1min);
  extra.reason = "the readiness probe fails";
  CHECK(one.next(1h, kNow + 3min).reason.empty());
  CHECK(one.next(1h, kNow + 3min + 1s).progress.reason ==
        "web-all-dfw-4: it was not ready within 5m: the readiness probe fails");
  CHECK(one.next(5min, kNow + 1h).reason.empty());  // a new leader has not seen it for so long
  // Ready again and again, but never for long enough.
  extra.health = Health::kReady;
  extra.health_for = extra.ready_longest = 3s;
  CHECK(one.next(1h, kNow + 4min).progress.phase == UpdatePhase::kReverted);
  // It was steady, and is not ready now.
  extra.health = Health::kNotReady;
  extra.ready_longest = 10s;
  extra.health_for = 5min;
  CHECK(one.next(1h, kNow + 1h).reason.empty());
  extra.health_for = 5min + 1s;
  CHECK(one.next(1h, kNow + 1h).progress.phase == UpdatePhase::kReverted);
  // Or is ready anew.
  extra.health = Health::kReady;
  extra.health_for = 1s;
  CHECK(one.next(1h, kNow + 1h).reason.empty());
  for (const Health health : {Health::kLost, Health::kUnknown}) {
    extra.health = health;
    extra.ready_longest = {};
    CHECK(one.next(1h, kNow + 1h).reason.empty());
  }
}

TEST_CASE("paused, nothing is replaced and nothing goes back") {
  Case one;
  one.spec().update.paused = true;
  one.add(0, {"new", "old", "old", "old"});
  one.add(1, {"old", "old", "old"});
  CHECK(one.of(0).replaced.empty());
  CHECK(one.of(0).extras_stay);
  CHECK(one.of(0).version == "old");
  one.workload.cities[0].instances[0].health = Health::kFailing;
  CHECK(one.next().reason.empty());
}

TEST_CASE("a city that has lost its nodes does not hold up the others") {
  Case one;
  one.add(0, "old", Health::kLost);
  one.add(1, {"old", "old", "old"});
  CHECK(one.next().progress.city == "all/sea");
  // The city that is written has no nodes any more.
  one.workload.cities.erase(one.workload.cities.begin());
  CHECK(one.of(0).version == "old");
  one.spec().progress = one.next().progress;
  CHECK(one.progress().city == "all/sea");
  CHECK(one.of(0).version == "new");
}

TEST_CASE("who has missed an update is brought up to it afterwards") {
  Case one;
  one.progress() = {
      .phase = UpdatePhase::kDone, .version = "new", .good_version = "new", .good = group("new")};
  one.add(0, {"old", "new", "new"});
  CHECK(one.of(0).extras_wanted == 1);
  CHECK(one.of(0).replaced.empty());
  one.workload.cities[0].instances[0].health = Health::kNotReady;
  CHECK(one.of(0).replaced == Numbers{1});
}

}  // namespace
}  // namespace weir::workload
