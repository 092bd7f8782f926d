#include "workload/scheduler.h"

#include <doctest/doctest.h>

#include <string>

#include "workload/workload_fixture.h"

namespace weir::workload {
namespace {

using config::Kind;
using namespace std::chrono_literals;

TEST_CASE(
    "a node that is lost is replaced within its city, and keeps what is still its own when it is back") {
  TwoCities world;
  world.write(workload(kTwoCities));
  world.pass(20s);
  world.silence("dfw-a");
  world.pass(7s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-a"));
  world.pass(2s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-b"));
  world.silence("dfw-b");
  world.pass(10s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-b web-all-dfw-2@dfw-b"));
  CHECK_FALSE(world.endpoints().contains("dfw"));
  CHECK(world.endpoints().contains("sea"));
  CHECK(world.status(Kind::kWorkload, "web").contains("is lost, and nobody can take it"));
  CHECK(world.status(Kind::kInstance, "web-all-dfw-1").contains(R"("state":"lost")"));
  CHECK(world.roster.find("dfw-b")->attached);  // its stream hangs
  CHECK(world.status(Kind::kNode, "dfw-b").contains(R"("attached":false)"));
  CHECK(world.status(Kind::kNode, "sea-b").contains(R"("attached":true)"));
  world.reporting["dfw-b"] = true;
  world.pass(2s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-b web-all-dfw-2@dfw-b"));
  CHECK(world.endpoints().contains("web-all-dfw-1"));
}

TEST_CASE("a node that is gone or revoked is lost at once") {
  TwoCities world;
  world.write(workload(kTwoCities));
  world.pass(20s);
  world.write_node("dfw-a", "dfw", R"(,"revoked":true)");
  world.pass(500ms);
  CHECK(world.where().contains("web-all-dfw-1@dfw-b"));
  CHECK(world.count_events("its node dfw-a is revoked") == 2);
  world.remove(Kind::kNode, "sea-b");
  world.pass(500ms);
  CHECK(world.where().contains("web-all-sea-2@sea-a"));
  CHECK(world.count_events("its node sea-b is gone") == 2);
}

TEST_CASE("a controller that has just started calls nobody lost for 20 s, and takes no endpoint away") {
  TwoCities world;
  world.write(workload(kTwoCities));
  world.pass(20s);
  const std::string where = world.where();
  const std::string endpoints = world.endpoints();
  CHECK_FALSE(endpoints.empty());
  world.stop();
  Roster roster(world.fake.env);
  world.scheduler = std::make_unique<Scheduler>(world.fake.env, world.store, world.mirror, roster);
  roster.start();
  world.scheduler->start();
  world.fake.advance(19s);
  CHECK(world.where() == where);
  CHECK(world.endpoints() == endpoints);
  CHECK(world.status(Kind::kWorkload, "web").contains("has not reported yet"));
  // One comes back, and the others do not.
  roster.attach({.node = "sea-a", .capacity = World::kRoomy});
  for (int i = 0; i < 3; ++i) {
    world.fake.advance(1s);
    roster.heard("sea-a");
  }
  CHECK(world.where().contains("web-all-sea-1@sea-a web-all-sea-2@sea-a"));
  CHECK(world.endpoints().starts_with("web-all-sea-1"));  // it has not said yet what it runs
  roster.report("sea-a", {.complete = true});
  world.fake.advance(1s);
  CHECK(world.endpoints().empty());
  CHECK(world.fake.log.count(
            "more than half of all nodes are lost: their instances go where there is room") == 1);
  world.stop();
  CHECK(world.fake.run(roster.stop()));
}

TEST_CASE("only who leads writes, and who begins to lead waits") {
  TwoCities world;
  world.store.is_leader = false;
  world.write(workload(kTwoCities));
  world.pass(5s);
  CHECK(world.where().empty());
  CHECK(world.status(Kind::kWorkload, "web").contains(R"("ready":"0/4")"));
  world.store.is_leader = true;
  world.pass(15s);
  CHECK(world.instances().size() == 4);
  world.store.is_leader = false;
  world.pass(20s);
  world.silence("dfw-a");
  world.pass(20s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-a"));
  world.store.is_leader = true;
  world.pass(9s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-a"));
  world.pass(3s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-b"));
}

TEST_CASE("a node that is drained loses one instance after the other, each when another is ready") {
  World world;
  world.write(kService);
  world.add_node("dfw-a", "dfw");
  world.write(workload(R"({"name":"all","cities":["dfw"],"min_replicas":3})"));
  world.pass(20s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-a web-all-dfw-3@dfw-a");
  world.write_node("dfw-a", "dfw", R"(,"drained":true)");
  world.pass(2s);
  CHECK(world.status(Kind::kWorkload, "web")
            .contains("web-all-dfw-1 can't leave, its node dfw-a is drained: no room for another instance: "
                      "dfw-a is drained"));
  world.obeys = false;
  world.add_node("dfw-b", "dfw");
  world.pass(5s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-a web-all-dfw-3@dfw-a web-all-dfw-4@dfw-b");
  CHECK(world.find(Kind::kInstance, "web-all-dfw-4")->metadata.labels.contains("weir/extra"));
  world.say("web-all-dfw-4", nodelink::State::kReady);
  world.fake.advance(300ms);
  CHECK(world.where() == "web-all-dfw-1@dfw-b web-all-dfw-2@dfw-a web-all-dfw-3@dfw-a web-all-dfw-4@dfw-b");
  CHECK_FALSE(world.find(Kind::kInstance, "web-all-dfw-4")->metadata.labels.contains("weir/extra"));
  world.obeys = true;
  world.pass(1s);
  std::size_t least = 3;
  for (int i = 0; i < 20; ++i) {
    world.pass(500ms);
    CHECK(world.fake.run(world.mirror.catch_up()));
    least = std::min(least, world.mirror.objects().of(Kind::kEndpoint).size());
  }
  CHECK(least >= 3);
  CHECK(world.where() == "web-all-dfw-1@dfw-b web-all-dfw-2@dfw-b web-all-dfw-4@dfw-b");
}

TEST_CASE("when a node is not drained any more, what was to stand in goes") {
  TwoCities world;
  world.write(workload(kDallas));
  world.pass(20s);
  world.obeys = false;
  world.write_node("dfw-a", "dfw", R"(,"drained":true)");
  world.pass(2s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b web-all-dfw-3@dfw-b");
  world.write_node("dfw-a", "dfw", R"(,"cordoned":true)");
  world.pass(2s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b");
}

TEST_CASE("a node that is none of the target's any more is left in the same way") {
  TwoCities world;
  world.write(workload(R"({"name":"all","cities":["dfw"],"min_replicas":2,"providers":["p"]})"));
  world.pass(20s);
  world.write(
      R"({"kind":"Node","metadata":{"name":"dfw-a"},"spec":{"provider":"q","region":"r-dfw","city":"dfw",
      "address":"10.0.0.1"}})");
  world.pass(5s);
  CHECK(world.where() == "web-all-dfw-2@dfw-b web-all-dfw-3@dfw-b");
  CHECK(world.count_events("its node dfw-a is none of the target's any more") > 0);
}

TEST_CASE("no more than four of a node's are moved at the same time") {
  World world;
  world.write(kService);
  world.add_node("dfw-a", "dfw");
  for (int i = 0; i < 8; ++i) {
    world.write(workload(R"({"name":"all","cities":["dfw"]})", {}, "a/b:1", "w" + std::to_string(i)));
  }
  world.pass(15s);
  CHECK(world.instances().size() == 8);
  world.obeys = false;
  world.add_node("dfw-b", "dfw");
  world.write_node("dfw-a", "dfw", R"(,"drained":true)");
  world.pass(3s);
  CHECK(world.instances().size() == 12);
  world.obeys = true;
  world.pass(10s);
  CHECK(world.instances().size() == 8);
  CHECK_FALSE(world.where().contains("dfw-a"));
}

TEST_CASE("nodes that are written and have never come are no loss") {
  World world;
  for (const char* name : {"a", "b", "c"}) world.write_node(name, "dfw");
  world.pass(30s);
  CHECK(world.status(Kind::kNode, "a").contains("it is lost"));
  CHECK(world.fake.log.count(
            "more than half of all nodes are lost: their instances go where there is room") == 0);
}

TEST_CASE("more than half of all nodes lost at once is an error in the log, once, and what is left is used") {
  TwoCities world;
  world.write(workload(kTwoCities));
  world.pass(20s);
  for (const char* name : {"dfw-a", "sea-a", "sea-b"}) world.silence(name);
  world.pass(12s);
  CHECK(world.where() == "web-all-dfw-1@dfw-b web-all-dfw-2@dfw-b web-all-sea-1@sea-a web-all-sea-2@sea-b");
  CHECK(world.fake.log.count(
            "more than half of all nodes are lost: their instances go where there is room") == 1);
}

}  // namespace
}  // namespace weir::workload
