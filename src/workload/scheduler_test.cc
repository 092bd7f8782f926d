#include "workload/scheduler.h"

#include <doctest/doctest.h>

#include <string>

#include "workload/workload_fixture.h"

namespace weir::workload {
namespace {

using config::Kind;
using namespace std::chrono_literals;

TEST_CASE("instances are spread over the nodes of each city, and are endpoints while they are ready") {
  TwoCities world;
  world.obeys = false;
  world.write(workload(kTwoCities));
  world.pass(1s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b web-all-sea-1@sea-a web-all-sea-2@sea-b");
  CHECK(world.endpoints().empty());
  world.say("web-all-dfw-1", nodelink::State::kReady);
  world.pass(500ms);
  CHECK(world.endpoints() == "web-all-dfw-1=10.0.0.1:30000");
  const auto endpoint = world.find(Kind::kEndpoint, "web-all-dfw-1");
  const auto& spec = std::get<config::EndpointSpec>(endpoint->spec);
  CHECK(spec.service == "web");
  CHECK(spec.zone == "r-dfw");
  CHECK(spec.instance == "web-all-dfw-1");
  CHECK(endpoint->metadata.labels.at("weir/workload") == "web");
  CHECK(world.status(Kind::kInstance, "web-all-dfw-1").contains(R"("state":"ready")"));
  CHECK(world.status(Kind::kWorkload, "web").contains(R"("ready":"1/4")"));
  world.say("web-all-dfw-1", nodelink::State::kRunning);
  world.pass(500ms);
  CHECK(world.endpoints().empty());
  world.obeys = true;
  world.pass(15s);
  CHECK(world.progress().phase == config::UpdatePhase::kDone);
  CHECK(world.status(Kind::kWorkload, "web").contains(R"("ready":"4/4")"));
  CHECK(world.status(Kind::kNode, "dfw-a").contains(R"("cpu":"500m/8000m")"));
}

TEST_CASE("what runs stays, and nothing is written while nothing changes") {
  TwoCities world;
  world.write(workload(kTwoCities));
  world.pass(20s);
  const std::string where = world.where();
  const int commits = world.store.commits;
  world.pass(60s);
  CHECK(world.store.commits == commits);
  world.add_node("dfw-c", "dfw");
  world.pass(5s);
  CHECK(world.where() == where);
}

TEST_CASE("nodes that are closed get nothing, and it is said why") {
  World world;
  world.write(kService);
  world.write(workload(kDallas));
  world.pass(1s);
  CHECK(world.status(Kind::kWorkload, "web").contains("there is no node of any of its targets"));
  world.write_node("dfw-x", "dfw");  // never heard
  world.add_node("dfw-c", "dfw", World::kRoomy, R"(,"cordoned":true)");
  world.add_node("dfw-d", "dfw", World::kRoomy, R"(,"drained":true)");
  world.pass(1s);
  CHECK(world.where().empty());
  CHECK(world.status(Kind::kWorkload, "web")
            .contains("no room for another instance: dfw-c is cordoned, dfw-d is drained, dfw-x has not "
                      "reported yet"));
  CHECK(world.status(Kind::kNode, "dfw-x").contains("it has not reported yet"));
  world.add_node("dfw-r", "dfw", World::kRoomy, R"(,"revoked":true)");
  world.pass(20s);
  CHECK(world.where().empty());
  CHECK(world.status(Kind::kNode, "dfw-x").contains("nothing was heard of it"));
  world.write_node("dfw-c", "dfw");
  world.pass(1s);
  CHECK(world.where() == "web-all-dfw-1@dfw-c web-all-dfw-2@dfw-c");
}

TEST_CASE("a node without an address or a city gets nothing") {
  World world;
  world.write(R"({"kind":"Node","metadata":{"name":"a"},"spec":{"city":"dfw"}})");
  world.write(R"({"kind":"Node","metadata":{"name":"b"},"spec":{"address":"10.0.0.1"}})");
  for (const char* name : {"a", "b"}) {
    world.roster.attach({.node = name, .capacity = World::kRoomy});
    world.reporting[name] = true;
  }
  world.write(kService);
  world.write(workload(kDallas));
  world.pass(2s);
  CHECK(world.where().empty());
  CHECK(world.status(Kind::kWorkload, "web").contains("a has no address"));
  CHECK(world.status(Kind::kNode, "a").contains("it has no address"));
  CHECK(world.status(Kind::kNode, "b").contains("it has no city"));
}

TEST_CASE("more than there is room for: what fits runs, others are not disturbed, and the rest follows") {
  TwoCities world;
  world.write(workload(kTwoCities, {}, "registry.example/web:1", "web", R"({"cpu":"4"})"));
  world.pass(15s);
  const std::string before = world.where();
  world.write(workload(R"({"name":"all","cities":["dfw"],"min_replicas":6})", {}, "registry.example/big:1",
                       "big", R"({"cpu":"3"})"));
  world.pass(5s);
  CHECK(world.where() == "big-all-dfw-1@dfw-a big-all-dfw-2@dfw-b " + before);
  CHECK(world.status(Kind::kWorkload, "big")
            .contains("no room for another instance: dfw-a lacks cpu, dfw-b lacks cpu"));
  CHECK(world.status(Kind::kWorkload, "big").contains(R"("ready":"2/6")"));
  const int commits = world.store.commits;
  world.pass(5s);
  CHECK(world.store.commits <= commits + 1);  // the first version has come up meanwhile
  world.add_node("dfw-c", "dfw");
  world.pass(1s);
  CHECK(world.where().contains("big-all-dfw-3@dfw-c big-all-dfw-4@dfw-c"));
}

TEST_CASE("a port of the machine is given once on each node") {
  TwoCities world;
  world.write(
      R"({"kind":"Workload","metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"a/b:1",
      "ports":[{"port":80,"host_port":8080,"service":"web"}]}],"targets":[{"name":"all","cities":["dfw"],
      "min_replicas":3}]}})");
  world.pass(2s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b");
  CHECK(world.status(Kind::kWorkload, "web").contains("dfw-a has the port 8080 taken"));
  CHECK(world.endpoints() == "web-all-dfw-1=10.0.0.1:8080 web-all-dfw-2=10.0.0.1:8080");
}

TEST_CASE("a name that no host can have is refused in a sentence") {
  TwoCities world;
  const std::string long_name(55, 'x');
  world.write(workload(kDallas, {}, "registry.example/web:1", long_name));
  world.pass(2s);
  CHECK(world.where().empty());
  CHECK(world.status(Kind::kWorkload, long_name)
            .contains("the name " + long_name +
                      "-all-dfw-1 would be longer than a host's can be, 63 characters"));
}

TEST_CASE("two workloads whose instances would have the same names have different numbers") {
  TwoCities world;
  world.write(workload(R"({"name":"b-c","cities":["dfw"]})", {}, "a/b:1", "a"));
  world.pass(2s);
  world.write(workload(R"({"name":"c","cities":["dfw"]})", {}, "a/b:1", "a-b"));
  world.pass(2s);
  CHECK(world.where() == "a-b-c-dfw-1@dfw-a a-b-c-dfw-2@dfw-b");
  world.pass(20s);
  CHECK(world.where() == "a-b-c-dfw-1@dfw-a a-b-c-dfw-2@dfw-b");
}

TEST_CASE("fewer are wanted, a target is gone, a workload is gone: instances go, with their endpoints") {
  TwoCities world;
  world.write(workload(R"({"name":"all","cities":["dfw","sea"],"min_replicas":3})"));
  world.pass(15s);
  CHECK(world.instances().size() == 6);
  world.write(workload(kTwoCities));
  world.pass(1s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b web-all-sea-1@sea-a web-all-sea-2@sea-b");
  CHECK(world.count_events("there are 3 of 2") == 4);
  world.write(workload(kDallas));
  world.pass(1s);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b");
  CHECK(world.endpoints() == "web-all-dfw-1=10.0.0.1:30000 web-all-dfw-2=10.0.0.1:30000");
  CHECK(world.count_events("no node of the target all is in sea") == 4);
  world.remove(Kind::kWorkload, "web");
  world.pass(1s);
  CHECK(world.where().empty());
  CHECK(world.endpoints().empty());
  CHECK(world.count_events("the workload web is gone") == 4);
}

TEST_CASE("endpoints that are somebody else's, or of nobody, or were changed") {
  TwoCities world;
  world.write(
      R"({"kind":"Endpoint","metadata":{"name":"web-all-dfw-1"},"spec":{"service":"web",
          "address":"10.9.9.9:1"}})");
  world.write(workload(R"({"name":"all","cities":["dfw"],"min_replicas":2})"));
  world.pass(15s);
  CHECK(world.endpoints() == "web-all-dfw-1=10.9.9.9:1 web-all-dfw-2=10.0.0.1:30000");
  CHECK(world.status(Kind::kInstance, "web-all-dfw-1")
            .contains("somebody else's endpoint has the name web-all-dfw-1"));
  CHECK(world.status(Kind::kWorkload, "web").contains("somebody else's endpoint"));
  world.remove(Kind::kEndpoint, "web-all-dfw-1");
  world.pass(1s);
  CHECK(world.endpoints() == "web-all-dfw-1=10.0.0.1:30000 web-all-dfw-2=10.0.0.1:30000");
  // A weight that somebody gave it stays; an address does not.
  config::Object changed = *world.find(Kind::kEndpoint, "web-all-dfw-1");
  std::get<config::EndpointSpec>(changed.spec).weight = 7;
  std::get<config::EndpointSpec>(changed.spec).address = "10.9.9.9:1";
  world.write(changed);
  world.pass(1s);
  const auto& spec = std::get<config::EndpointSpec>(world.find(Kind::kEndpoint, "web-all-dfw-1")->spec);
  CHECK(spec.weight == 7);
  CHECK(spec.address == "10.0.0.1:30000");
  // One that says it is an instance's that is not there.
  world.write(
      R"({"kind":"Endpoint","metadata":{"name":"x","labels":{"weir/workload":"web"}},"spec":{"service":"web",
      "address":"10.9.9.9:1","instance":"web-all-dfw-9"}})");
  world.pass(1s);
  CHECK_FALSE(world.find(Kind::kEndpoint, "x"));
  world.remove(Kind::kService, "web");
  world.pass(1s);
  CHECK(world.status(Kind::kInstance, "web-all-dfw-1").contains("the service web is not there"));
}

TEST_CASE("the owner of a workload is that of its instances and their endpoints") {
  TwoCities world;
  config::Object object = parsed(workload(kDallas));
  object.metadata.labels["weir/owner"] = "ann";
  world.write(object);
  world.pass(2s);
  CHECK(config::owner_of(*world.find(Kind::kInstance, "web-all-dfw-1")) == "ann");
  CHECK(config::owner_of(*world.find(Kind::kEndpoint, "web-all-dfw-1")) == "ann");
  object.metadata.labels["weir/owner"] = "eve";
  world.write(object);  // is a new version
  world.pass(60s);
  CHECK(world.instances().size() == 2);
  for (const auto& one : world.instances()) CHECK(config::owner_of(*one) == "eve");
  config::Object service = parsed(kService);
  service.metadata.labels["weir/owner"] = "bob";
  world.write(service);
  world.pass(1s);
  CHECK(world.endpoints().empty());
  CHECK(world.status(Kind::kWorkload, "web").contains("the service web is somebody else's"));
}

TEST_CASE("what a node says of others' instances is ignored, and told") {
  TwoCities world;
  world.obeys = false;
  world.write(workload(kDallas));
  world.pass(2s);
  nodelink::NodeReport lie;
  const std::string version = world.instance_spec("web-all-dfw-1").version;
  for (const char* name : {"web-all-dfw-1", "root", "web-all-sea-1", "one-more"}) {
    lie.instances.push_back({.name = name, .version = version, .state = nodelink::State::kReady});
  }
  lie.instances.push_back({.name = "old", .version = version, .state = nodelink::State::kStopping});
  world.roster.report("sea-a", lie);
  world.pass(1s);
  CHECK(world.endpoints().empty());
  CHECK_FALSE(world.status(Kind::kNode, "sea-a").contains("says"));  // it may have had them until now
  world.pass(8s);
  CHECK(
      world.status(Kind::kNode, "sea-a")
          .contains("it says that it runs one-more, root, web-all-dfw-1 and 1 more, which it was not given"));
  // Nor is it believed of another version.
  nodelink::NodeReport other;
  other.instances.push_back({.name = "web-all-dfw-1", .version = "x", .state = nodelink::State::kReady});
  world.roster.report("dfw-a", other);
  world.pass(1s);
  CHECK(world.endpoints().empty());
  CHECK(world.status(Kind::kInstance, "web-all-dfw-1").contains("its node dfw-a has not begun with it"));
  config::Object lacking = *world.find(Kind::kInstance, "web-all-dfw-1");
  std::get<config::InstanceSpec>(lacking.spec).pull_secrets = {"registry"};
  CHECK(world.scheduler->status_of(lacking).contains("the secret registry does not exist"));
  CHECK(world.status(Kind::kWorkload, "web").contains("web-all-dfw-1: its node dfw-a has not begun with it"));
  world.write(std::move(lacking));
  world.pass(1s);
  CHECK(world.status(Kind::kWorkload, "web").contains("web-all-dfw-1: the secret registry does not exist"));
}

TEST_CASE("what can't be written is tried again") {
  TwoCities world;
  world.write(workload(kDallas));
  world.store.is_reached = false;
  world.pass(3s);
  CHECK(world.where().empty());
  CHECK(world.fake.log.count("instances can't be written") > 0);
  world.store.is_reached = true;
  world.pass(1500ms);
  CHECK(world.where() == "web-all-dfw-1@dfw-a web-all-dfw-2@dfw-b");
}

TEST_CASE("what does not go does not hold up what does") {
  TwoCities world;
  world.store.refused_key = "instances/web-all-dfw-1";
  world.write(workload(kTwoCities));
  world.pass(3s);
  CHECK(world.where() == "web-all-dfw-2@dfw-b web-all-sea-1@sea-a web-all-sea-2@sea-b");
  world.store.refused_key.clear();
  world.pass(2s);
  CHECK(world.instances().size() == 4);
}

TEST_CASE("a thousand instances are placed in few transactions") {
  World world;
  world.write(kService);
  for (int i = 0; i < 10; ++i) world.add_node("n" + std::to_string(i), "dfw");
  world.fake.advance(200ms);
  const int commits = world.store.commits;
  world.write(workload(R"({"name":"all","min_replicas":1000})", {}, "a/b:1", "web", R"({"cpu":"10m"})"));
  world.fake.advance(200ms);
  CHECK(world.instances().size() == 1000);
  CHECK(world.store.commits <= commits + 4);
  for (const auto& [name, node] : world.roster.nodes()) {
    CHECK(world.status(Kind::kNode, name).contains(R"("instances":"100/200")"));
  }
}

}  // namespace
}  // namespace weir::workload
