#include "workload/scheduler.h"

#include <doctest/doctest.h>

#include <string>

#include "workload/workload_fixture.h"

namespace weir::workload {
namespace {

using config::Kind;
using namespace std::chrono_literals;

const std::string kTwoCities = R"({"name":"all","cities":["dfw","sea"],"min_replicas":2})";
const std::string kDallas = R"({"name":"all","cities":["dfw"],"min_replicas":2})";

struct TwoCities : World {
  TwoCities() {
    write(kService);
    for (const char* name : {"dfw-a", "dfw-b"}) add_node(name, "dfw");
    for (const char* name : {"sea-a", "sea-b"}) add_node(name, "sea");
  }
};

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
  world.reporting["dfw-b"] = true;
  world.pass(2s);
  CHECK(world.where().contains("web-all-dfw-1@dfw-b web-all-dfw-2@dfw-b"));
  CHECK(world.endpoints().contains("web-all-dfw-1"));
}

}  // namespace
}  // namespace weir::workload
