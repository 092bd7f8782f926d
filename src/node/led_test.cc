// A node and its controllers, over real TLS on the memory network, beside a podman without containers.
#include "node/led.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "enroll/door.h"
#include "grpc/server.h"
#include "h2/server_connection.h"
#include "http/server.h"
#include "node/fake_podman_fixture.h"
#include "node/life.h"
#include "nodelink/node_server.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"
#include "tls/certificate_request.h"

namespace weir::node {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

config::Object instance(const std::string& name, const std::string& version) {
  config::InstanceSpec spec;
  spec.workload = "web";
  spec.node = "n1";
  spec.version = version;
  spec.drain = {};
  spec.containers = {{.name = "app", .image = "localhost/web:1", .args = {version}}};
  return {.metadata = {.name = name}, .spec = std::move(spec), .status = {}};
}

// What a controller has of nodes.
struct Controller {
  Controller(testing::FakeEnv& env, std::shared_ptr<const tls::Authority> authority, const std::string& ip)
      : fake(env),
        nodes(objects,
              {.attached = {},
               .reported =
                   [this](const std::string& node, const nodelink::NodeReport& report, Instant) {
                     for (const nodelink::InstanceSeen& one : report.instances) {
                       said += node + ": " + one.name + " " + std::string(name_of(one.state)) + "@" +
                               one.version + "\n";
                     }
                     for (const std::string& name : report.gone) said += node + ": -" + name + "\n";
                     if (report.complete) said += node + ": all\n";
                   },
               .heard = {},
               .detached = {}},
              {.trust_domain = "weir.localhost", .revision = [this] { return revision; }}),
        calls(env.loop, {}),
        server(env.env, calls, {.h2 = h2::make_connection}) {
    calls.add(std::string(nodelink::kAttachPath),
              [this](grpc::ServerCall& call) { return nodes.serve(call); });
    auto door = *enroll::Door::create(env.env, std::move(authority),
                                      {.names = [ip] { return std::vector<std::string>{ip}; },
                                       .protocols = {"h2"},
                                       .clients = tls::ClientCertificates::kRequired});
    server.listen(*fake.network.listen(*net::Address::parse(ip + ":18000")), std::move(door));
    objects.put(std::make_shared<const config::Object>(
        config::Object{.metadata = {.name = "n1"}, .spec = config::NodeSpec{}, .status = {}}));
  }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  ~Controller() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
  }
  void put(config::Object object, std::uint64_t at) {
    revision = at;
    auto pointer = std::make_shared<const config::Object>(std::move(object));
    const config::ObjectChange change{objects.put(pointer), pointer};
    nodes.changed(std::span(&change, 1));
  }
  void remove(const std::string& name, std::uint64_t at) {
    revision = at;
    const config::ObjectChange change{objects.remove(config::Kind::kInstance, name), nullptr};
    nodes.changed(std::span(&change, 1));
  }
  std::string take() { return std::exchange(said, {}); }

  testing::FakeEnv& fake;
  config::Whole objects;
  std::uint64_t revision = 1;
  std::string said;
  nodelink::NodeServer nodes;
  grpc::Server calls;
  http::Server server;
};

struct World {
  World() {
    const auto made = *tls::make_request();
    const enroll::Credentials credentials{
        .name = "n1",
        .private_key = made.private_key,
        .certificate = *authority->certify(made.request, "spiffe://weir.localhost/node/n1",
                                           testing::ManualClock::kWallStart),
        .ca = authority->root_pem()};
    REQUIRE(store::KeptFile::replace(path("node.json"), credentials.to_text()));
  }
  ~World() {
    if (led) end();
    CHECK(fake.run(podman.stop(), 1s));
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::string path(const std::string& name) const { return directory.path() + "/" + name; }
  std::expected<void, std::string> begin(const std::string& token = {}) {
    node.emplace(fake.env, client, "weir");
    led.emplace(fake.env, *node,
                LedOptions{.controllers = {{"192.0.2.1", 8480}, {"192.0.2.2", 8480}},
                           .join_token = token,
                           .machine = {.name = "host", .role = config::MachineRole::kNode},
                           .capacity = {.cpu_milli = 1000},
                           .credentials_path = path("node.json"),
                           .assignment_path = path("node.assignment")});
    auto prepared = led->prepare();
    if (!prepared) return prepared;
    node->start();
    led->start([this](const std::string& sentence) { refused = sentence; });
    pass(1s);
    return {};
  }
  void end() {
    CHECK(fake.run(led->stop(), 1s));
    CHECK(fake.run(node->stop(), 1s));
    led.reset();  // writes what waits
    node.reset();
  }
  void pass(Duration time = 200ms) { fake.advance(time); }

  testing::FakeEnv fake;
  const store::TemporaryDirectory directory;
  std::shared_ptr<const tls::Authority> authority = std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart)));
  FakePodman podman{fake};
  podman::Client client{fake.network, podman.at};
  std::optional<Node> node;
  std::optional<Led> led;
  std::string refused;
};

TEST_CASE("a node runs what its controllers assign, and tells each of them how that is") {
  World world;
  Controller one(world.fake, world.authority, "192.0.2.1");
  Controller other(world.fake, world.authority, "192.0.2.2");
  for (Controller* controller : {&one, &other}) controller->put(instance("web-0", "1"), 5);
  REQUIRE(world.begin());
  CHECK(world.led->name() == "n1");
  CHECK(world.podman.take_asked() == Words{"create web-0.app", "start web-0.app"});
  for (Controller* controller : {&one, &other}) {
    CHECK(controller->take().contains("n1: web-0 ready@1\n"));
    controller->put(instance("web-0", "2"), 6);
  }
  world.pass(200ms + Life::kLinger);
  CHECK(one.take().ends_with("n1: web-0 ready@2\n"));
  (void)other.take();
  for (Controller* controller : {&one, &other}) controller->remove("web-0", 7);
  world.pass(200ms + Life::kLinger);
  CHECK(one.take().ends_with("n1: -web-0\n"));
  CHECK(world.podman.containers.empty());
  CHECK(world.led->revision() == 7);
}

TEST_CASE("who was cut off, or starts while it is, goes on with what it was told last") {
  World world;
  {
    Controller controller(world.fake, world.authority, "192.0.2.1");
    controller.put(instance("web-0", "1"), 5);
    REQUIRE(world.begin());
  }
  world.podman.take_asked();
  world.podman.end("web-0.app", 1);
  world.pass(Node::kLook + 1s);
  CHECK(world.podman.take_asked() == Words{"start web-0.app"});
  world.end();
  struct stat file{};
  REQUIRE(::stat(world.path("node.assignment").c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  world.podman.end("web-0.app", 1);
  REQUIRE(world.begin());
  CHECK(world.podman.take_asked() == Words{"start web-0.app"});
  CHECK(world.led->revision() == 5);

  Controller back(world.fake, world.authority, "192.0.2.1");  // where it is another node's by now
  back.revision = 9;
  world.pass(30s);
  CHECK(world.podman.containers.empty());
  CHECK(back.take().ends_with("n1: -web-0\n"));
}

TEST_CASE("a node that was told nothing yet touches nothing, and one that can't read what it was told") {
  World world;
  world.podman.containers["web-0.app"] = {.labels = {{"weir.node", "weir"}, {"weir.instance", "web-0"}},
                                          .state = "running"};
  SUBCASE("nothing") { REQUIRE(world.begin()); }
  SUBCASE("damaged") {
    std::ofstream(world.path("node.assignment")) << "\xff";
    REQUIRE(world.begin());
    CHECK(world.fake.log.count("what this node was told last can't be used; what runs goes on until it is "
                               "told anew") == 1);
  }
  world.pass(1min);
  CHECK(world.podman.take_asked().empty());
  CHECK(world.node->why_not_ready() == "no controller has said yet what is to run");
  const Controller controller(world.fake, world.authority, "192.0.2.1");
  world.pass(30s);
  CHECK(world.podman.containers.empty());
}

TEST_CASE("the highest revision counts, but for a store that was put back") {
  World world;
  Controller one(world.fake, world.authority, "192.0.2.1");
  Controller late(world.fake, world.authority, "192.0.2.2");
  one.put(instance("web-0", "1"), 8);
  late.put(instance("old-0", "1"), 5);
  REQUIRE(world.begin());
  CHECK(world.podman.containers.contains("web-0.app"));
  CHECK_FALSE(world.podman.containers.contains("old-0.app"));
  late.put(instance("old-1", "1"), 7);
  world.pass();
  CHECK(world.led->revision() == 8);
  late.remove("old-0", 9);
  world.pass();
  CHECK(world.led->revision() == 9);
  CHECK(world.podman.containers.contains("old-1.app"));
  world.end();
  one.revision = 3;
  late.revision = 3;
  REQUIRE(world.begin());
  CHECK(world.led->revision() == 3);
  CHECK(world.fake.log.count("the controllers' database was put back, and this node follows") > 0);
}

TEST_CASE("what instances use is told every few seconds") {
  World world;
  Controller controller(world.fake, world.authority, "192.0.2.1");
  controller.put(instance("web-0", "1"), 5);
  REQUIRE(world.begin());
  (void)controller.take();
  world.pass(Led::kMeasure + 1s);
  CHECK(controller.take() == "n1: web-0 ready@1\n");
}

TEST_CASE("a channel that a controller wants is opened by its own way") {
  World world;
  Controller controller(world.fake, world.authority, "192.0.2.1");
  REQUIRE(world.begin());
  CHECK(controller.nodes.open("n1", {.id = "1", .what = "x"}));  // for nobody
  world.pass();
  std::string opened;
  world.led->on_open([&](grpc::Channel& way, const nodelink::Open& what) {
    opened = what.id + what.what + (way.connected() ? " there" : "");
  });
  CHECK(controller.nodes.open("n1", {.id = "2", .what = "y"}));
  world.pass();
  CHECK(opened == "2y there");
}

TEST_CASE("a machine that is not let in says why") {
  World world;
  REQUIRE(::remove(world.path("node.json").c_str()) == 0);
  const auto nothing = world.begin();
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().starts_with("this machine has not joined yet"));
  world.led.reset();
  world.node.reset();
  REQUIRE(world.begin("weirjoin_x"));
  CHECK(world.refused == "this is no join token (weirjoin_...), or not all of it");
}

}  // namespace
}  // namespace weir::node
