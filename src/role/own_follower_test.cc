// An edge led by controllers of ours, on the memory network: a whole xds::Server at the other end, real
// Traffic at this one.
#include "role/own_follower.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/kinds.h"
#include "edge/edge_fixture.h"
#include "h2/server_connection.h"
#include "role/foreign_follower.h"
#include "store/temporary_directory.h"
#include "testing/fake_env.h"
#include "testing/peer.h"
#include "translation/own.h"
#include "translation/translator.h"
#include "xds/xds_fixture.h"

namespace weir::role {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;
using xds::Change;
using xds::Type;

constexpr const char* kHttp = "127.0.0.1:8080";
constexpr const char* kDiscovery = "127.0.0.1:18000";

config::ObjectPointer object(const std::string& json) {
  auto parsed = config::parse_object(json, config::Origin::kStore);
  REQUIRE(parsed.has_value());
  return std::make_shared<const config::Object>(std::move(*parsed));
}
config::ObjectPointer service(const std::string& name, const std::vector<std::string>& addresses,
                              const std::string& more = {}) {
  std::string list;
  for (const std::string& one : addresses) {
    list += std::string(list.empty() ? "" : ",") + R"({"address":")" + one + R"("})";
  }
  return object(R"({"kind":"Service","metadata":{"name":")" + name + R"("},"spec":{"endpoints":[)" + list +
                "]" + more + "}}");
}
config::ObjectPointer balancer(const std::string& name, const std::string& to) {
  return object(R"({"kind":"LoadBalancer","metadata":{"name":")" + name +
                R"("},"spec":{"listeners":[{"protocol":"HTTP","hostnames":[")" + name +
                R"("]}],"routes":[{"backends":[{"service":")" + to + R"("}]}]}})");
}
Change put(const config::ObjectPointer& one) {
  const xds::ResourcePtr resource = translation::object_resource(*one);
  return {Type::kObject, resource->name, resource};
}
Change revision(std::uint64_t number) {
  return {Type::kObject, std::string(xds::kRevisionName), translation::revision_resource(number)};
}
Change health(const std::string& name, const std::set<std::string>& unhealthy) {
  return {Type::kHealth, name, translation::health_resource(name, unhealthy)};
}

struct World {
  World() {
    for (const char letter : {'a', 'b'}) {
      origins.emplace_back(fake, "10.0.0." + std::to_string(letter - 'a' + 1) + ":80");
      origins.back().answer("\r\n\r\n", edge::answer_with(std::string(1, letter)));
    }
    serve();
  }
  void serve() { controller = std::make_unique<xds::Controller>(fake, sayings, catalog, kDiscovery); }
  void apply(const std::vector<Change>& changes) {
    catalog.apply(changes);
    fake.run_until_idle();
  }
  // What the host is answered with: "a", "b", or a status.
  std::string get(const std::string& host) {
    Peer client(fake, kHttp);
    client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    const std::string response = client.take();
    return response.starts_with("HTTP/1.1 200") ? edge::content_of(response) : response.substr(9, 3);
  }

  FakeEnv fake;
  store::TemporaryDirectory directory;
  xds::Names names;
  xds::Catalog catalog{names};
  xds::Sayings sayings;
  std::unique_ptr<xds::Controller> controller;
  std::vector<PeerListener> origins;
};

// The machine: its data plane, and what leads it.
struct Machine {
  explicit Machine(World& its_world)
      : world(its_world),
        traffic(world.fake.env, workers,
                {.edge = {.http = *net::Address::parse(kHttp), .server = {.h2 = h2::make_connection}},
                 .https = {},
                 .snapshot_path = world.directory.file("snapshot.json")}),
        tasks(world.fake.loop) {
    REQUIRE(traffic.prepare().has_value());
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { CHECK(world.fake.run(stop(), 600s)); }
  net::Task<void> stop() {
    co_await tasks.stop();
    if (follower) co_await follower->stop();
    if (foreign) co_await foreign->stop();
    traffic.edge().cut();
    co_await traffic.edge().drain();
  }
  static grpc::Dialler::Target target() {
    const net::Address at = *net::Address::parse(kDiscovery);
    return {.host = at.ip(), .port = at.port(), .tls = nullptr, .server_name = {}, .timeout = 1s};
  }
  void lead_by_ours() {
    const std::string path = world.directory.file("edge.secrets");
    auto secrets = OwnFollower::read_secrets(path);
    if (secrets) traffic.edge().set_secrets(to_edge(*secrets));
    follower.emplace(world.fake.env, traffic, secrets.value_or(translation::EdgeSecrets{}), path,
                     [this] { ++changes; });
    REQUIRE(traffic.listen().has_value());
    client.emplace(world.fake.env, *follower,
                   xds::Client::Options{.node = {"fra-1", "", "weir"},
                                        .controllers = {target()},
                                        .wanted = {{Type::kObject, {"*"}}, {Type::kHealth, {"*"}}},
                                        .had = follower->had()});
    tasks.spawn(client->run());
    world.fake.run_until_idle();
  }
  void lead_by_others() {
    REQUIRE(traffic.open_ports().has_value());
    CHECK_FALSE(traffic.has_snapshot());
    traffic.begin_with_last();
    foreign.emplace(world.fake.env, traffic, xds::Node{"fra-1", "", "weir"}, target());
    foreign->start();
    world.fake.run_until_idle();
  }

  World& world;
  net::Env* workers[1] = {&world.fake.env};
  Traffic traffic;
  std::optional<OwnFollower> follower;
  std::optional<xds::Client> client;
  std::optional<ForeignFollower> foreign;
  net::TaskGroup tasks;
  int changes = 0;
};

TEST_CASE("what a controller says is served; what it says differently, and takes away, too") {
  World world;
  world.apply({put(service("web", {"10.0.0.1:80"})), put(balancer("web", "web")), revision(3)});
  Machine machine(world);
  machine.lead_by_ours();
  CHECK(world.get("web") == "a");
  CHECK(machine.follower->revision() == 3);
  CHECK(machine.changes == 1);
  world.apply({put(service("web", {"10.0.0.2:80"})), revision(4)});
  CHECK(world.get("web") == "b");
  world.apply({gone(Type::kObject, "loadbalancers/web"), gone(Type::kObject, "services/web"), revision(5)});
  CHECK(world.get("web") == "404");
  CHECK(machine.follower->revision() == 5);
}

TEST_CASE("an object that does not fit is refused by its name; it stays as it was, and the rest goes on") {
  World world;
  world.apply({put(service("web", {"10.0.0.1:80"})), put(balancer("web", "web")), revision(1)});
  Machine machine(world);
  machine.lead_by_ours();
  world.apply({put(balancer("web", "none")), put(service("next", {"10.0.0.2:80"})),
               put(balancer("next", "next")), revision(2)});
  CHECK(world.get("web") == "a");
  CHECK(world.get("next") == "b");
  CHECK(machine.follower->revision() == 2);
  CHECK(machine.follower->refused() ==
        std::map<std::string, std::string>{
            {"loadbalancers/web", "spec.routes[0].backends[0].service: there is no Service \"none\""}});
  CHECK(world.sayings.take().contains("fra-1 refuses object loadbalancers/web: "));
  world.apply({put(balancer("web", "next")), revision(3)});
  CHECK(world.get("web") == "b");
  CHECK(machine.follower->refused().empty());
}

TEST_CASE("a controller that is restarted sends the difference; what it is gone for changes nothing") {
  World world;
  world.apply({put(service("web", {"10.0.0.1:80"})), put(balancer("web", "web")), revision(1)});
  Machine machine(world);
  machine.lead_by_ours();
  world.controller.reset();
  world.fake.advance(60s);
  CHECK(world.get("web") == "a");
  world.apply({put(service("next", {"10.0.0.2:80"})), put(balancer("next", "next")),
               gone(Type::kObject, "loadbalancers/web"), revision(2)});
  world.serve();
  world.fake.advance(15s);
  CHECK(world.get("web") == "404");
  CHECK(world.get("next") == "b");
}

TEST_CASE("a machine that starts anew serves from its disk, and is told what is gone since") {
  World world;
  translation::EdgeSecrets secrets{.cookie_key = {}, .domain = "weir.example", .issued = {}};
  world.apply({put(service("web", {"10.0.0.1:80"})),
               put(balancer("web", "web")),
               put(balancer("old", "web")),
               {Type::kObject, std::string(translation::kEdgeResource), translation::edge_resource(secrets)},
               revision(1)});
  {
    Machine machine(world);
    machine.lead_by_ours();
    CHECK(world.get("old") == "a");
  }
  world.controller.reset();
  {
    Machine machine(world);
    machine.lead_by_ours();
    CHECK(machine.follower->revision() == 1);
    CHECK(world.get("old") == "a");
    world.apply({gone(Type::kObject, "loadbalancers/old"), put(balancer("web", "none")),
                 put(balancer("next", "web")), revision(2)});
    world.serve();
    world.fake.advance(15s);
    CHECK(world.get("old") == "404");
    CHECK(world.get("web") == "a");  // the new one does not fit: as it was on the disk
    CHECK(world.get("next") == "a");
  }
  const auto kept = OwnFollower::read_secrets(world.directory.file("edge.secrets"));
  REQUIRE(kept.has_value());
  CHECK(kept->domain == "weir.example");
}

TEST_CASE("verdicts of the other edges hold while a controller gives them, and ten seconds longer") {
  World world;
  const std::string checked =
      R"(,"health_check":{"interval":"1s","timeout":"500ms","tcp":{}},"panic_percent":0)";
  world.apply({put(service("web", {"10.0.0.1:80", "10.0.0.2:80"}, checked)), put(balancer("web", "web")),
               health("web", {"10.0.0.1:80"}), revision(1)});
  Machine machine(world);
  machine.lead_by_ours();
  world.fake.advance(1s);
  CHECK(world.get("web") == "b");
  CHECK(world.get("web") == "b");
  world.apply({health("web", {"10.0.0.2:80"})});
  CHECK(world.get("web") == "a");
  CHECK(world.get("web") == "a");
  world.controller.reset();
  world.fake.advance(9s);
  CHECK(world.get("web") == "a");
  CHECK(world.get("web") == "a");
  world.fake.advance(2s);
  CHECK(world.get("web") != world.get("web"));
  world.serve();
  world.fake.advance(15s);
  CHECK(world.get("web") == "a");
  CHECK(world.get("web") == "a");
  world.apply({gone(Type::kHealth, "web")});
  CHECK(world.get("web") != world.get("web"));
}

// Somebody else's control plane: what ours says to Envoys.
std::vector<Change> in_envoys_words(const std::vector<config::ObjectPointer>& objects) {
  config::Whole whole;
  for (const config::ObjectPointer& one : objects) whole.put(one);
  const auto snapshot = config::build_snapshot(1, whole);
  REQUIRE(snapshot.has_value());
  translation::Translator translator({.http = 8080});
  return translator.update(**snapshot, translation::names_of(whole.as_changes()));
}

TEST_CASE("somebody else's control plane: asked by and by, served when all is there, refused by field") {
  World world;
  std::vector<Change> changes = in_envoys_words({service("web", {"10.0.0.1:80"}), balancer("web", "web")});
  Change endpoints;
  std::erase_if(changes, [&endpoints](const Change& one) {
    if (one.type != Type::kEndpoints) return false;
    endpoints = one;
    return true;
  });
  world.apply(changes);
  Machine machine(world);
  machine.lead_by_others();
  CHECK(world.get("web") == "404");  // the endpoints are not there yet: nothing is begun
  world.apply({endpoints});
  CHECK(world.get("web") == "a");
  world.apply(in_envoys_words({service("web", {"10.0.0.2:80"}), balancer("web", "web")}));
  CHECK(world.get("web") == "b");
  (void)world.sayings.take();
  world.apply({{Type::kCluster, "bad",
                xds::make_resource(Type::kCluster, "bad",
                                   "\x0a\x03"
                                   "bad\x98\x01\x01",
                                   "services/bad")}});
  CHECK(world.sayings.take().contains("fra-1 refuses cluster services/bad: "));
  CHECK(world.get("web") == "b");
}

TEST_CASE("a foreign configuration that never becomes complete is begun without what is missing") {
  World world;
  std::vector<Change> changes = in_envoys_words({service("web", {"10.0.0.1:80"}), balancer("web", "web")});
  std::erase_if(changes, [](const Change& one) { return one.type == Type::kEndpoints; });
  world.apply(changes);
  Machine machine(world);
  machine.lead_by_others();
  CHECK(world.get("web") == "404");
  world.fake.advance(16s);
  CHECK(world.get("web") == "503");
}

}  // namespace
}  // namespace weir::role
