#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "workload/scheduler.h"
#include "workload/workload_fixture.h"

namespace weir::workload {
namespace {

using config::Kind;
using config::UpdatePhase;
using namespace std::chrono_literals;

constexpr const char* kOld = "registry.example/web:1";
constexpr const char* kNew = "registry.example/web:2";

const std::string kThree = R"({"name":"all","cities":["dfw","sea"],"min_replicas":3})";

// Three replicas in each of two cities, of the old version; the new one is written.
struct Update : TwoCities {
  explicit Update(std::string update = {}) : how(std::move(update)) {
    write(workload(kThree, how, kOld));
    pass(20s);
    REQUIRE(progress().phase == UpdatePhase::kDone);
    old_version = progress().version;
    before = where();
    bring(kNew);
  }
  void bring(const char* image) {
    write(workload(kThree, how, image));
    const auto object = find(Kind::kWorkload, "web");
    const auto& spec = std::get<config::WorkloadSpec>(object->spec);
    new_version = config::version_of(spec, spec.pull_secrets);
  }
  std::size_t count(const std::string& city, const std::string& version) {
    std::size_t count = 0;
    for (const auto& one : instances()) {
      const auto& spec = std::get<config::InstanceSpec>(one->spec);
      count += spec.city == city && spec.version == version ? 1 : 0;
    }
    return count;
  }
  std::size_t endpoints_in(const std::string& city) {
    CHECK(fake.run(mirror.catch_up()));
    const auto& all = mirror.objects().of(Kind::kEndpoint);
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const auto& one) { return one->metadata.name.contains(city); }));
  }
  // Until the update has ended; gives the least number of endpoints that either city had meanwhile.
  std::size_t watch(Duration at_most) {
    std::size_t least = 100;
    for (Duration done{}; done < at_most; done += 500ms) {
      pass(500ms);
      least = std::min({least, endpoints_in("dfw"), endpoints_in("sea")});
      const std::string told = status(Kind::kWorkload, "web");
      const std::size_t at = told.find(R"("ready":")") + 9;
      most_said = std::max(most_said, told.substr(at, told.find('"', at) - at));
      both |= count("dfw", old_version) > 0 && count("sea", new_version) > 0;
      if (progress().phase != UpdatePhase::kRunning) break;
    }
    return least;
  }

  std::string how;
  std::string before;  // where all were
  std::string old_version;
  std::string new_version;
  std::string most_said;  // that are ready
  bool both = false;      // one city had begun before the other was through
};

TEST_CASE("a new version gets to one city after the other, and nobody is missing meanwhile") {
  Update update;
  const std::size_t least = update.watch(5min);
  CHECK(update.progress().phase == UpdatePhase::kDone);
  CHECK(update.progress().good_version == update.new_version);
  CHECK(least >= 3);
  CHECK_FALSE(update.both);
  CHECK(update.most_said == "6/6");
  update.pass(2s);
  CHECK(update.where() == update.before);  // in place, on the same nodes
  CHECK(update.count("dfw", update.new_version) == 3);
  CHECK(update.count("sea", update.new_version) == 3);
  CHECK(update.count_events("the version " + update.new_version + " goes on to all/sea") == 1);
  CHECK(update.status(Kind::kWorkload, "web").contains(R"("updated":"6/6")"));
}

TEST_CASE("in place, when one may be missing") {
  Update update(R"(,"update":{"max_surge":0,"max_unavailable":1})");
  std::size_t most = 0;
  int looks = 0;
  do {
    update.pass(500ms);
    most = std::max(most, update.instances().size());
  } while (++looks < 400 && update.progress().phase != UpdatePhase::kDone);
  CHECK(update.progress().phase == UpdatePhase::kDone);
  CHECK(most == 6);
  CHECK(update.progress().version == update.new_version);
}

TEST_CASE("a version that ends again and again goes back by itself, before its deadline") {
  Update update;
  update.broken[update.new_version] = 3;
  const std::size_t least = update.watch(60s);
  CHECK(update.progress().phase == UpdatePhase::kReverted);
  CHECK(update.progress().version == update.new_version);
  CHECK(least >= 3);
  CHECK(update.progress().reason == "web-all-dfw-4: the container app ended with exit code 1");
  CHECK(update.count_events("all go back to the version " + update.old_version) == 1);
  update.pass(20s);
  CHECK(update.where() == update.before);
  CHECK(update.count("dfw", update.old_version) == 3);
  CHECK(update.endpoints_in("dfw") == 3);
  CHECK(update.status(Kind::kWorkload, "web").contains("failed, and all went back to"));
  const int commits = update.store.commits;
  update.pass(2min);
  CHECK(update.store.commits == commits);
  // Another one is tried.
  update.bring("registry.example/web:3");
  update.watch(5min);
  CHECK(update.progress().phase == UpdatePhase::kDone);
  CHECK(update.count("sea", update.new_version) == 3);
}

TEST_CASE("a version that can't be started goes back by itself, and its ports are not used again at once") {
  Update update(R"(,"update":{"max_surge":0,"max_unavailable":1})");
  update.broken[update.new_version] = 0;
  update.broken_as = nodelink::State::kFailed;
  const auto ports = [&] {
    std::vector<std::uint32_t> all;
    for (const auto& one : update.instances()) {
      const auto& spec = std::get<config::InstanceSpec>(one->spec);
      all.push_back(spec.containers[0].ports[0].host_port);
    }
    return all;
  };
  const auto before = ports();
  update.watch(5s);
  CHECK(update.progress().phase == UpdatePhase::kRunning);
  CHECK(ports() == before);
  update.watch(15s);
  CHECK(update.progress().phase == UpdatePhase::kReverted);
  update.pass(20s);
  CHECK(update.where() == update.before);
  CHECK(update.count("dfw", update.old_version) == 3);
  const auto after = ports();
  REQUIRE(after.size() == before.size());
  std::size_t others = 0;
  for (std::size_t i = 0; i < after.size(); ++i) others += after[i] == before[i] ? 0 : 1;
  CHECK(others == 1);
}

TEST_CASE("what was put back by hand is done at once") {
  Update update;
  update.broken[update.new_version] = 3;
  update.watch(60s);
  CHECK(update.progress().phase == UpdatePhase::kReverted);
  update.bring(kOld);
  update.pass(15s);
  CHECK(update.progress().phase == UpdatePhase::kDone);
  CHECK(update.count("dfw", update.old_version) == 3);
}

TEST_CASE("a version that is never ready goes back after its deadline, and half of the way, too") {
  Update update(R"(,"update":{"healthy_deadline":"1m"})");
  update.broken[update.new_version] = 0;  // it backs off, and was not started anew often
  update.watch(30s);
  CHECK(update.progress().phase == UpdatePhase::kRunning);
  update.watch(45s);
  CHECK(update.progress().phase == UpdatePhase::kReverted);
  CHECK(update.progress().reason.contains("it was not ready within 1m"));
  update.pass(20s);
  // The first city is through when the second finds out.
  update.bring("registry.example/web:3");
  for (int i = 0; i < 400 && update.progress().city != "all/sea"; ++i) update.pass(500ms);
  CHECK(update.count("dfw", update.new_version) == 3);
  update.broken[update.new_version] = 3;
  CHECK(update.watch(60s) >= 3);
  CHECK(update.progress().phase == UpdatePhase::kReverted);
  std::size_t least = 100;
  for (int i = 0; i < 240; ++i) {
    update.pass(500ms);
    least = std::min({least, update.endpoints_in("dfw"), update.endpoints_in("sea")});
  }
  CHECK(least >= 3);
  CHECK(update.count("dfw", update.old_version) == 3);
  CHECK(update.count("sea", update.old_version) == 3);
}

TEST_CASE("without a way back it has failed, and only one instance is concerned") {
  Update update(R"(,"update":{"auto_revert":false})");
  update.broken[update.new_version] = 3;
  update.watch(60s);
  CHECK(update.progress().phase == UpdatePhase::kFailed);
  update.pass(1min);
  CHECK(update.count("dfw", update.old_version) == 3);
  CHECK(update.count("dfw", update.new_version) == 1);
  CHECK(update.endpoints_in("dfw") == 3);
  CHECK(update.status(Kind::kWorkload, "web").contains("fails: web-all-dfw-4"));
}

TEST_CASE("another controller goes on from where the last one was") {
  Update update;
  for (int i = 0; i < 400 && update.count("dfw", update.new_version) < 2; ++i) update.pass(500ms);
  update.stop();
  update.scheduler = std::make_unique<Scheduler>(update.fake.env, update.store, update.mirror, update.roster);
  update.scheduler->start();
  CHECK(update.watch(5min) >= 3);
  CHECK(update.progress().phase == UpdatePhase::kDone);
  update.pass(2s);
  CHECK(update.instances().size() == 6);
  CHECK(update.count_events("the version " + update.new_version + " begins") == 1);
}

TEST_CASE("a node that is lost in the middle is replaced, and the update goes on") {
  Update update;
  for (int i = 0; i < 400 && update.count("dfw", update.new_version) < 2; ++i) update.pass(500ms);
  update.silence("dfw-a");
  update.silence("sea-a");
  update.watch(5min);
  CHECK(update.progress().phase == UpdatePhase::kDone);
  update.pass(2s);
  CHECK(update.instances().size() == 6);
  CHECK_FALSE(update.where().contains("dfw-a"));
  CHECK(update.count("dfw", update.new_version) == 3);
  CHECK(update.count("sea", update.new_version) == 3);
}

TEST_CASE("paused, it waits; then it goes on") {
  Update update;
  for (int i = 0; i < 400 && update.count("dfw", update.new_version) < 2; ++i) update.pass(500ms);
  const std::string how = R"(,"update":{"paused":true})";
  update.write(workload(kThree, how, kNew));
  update.pass(2s);
  const std::size_t there = update.count("dfw", update.new_version);
  update.pass(2min);
  CHECK(update.count("dfw", update.new_version) == there);
  CHECK(update.status(Kind::kWorkload, "web").contains("the update is paused"));
  update.write(workload(kThree, {}, kNew));
  update.watch(5min);
  CHECK(update.progress().phase == UpdatePhase::kDone);
}

TEST_CASE("without room for an extra one nothing is replaced, and it is said") {
  World world;
  world.write(kService);
  world.add_node("dfw-a", "dfw",
                 {.cpu_milli = 1000,
                  .memory_bytes = 1U << 30U,
                  .instances_max = 10,
                  .port_first = 1000,
                  .port_last = 1999});
  world.write(workload(kDallas, {}, kOld));
  world.pass(20s);
  world.write(workload(kDallas, {}, kNew));
  world.pass(10s);
  CHECK(world.status(Kind::kWorkload, "web")
            .contains("nothing can be replaced: no room for another instance: dfw-a lacks cpu"));
  CHECK(world.instances().size() == 2);
  world.write(workload(kDallas, R"(,"update":{"max_surge":0,"max_unavailable":1})", kNew));
  world.pass(40s);
  CHECK(world.progress().phase == UpdatePhase::kDone);
}

TEST_CASE("a version that needs more than its node has goes to another, or stays where it is") {
  World world;
  world.write(kService);
  const nodelink::Capacity small{.cpu_milli = 1000,
                                 .memory_bytes = 1U << 30U,
                                 .instances_max = 10,
                                 .port_first = 1000,
                                 .port_last = 1999};
  world.add_node("dfw-a", "dfw", small);
  const std::string one = R"({"name":"all","cities":["dfw"]})";
  const std::string in_place = R"(,"update":{"max_surge":0,"max_unavailable":1})";
  world.write(workload(one, in_place, kOld));
  world.pass(20s);
  world.write(workload(one, in_place, kNew, "web", R"({"cpu":"2"})"));
  world.pass(5s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a");
  CHECK_FALSE(world.endpoints().empty());
  CHECK(world.status(Kind::kWorkload, "web")
            .contains("web-all-dfw-1 can't be replaced: there is no other node"));
  world.add_node("dfw-b", "dfw");
  world.pass(20s);
  CHECK(world.where() == "web-all-dfw-1@dfw-b");
  CHECK(world.progress().phase == UpdatePhase::kDone);
}

// --- scaling, as the scheduler does it
const std::string kScaled = R"({"name":"all","cities":["dfw"],"min_replicas":2,"max_replicas":4,
    "metrics":[{"metric":"CPU","average_utilization":50}],"scale_down_cooldown":"60s"})";

struct Scaled : TwoCities {
  explicit Scaled(const std::string& target) {
    write(workload(target));
    pass(20s);
  }
  // All instances together use that much, each of its 500m, and it is passed for so long.
  void use(std::uint32_t all_milli, Duration time) {
    for (Duration done{}; done < time; done += 1s) {
      const auto there = instances();
      const auto cpu_milli = all_milli / static_cast<std::uint32_t>(there.size());
      for (const auto& one : there) {
        const auto& spec = std::get<config::InstanceSpec>(one->spec);
        nodelink::NodeReport report;
        report.instances.push_back({.name = one->metadata.name,
                                    .version = spec.version,
                                    .state = State::kReady,
                                    .cpu_milli = cpu_milli});
        roster.report(spec.node, report);
      }
      pass(1s);
    }
  }
};

TEST_CASE("instances are made when those that are there use too much, and ended when they don't any more") {
  Scaled world(kScaled);
  CHECK(world.instances().size() == 2);
  world.use(700, 40s);
  CHECK(world.instances().size() == 3);
  CHECK(world.count_events(
            "scaled from 2 to 3: CPU 70.0 % of what 2 instances may use, and 50 % is wanted") == 1);
  CHECK(world.status(Kind::kWorkload, "web").contains(R"("ready":"3/3")"));
  world.use(600, 70s);
  CHECK(world.instances().size() == 3);
  world.use(100, 50s);
  CHECK(world.instances().size() == 3);
  world.use(100, 20s);
  CHECK(world.instances().size() == 2);
  CHECK(world.count_events("scaled from 3 to 2: for 1m") == 2);  // and its endpoint goes
}

TEST_CASE("an update counts its extra instance as none") {
  Scaled world(kScaled);
  world.use(440, 30s);
  CHECK(world.instances().size() == 2);
  world.write(workload(kScaled, {}, kNew));
  world.use(440, 60s);
  CHECK(world.progress().phase == UpdatePhase::kDone);
  CHECK(world.instances().size() == 2);
}

TEST_CASE("requests of a service are shared by the cities that serve it in their zone") {
  const std::string target = R"({"name":"all","cities":["dfw","sea"],"min_replicas":1,"max_replicas":5,
      "metrics":[{"metric":"REQUESTS","average_value":100}]})";
  TwoCities world;
  std::string asked;
  ServiceLoad load{.requests_per_second = 210};
  world.stop();
  world.scheduler =
      std::make_unique<Scheduler>(world.fake.env, world.store, world.mirror, world.roster,
                                  [&](std::string_view service, std::string_view zone, Duration) {
                                    asked = std::string(service) + "@" + std::string(zone);
                                    return zone == "r-dfw" ? load : ServiceLoad{};
                                  });
  world.scheduler->start();
  world.write(workload(target));
  world.pass(40s);
  CHECK(asked == "web@r-sea");
  CHECK(world.where().contains("web-all-dfw-3"));
  CHECK_FALSE(world.where().contains("web-all-sea-2"));
  CHECK(world.count_events("scaled from 1 to 3: 210.0 REQUESTS per second for 1 instance, and 100 each") ==
        2);
  load.unknown = "the edge a is silent";
  load.requests_per_second = 0;
  world.pass(10min);
  CHECK(world.where().contains("web-all-dfw-3"));
  CHECK(world.status(Kind::kWorkload, "web").contains("it is not scaled: the edge a is silent"));
  world.stop();
}

TEST_CASE("without anybody who counts requests nothing is scaled, and it is said") {
  TwoCities world;
  world.write(workload(R"({"name":"all","cities":["dfw"],"min_replicas":0,"max_replicas":5,
      "metrics":[{"metric":"IN_FLIGHT","average_value":10}]})"));
  world.pass(30s);
  CHECK(world.where().empty());
  CHECK(world.status(Kind::kWorkload, "web")
            .contains("it is not scaled: nobody says what the service is given"));
}

}  // namespace
}  // namespace weir::workload
