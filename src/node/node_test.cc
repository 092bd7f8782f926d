#include "node/node.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "node/fake_podman_fixture.h"
#include "node/labels.h"
#include "node/life.h"
#include "node/plan.h"
#include "node/status_page.h"
#include "testing/fake_env.h"

namespace weir::node {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr const char* kWeb = "{name: web-0, drain: 2s, containers: [{name: app, image: localhost/web:1}]}";

// A node beside a podman, from a start of the process to its end.
class Beside {
 public:
  Beside() { restart(); }
  ~Beside() {
    end();
    CHECK(fake.run(podman.stop(), 1s));
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  void end() {
    CHECK(fake.run(node->stop(), 1s));
    node.reset();
  }
  // As a new process, which knows nothing.
  void restart() { node.emplace(fake.env, client, "n1", guard); }
  void begin(const std::string& instances) {
    set(instances);
    node->start();
    pass();
  }
  void set(const std::string& instances) {
    auto file = parse_file("instances: [" + instances + "]");
    REQUIRE(file);
    node->set(std::move(*file));
    fake.run_until_idle();
  }
  // As controllers do.
  void assign(const std::string& instance, const std::string& version, const std::string& lacks = {}) {
    auto file = parse_file("instances: [" + instance + "]");
    REQUIRE(file);
    file->instances[0].version = version;
    file->instances[0].lacks = lacks;
    node->set(std::move(*file));
    fake.run_until_idle();
  }
  std::string versions() const {
    std::string all;
    for (const Status& one : node->statuses()) {
      all += std::string(name_of(one.state)) + "@" + one.version + " ";
    }
    return all;
  }
  void pass(Duration time = 100ms) { fake.advance(time); }
  // Podman's events are left out: this is the look without them.
  void look() { pass(Node::kLook + 1s); }

  std::string states() const {
    std::string all;
    for (const Status& one : node->statuses()) {
      all += one.name + " " + std::string(name_of(one.state));
      if (!one.reason.empty()) all += ": " + one.reason;
      all += "\n";
    }
    return all;
  }

  testing::FakeEnv fake;
  FakePodman podman{fake};
  podman::Client client{fake.network, podman.at};
  isolation::Networks::Guard guard;
  std::optional<Node> node;
};

TEST_CASE("what a file lists is made and started, and is ready") {
  Beside world;
  world.begin(kWeb);
  CHECK(world.podman.take_asked() == Words{"create web-0.app", "start web-0.app"});
  CHECK(world.states() == "web-0 ready\n");
  CHECK(world.node->ready());
  CHECK(world.node->statuses()[0].address == "10.88.0.2");
  world.look();
  CHECK(world.podman.take_asked().empty());
}

TEST_CASE("what ends comes back, and backs off when it goes on ending") {
  Beside world;
  world.begin(kWeb);
  world.podman.take_asked();
  world.podman.end("web-0.app", 3);
  world.look();
  CHECK(world.podman.take_asked() == Words{"start web-0.app"});
  CHECK(world.states() == "web-0 ready\n");
  CHECK(world.node->statuses()[0].restarts == 1);
  world.podman.init_codes["web-0.app"] = 4;  // from now on it ends at once
  world.podman.end("web-0.app", 3);
  world.look();
  world.pass(10s);
  CHECK(world.states() == "web-0 backing_off: the container app ended with exit code 4\n");
  world.podman.init_codes.clear();
  world.pass(1min);
  CHECK(world.states() == "web-0 ready\n");
}

TEST_CASE("who needed too much memory is told so") {
  Beside world;
  world.begin(kWeb);
  world.podman.containers.at("web-0.app").out_of_memory = true;
  world.podman.refusals["start web-0.app"] = "broken";
  world.podman.end("web-0.app", 137);
  world.look();
  CHECK(world.states() == "web-0 failed: podman: broken\n");
  const std::string& log = world.fake.log.text();
  CHECK(log.contains("the container app was ended because it needed more than its memory"));
}

TEST_CASE(
    "a node that is started anew takes over what runs, starts what ended, and removes what is not wanted") {
  Beside world;
  world.begin(std::string(kWeb) +
              ", {name: db-0, volumes: [d], containers: [{name: app, image: localhost/web:1}]}" +
              ", {name: old-0, volumes: [d], containers: [{name: app, image: localhost/web:1}]}");
  CHECK(world.states() == "db-0 ready\nold-0 ready\nweb-0 ready\n");
  world.end();
  world.podman.take_asked();
  world.podman.end("db-0.app", 0);
  world.podman.containers["foreign"] = {.labels = {{"app", "x"}}, .state = "running"};
  world.podman.volumes.insert("lost-0.d");
  world.restart();
  world.begin(std::string(kWeb) +
              ", {name: db-0, volumes: [d], containers: [{name: app, image: localhost/web:1}]}");
  world.pass(1s);
  CHECK(world.states() == "db-0 ready\nold-0 stopping\nweb-0 ready\n");  // it may have been ready
  world.pass(5s);
  CHECK(world.states() == "db-0 ready\nweb-0 ready\n");
  CHECK(world.podman.containers.contains("foreign"));
  CHECK_FALSE(world.podman.containers.contains("old-0.app"));
  CHECK(world.podman.volumes == std::set<std::string>{"db-0.d"});
  for (const std::string& asked : world.podman.take_asked()) CHECK_FALSE(asked.contains("web-0"));
}

TEST_CASE("what changed is drained, stopped, and made anew; what did not is left alone") {
  Beside world;
  const std::string other = ", {name: web-1, containers: [{name: app, image: localhost/web:1}]}";
  world.begin(kWeb + other);
  world.podman.take_asked();
  world.set("{name: web-0, drain: 2s, containers: [{name: app, image: localhost/web:1, args: [new]}]}" +
            other);
  CHECK(world.states() == "web-0 stopping\nweb-1 ready\n");
  world.pass(1900ms);
  CHECK(world.podman.take_asked().empty());
  world.pass(300ms);
  CHECK(world.podman.take_asked() == Words{"stop web-0.app"});  // who follows its log reads the end
  world.pass(Life::kLinger);
  CHECK(world.podman.take_asked() == Words{"remove web-0.app", "create web-0.app", "start web-0.app"});
  CHECK(world.states() == "web-0 ready\nweb-1 ready\n");
}

TEST_CASE("what is not wanted any more goes with its volumes, after its drain") {
  Beside world;
  world.begin("{name: web-0, drain: 2s, volumes: [v], containers: [{name: app, image: localhost/web:1}]}");
  CHECK(world.podman.take_asked() == Words{"volume web-0.v", "create web-0.app", "start web-0.app"});
  world.podman.containers.at("web-0.app").slow_to_stop = true;
  world.set("");
  world.pass(2100ms);
  CHECK(world.states() == "web-0 stopping\n");
  world.pass(3100ms + Life::kLinger);
  CHECK(world.podman.take_asked() == Words{"stop web-0.app", "remove web-0.app", "remove web-0.v"});
  CHECK(world.states().empty());
  CHECK(world.podman.volumes.empty());
}

TEST_CASE("one that can't be started says why, and disturbs nobody") {
  struct Row {
    const char* refusal;
    const char* message;
    const char* sentence;
  };
  const Row rows[] = {
      {"start bad-0.app", "exec: \"nope\": executable file not found in $PATH: OCI",
       "the command nope is not in the image"},
      {"start bad-0.app", "listen tcp4 0.0.0.0:80: bind: address already in use", "the port 80 is taken"},
      {"create bad-0.app", "localhost/web:1: image not known", "the image localhost/web:1 is not there"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.sentence);
    Beside world;
    world.podman.refusals[row.refusal] = row.message;
    world.begin(std::string(kWeb) + ", {name: bad-0, containers: [{name: app, image: localhost/web:1}]}");
    CHECK(world.states() == "bad-0 failed: " + std::string(row.sentence) + "\nweb-0 ready\n");
    world.podman.refusals.clear();
    world.pass(2s);
    CHECK(world.states() == "bad-0 ready\nweb-0 ready\n");
  }
}

TEST_CASE("an image that is not there is pulled, or said not to be there") {
  Beside world;
  world.begin("{name: web-0, containers: [{name: app, image: r.example/x:1}]}");
  CHECK(world.podman.take_asked() == Words{"pull"});
  CHECK(world.states() ==
        "web-0 failed: the image r.example/x:1 is not there, and can't be pulled: podman: no registry\n");
  world.set("{name: web-0, containers: [{name: app, image: r.example/x:1, archive: /nowhere/x.tar}]}");
  world.pass(2s);
  CHECK(world.states() == "web-0 failed: /nowhere/x.tar: no such file or directory\n");
}

TEST_CASE("each owner's instances are on a network of its own, for as long as there are any") {
  Beside world;
  const std::string app = "drain: 0s, containers: [{name: app, image: localhost/web:1}]}";
  world.podman.networks["weir-gone"] = {{"weir.node", "n1"}, {"weir.owner", "gone"}};
  world.begin("{name: a-0, owner: alice, " + app + ", {name: b-0, owner: bob, " + app + ", {name: c-0, " +
              app);
  CHECK(world.states() == "a-0 ready\nb-0 ready\nc-0 ready\n");
  CHECK(world.podman.containers.at("a-0.app").network == "weir-alice");
  CHECK(world.podman.containers.at("b-0.app").network == "weir-bob");
  CHECK(world.podman.containers.at("c-0.app").network == "weir");
  CHECK_FALSE(world.podman.networks.contains("weir-gone"));
  world.set("{name: a-0, owner: carol, " + app);
  world.pass(1s);
  CHECK(world.states() == "a-0 ready\n");
  CHECK(world.podman.containers.at("a-0.app").network == "weir-carol");
  world.look();
  CHECK(world.podman.networks.size() == 2);  // and podman's
}

TEST_CASE("while networks can't be kept apart, nothing is started, and what runs goes on") {
  Beside world;
  std::string wrong = "no rules";
  world.guard = [&wrong]() -> net::Task<podman::Told<void>> {
    if (wrong.empty()) co_return podman::Told<void>{};
    co_return std::unexpected(podman::Trouble{podman::Trouble::Kind::kRefused, wrong});
  };
  world.end();
  world.restart();
  world.begin(kWeb);
  CHECK(world.states() == "web-0 failed: no rules\n");
  CHECK(world.podman.containers.empty());
  wrong.clear();
  world.pass(2s);
  CHECK(world.states() == "web-0 ready\n");
  wrong = "no rules any more";
  world.look();
  CHECK(world.states() == "web-0 ready\n");
  CHECK(world.fake.log.text().contains("no rules any more"));
}

TEST_CASE("a container of the same name that is not ours is left alone") {
  Beside world;
  world.podman.containers["web-0.app"] = {.labels = {}, .state = "running"};
  world.begin(kWeb);
  CHECK(world.states() ==
        "web-0 failed: the name web-0.app is taken by a container that is not of this node\n");
  CHECK(world.podman.containers.contains("web-0.app"));
}

TEST_CASE("init containers come first, and have to succeed") {
  Beside world;
  world.podman.init_codes = {{"web-0.one", 0}, {"web-0.two", 0}};
  const std::string instance =
      "{name: web-0, init_containers: [{name: one, image: localhost/web:1}, {name: two, image: "
      "localhost/web:1}], "
      "containers: [{name: app, image: localhost/web:1}, {name: side, image: localhost/web:1}]}";
  SUBCASE("they do") {
    world.begin(instance);
    CHECK(world.podman.take_asked() == Words{"create web-0.one", "start web-0.one", "create web-0.two",
                                             "start web-0.two", "create web-0.app", "start web-0.app",
                                             "create web-0.side", "start web-0.side"});
    CHECK(world.states() == "web-0 ready\n");
    world.podman.end("web-0.side", 1);
    world.look();
    CHECK(world.podman.take_asked() == Words{"stop web-0.app", "start web-0.app", "start web-0.side"});
  }
  SUBCASE("they do not") {
    world.podman.init_codes["web-0.two"] = 5;
    world.begin(instance);
    CHECK(world.states() == "web-0 failed: the init container two ended with exit code 5\n");
    world.podman.init_codes["web-0.two"] = 0;
    world.podman.take_asked();
    world.pass(2s);
    CHECK(world.states() == "web-0 ready\n");
    CHECK(world.podman.take_asked().front() == "remove web-0.one");
  }
}

TEST_CASE("probes by a command: startup, readiness, liveness") {
  Beside world;
  world.podman.failing_commands = {"web-0.app"};
  const auto with = [](const std::string& probe) {
    return "{name: web-0, containers: [{name: app, image: localhost/web:1, " + probe +
           ": {exec: {command: [check]}, period: 1s, failure_threshold: 2}}]}";
  };
  SUBCASE("startup") {
    world.begin(with("startup_probe"));
    CHECK(world.states() == "web-0 starting\n");
    world.podman.failing_commands.clear();
    world.pass(1s);
    CHECK(world.states() == "web-0 ready\n");
  }
  SUBCASE("readiness") {
    world.begin(with("readiness_probe"));
    CHECK(world.states() == "web-0 running\n");
    world.pass(1s);
    CHECK(world.states() == "web-0 running: the readiness probe of the container app fails: exit code 1\n");
    world.podman.failing_commands.clear();
    world.pass(1s);
    CHECK(world.states() == "web-0 ready\n");
    CHECK(world.node->statuses()[0].restarts == 0);
  }
  SUBCASE("liveness") {
    world.begin(with("liveness_probe"));
    CHECK(world.states() == "web-0 ready\n");
    world.podman.take_asked();
    world.podman.failing_commands.clear();
    world.pass(5s);
    CHECK(world.podman.take_asked().empty());
    world.podman.failing_commands = {"web-0.app"};
    world.pass(2s);
    CHECK(world.podman.take_asked() == Words{"stop web-0.app", "start web-0.app"});
    CHECK(world.node->statuses()[0].restarts == 1);
  }
}

TEST_CASE("a probe by a connection, at the instance's address") {
  Beside world;
  world.begin(
      "{name: web-0, containers: [{name: app, image: localhost/web:1, readiness_probe: {tcp: {port: 80}, "
      "period: "
      "1s}}]}");
  world.pass(3s);
  CHECK(world.states() ==
        "web-0 running: the readiness probe of the container app fails: "
        "cannot connect: connection refused\n");
  const auto listener = world.fake.network.listen(*net::Address::parse("10.88.0.2:80"));
  world.pass(1s);
  CHECK(world.states() == "web-0 ready\n");
}

TEST_CASE("who was just started is asked every second for a while, and then in its period") {
  Beside world;
  const auto at = *net::Address::parse("10.88.0.2:80");
  const std::string instance =
      "{name: web-0, containers: [{name: app, image: localhost/web:1, readiness_probe: {tcp: {port: 80}}}]}";
  SUBCASE("it is ready soon") {
    world.begin(instance);
    world.pass(3s);
    const auto listener = world.fake.network.listen(at);
    world.pass(1s);
    CHECK(world.states() == "web-0 ready\n");
  }
  SUBCASE("it is ready after a while") {
    world.begin(instance);
    world.pass(15s);
    const auto listener = world.fake.network.listen(at);
    world.pass(3s);
    CHECK(world.states().starts_with("web-0 running: the readiness probe"));
    world.pass(8s);
    CHECK(world.states() == "web-0 ready\n");
  }
  SUBCASE("it was ready") {
    auto listener = world.fake.network.listen(at);
    world.begin(instance);
    CHECK(world.states() == "web-0 ready\n");
    listener->reset();
    world.pass(29s);
    CHECK(world.states() == "web-0 ready\n");  // two have failed
    world.pass(2s);
    CHECK(world.states().starts_with("web-0 running"));
  }
}

TEST_CASE("a podman that does not answer is said, and what was known stays") {
  Beside world;
  world.begin(kWeb);
  world.fake.network.refuse(world.podman.at);
  world.look();
  CHECK(world.node->why_not_ready().starts_with("podman does not answer: "));
  CHECK(world.states() == "web-0 ready\n");
  world.fake.network.refuse(world.podman.at, false);
  world.pass(2s);
  CHECK(world.node->why_not_ready().empty());
}

TEST_CASE("a version is told of containers that are there or can't be made, never of what is only wanted") {
  Beside world;
  const auto with = [](const std::string& argument) {
    return "{name: web-0, drain: 2s, containers: [{name: app, image: localhost/web:1, args: [" + argument +
           "]}]}";
  };
  world.podman.refusals["create web-0.app"] = "broken";
  world.assign(with("a"), "1");
  world.node->start();
  world.pass();
  CHECK(world.versions() == "failed@1 ");
  world.podman.refusals.clear();
  world.pass(2s);
  CHECK(world.versions() == "ready@1 ");
  world.assign(with("b"), "2");
  CHECK(world.versions() == "stopping@1 ");
  world.pass(1s);
  CHECK(world.versions() == "stopping@1 ");
  world.podman.refusals["create web-0.app"] = "broken";
  world.pass(1500ms);
  CHECK(world.versions() == "failed@2 ");
  world.podman.refusals.clear();
  world.pass(2s);
  CHECK(world.versions() == "ready@2 ");
  world.end();
  world.restart();
  world.assign(with("c"), "3");
  world.node->start();
  world.pass();
  CHECK(world.versions() == "stopping@2 ");
}

TEST_CASE("a version that needs no other containers is told once its probes have spoken") {
  Beside world;
  const auto with = [](const std::string& command) {
    return "{name: web-0, containers: [{name: app, image: localhost/web:1, readiness_probe: {exec: "
           "{command: [" +
           command + "]}, period: 1s, initial_delay: 1s}}]}";
  };
  world.assign(with("a"), "1");
  world.node->start();
  world.pass();
  CHECK(world.versions() == "running@1 ");
  world.pass(1s);
  CHECK(world.versions() == "ready@1 ");
  world.podman.take_asked();
  world.podman.failing_commands = {"web-0.app"};
  world.assign(with("b"), "2");
  CHECK(world.versions() == "ready@1 ");
  world.pass(500ms);
  CHECK(world.versions() == "ready@1 ");
  world.pass(4s);
  CHECK(world.versions() == "running@2 ");
  world.podman.failing_commands.clear();
  world.pass(1s);
  CHECK(world.versions() == "ready@2 ");
  world.assign("{name: web-0, containers: [{name: app, image: localhost/web:1}]}", "3");
  world.pass();
  CHECK(world.versions() == "ready@3 ");
  CHECK(world.podman.take_asked().empty());
}

TEST_CASE("what an instance lacks keeps it from starting, and not from going on") {
  Beside world;
  world.assign(kWeb, "1", "the secret keys does not exist");
  world.node->start();
  world.pass();
  CHECK(world.states() == "web-0 failed: the secret keys does not exist\n");
  CHECK(world.podman.take_asked().empty());
  world.pass(5min);
  world.assign(kWeb, "1");
  CHECK(world.states() == "web-0 ready\n");
  world.podman.take_asked();
  world.assign(kWeb, "1", "the secret keys does not exist");
  world.pass(1min);
  CHECK(world.states() == "web-0 ready\n");
  CHECK(world.podman.take_asked().empty());
}

TEST_CASE("a changed secret restarts nothing, and is in the containers of the next version") {
  Beside world;
  const auto with = [&](const std::string& value, const std::string& argument, const std::string& version) {
    auto file = parse_file(
        "instances: [{name: web-0, drain: 0s, containers: [{name: app, image: localhost/web:1, args: [" +
        argument + "], env: [{name: KEY, secret: {secret: keys, key: a}}]}]}]");
    REQUIRE(file);
    file->instances[0].containers[0].env[0].value = value;
    file->instances[0].version = version;
    CHECK(plan_of(file->instances[0], "n1").containers[0].env ==
          std::vector<std::pair<std::string, std::string>>{{"KEY", value}});
    world.node->set(std::move(*file));
    world.pass(1s);
  };
  with("one", "a", "1");
  world.node->start();
  world.pass();
  CHECK(world.podman.take_asked() == Words{"create web-0.app", "start web-0.app"});
  with("two", "a", "1");
  CHECK(world.podman.take_asked().empty());
  CHECK(world.versions() == "ready@1 ");
  with("two", "b", "2");
  CHECK(world.podman.take_asked().size() == 4);
  CHECK(world.versions() == "ready@2 ");
}

TEST_CASE("before it is told what is to run, a node touches nothing") {
  Beside world;
  world.begin(kWeb);
  world.end();
  world.podman.take_asked();
  world.podman.end("web-0.app", 1);
  world.restart();
  int changes = 0;
  world.node->on_changed([&changes] { ++changes; });
  world.node->start();
  world.look();
  CHECK_FALSE(world.node->ready());
  CHECK(world.node->why_not_ready() == "no controller has said yet what is to run");
  CHECK(world.podman.take_asked().empty());
  CHECK(changes == 0);
  world.set("");
  world.pass();
  CHECK(world.podman.take_asked() == Words{"remove web-0.app"});
  CHECK(world.node->ready());
  CHECK(world.states().empty());
  CHECK(changes > 0);
}

TEST_CASE("statuses have what is used, once it was measured") {
  Beside world;
  world.begin(kWeb);
  CHECK(world.node->statuses()[0].memory_bytes == 0);
  REQUIRE(world.fake.run(world.node->measure(), 1s));
  CHECK(world.node->statuses()[0].memory_bytes == 4096);
  CHECK(world.node->statuses()[0].cpu_milli == 0);  // not known by one look
}

TEST_CASE("metrics and the page") {
  Beside world;
  world.begin(kWeb);
  const auto metrics = world.fake.run(world.node->metrics(), 1s);
  REQUIRE(metrics);
  CHECK(metrics->contains("weir_node_podman_up 1\n"));
  CHECK(metrics->contains("weir_instance_state{instance=\"web-0\",state=\"ready\"} 1\n"));
  CHECK(
      metrics->contains("weir_instance_cpu_seconds_total{instance=\"web-0\",container=\"app\"} 1.500000\n"));
  CHECK(metrics->contains("weir_instance_memory_bytes{instance=\"web-0\",container=\"app\"} 4096\n"));
  CHECK(metrics->contains("weir_instance_restarts_total{instance=\"web-0\"} 0\n"));
  CHECK(instances_json(world.node->statuses()) ==
        "[{\"name\":\"web-0\",\"version\":\"\",\"state\":\"ready\",\"reason\":\"\",\"address\":\"10.88.0.2\","
        "\"restarts\":0}]"
        "\n");
}

}  // namespace
}  // namespace weir::node
