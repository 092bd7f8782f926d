#include "controller/tunnels.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "mirror/records.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::controller {
namespace {

using namespace std::chrono_literals;
using config::Kind;
using config::Object;

net::Task<void> stop(Fleet& fleet, Tunnels& tunnels) {
  co_await tunnels.stop();
  co_await fleet.stop();
}

// What a controller process is here.
struct Controller {
  Controller(testing::FakeEnv& env, store::Engine& engine, std::string name)
      : fake(env), store(engine, env.loop), tunnels(env.env, store, mirror, fleet, std::move(name)) {
    fleet.start();
    tunnels.start();
    fake.run_until_idle();
  }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  ~Controller() { CHECK(fake.run(stop(fleet, tunnels))); }

  void attach(const std::string& edge) { attach(edge, edge + ".example:8444"); }
  void attach(const std::string& edge, const std::string& relay) {
    fleet.attach({.node = edge, .version = "1", .provider = "p", .region = "r", .relay = relay});
    fake.run_until_idle();
  }
  void say(const std::string& edge, report::TunnelSeen seen) {
    fleet.report(edge, {.hello = {}, .endpoints = {}, .tunnels = {std::move(seen)}});
    fake.run_until_idle();
  }
  // "web/laptop@fra:1": all tunnels, in the order of their text.
  std::string tunnels_there() {
    REQUIRE(fake.run(mirror.catch_up()).has_value());
    std::set<std::string> texts;
    for (const auto& object : mirror.objects().of(Kind::kTunnel)) {
      const auto& spec = std::get<config::TunnelSpec>(object->spec);
      texts.insert(spec.service + "/" + spec.instance + "@" + spec.edge + ":" + spec.session);
    }
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
    return all;
  }
  config::ObjectPointer find(Kind kind, const std::string& name) {
    REQUIRE(fake.run(mirror.catch_up()).has_value());
    return mirror.objects().find(kind, name);
  }

  testing::FakeEnv& fake;
  store::EngineStore store;
  mirror::Mirror mirror{store, fake.log};
  Fleet fleet{fake.env, store, mirror};
  Tunnels tunnels;
};

struct World {
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  Controller first{fake, *engine, "c1"};
};

report::TunnelSeen laptop(const std::string& session, const std::string& user = "ada") {
  return {.service = "web",
          .instance = "laptop",
          .session = session,
          .user = user,
          .client = "192.0.2.7:5000",
          .hostname = "web.weir.example"};
}
report::TunnelSeen gone(const std::string& session) {
  return {.service = "web", .instance = "laptop", .session = session, .gone = true};
}

TEST_CASE("who comes first gets the name, and keeps it when the tunnel has gone") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  controller.say("fra", laptop("1"));
  CHECK(controller.tunnels_there() == "web/laptop@fra:1");
  const auto tunnel = controller.find(Kind::kTunnel, tunnel_name("web", "laptop", "fra"));
  REQUIRE(tunnel);
  const auto& spec = std::get<config::TunnelSpec>(tunnel->spec);
  CHECK(spec.relay == "fra.example:8444");
  CHECK(spec.provider == "p");
  CHECK(spec.zone == "r");
  CHECK(spec.seen_by == "c1");
  const auto service = controller.find(Kind::kService, "web");
  REQUIRE(service);
  CHECK(service->metadata.labels.at("weir/owner") == "ada");
  const auto balancer = controller.find(Kind::kLoadBalancer, "web");
  REQUIRE(balancer);
  CHECK(std::get<config::LoadBalancerSpec>(balancer->spec).listeners.size() == 2);

  controller.say("fra", gone("1"));
  CHECK(controller.tunnels_there().empty());
  CHECK(controller.find(Kind::kService, "web"));
  auto other = laptop("2", "eve");
  other.instance = "desk";
  controller.say("fra", other);
  CHECK(controller.tunnels_there().empty());
  CHECK(world.fake.log.count("an origin is not taken") == 1);
  controller.say("fra", laptop("3"));
  CHECK(controller.tunnels_there() == "web/laptop@fra:3");
}

TEST_CASE("what an edge has said since it attached stays, whatever else the edge says") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  controller.say("fra", laptop("1"));
  auto desk = laptop("2");
  desk.instance = "desk";
  controller.fleet.report("fra", {.refused = std::vector<report::RefusedObject>{{"services/web", "x"}}});
  controller.fleet.report("fra", {.load = report::Load{.applied_revision = 3}});
  controller.say("fra", desk);
  world.fake.advance(4 * kTunnelGrace);
  CHECK(controller.tunnels_there() == "web/desk@fra:2 web/laptop@fra:1");
}

TEST_CASE("a host name that somebody has is not taken by another service") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  controller.say("fra", laptop("1"));
  report::TunnelSeen thief = laptop("2", "eve");
  thief.service = "web2";
  controller.say("fra", thief);
  CHECK(controller.tunnels_there() == "web/laptop@fra:1");
  CHECK_FALSE(controller.find(Kind::kService, "web2"));
}

TEST_CASE("of two who ask for a name at once one gets it, and nothing of the other is written down") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  report::TunnelSeen other = laptop("2", "eve");
  other.instance = "desk";
  SUBCASE("by the name of the service") {}
  SUBCASE("by the host name") { other.service = "web2"; }
  controller.fleet.report("fra", {.hello = {}, .endpoints = {}, .tunnels = {laptop("1"), other}, .load = {}});
  world.fake.run_until_idle();
  world.fake.advance(6s);
  const bool first = controller.tunnels_there() == "web/laptop@fra:1";
  CHECK((first || controller.tunnels_there() == other.service + "/desk@fra:2"));
  std::size_t services = 0;
  for (const auto& service : controller.mirror.objects().of(Kind::kService)) {
    ++services;
    CHECK(service->metadata.labels.at("weir/owner") == (first ? "ada" : "eve"));
  }
  CHECK(services == 1);
}

TEST_CASE("a late goodbye of an older session ends nothing") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  controller.say("fra", laptop("1"));
  controller.say("fra", laptop("2"));
  controller.say("fra", gone("1"));
  CHECK(controller.tunnels_there() == "web/laptop@fra:2");
}

TEST_CASE("a session whose place another has come to is over, whatever becomes of the other") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  controller.say("fra", laptop("1"));
  SUBCASE("it is another account's, and not taken") { controller.say("fra", laptop("2", "eve")); }
  SUBCASE("it has gone before it was written down") {
    controller.fleet.report("fra", {.hello = {}, .endpoints = {}, .tunnels = {laptop("2"), gone("2")}});
    world.fake.run_until_idle();
  }
  CHECK(controller.tunnels_there().empty());
}

TEST_CASE("an edge that is lost has time to come back; what it does not say again goes") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  report::TunnelSeen desk = laptop("2");
  desk.instance = "desk";
  controller.say("fra", laptop("1"));
  controller.say("fra", desk);
  controller.fleet.detach("fra");
  world.fake.advance(kTunnelGrace - 1s);
  CHECK(controller.tunnels_there() == "web/desk@fra:2 web/laptop@fra:1");
  controller.attach("fra");
  controller.say("fra", laptop("1"));
  world.fake.advance(kTunnelGrace + 2s);
  CHECK(controller.tunnels_there() == "web/laptop@fra:1");
  controller.attach("fra");  // anew, before the old stream was known to be lost
  world.fake.advance(kTunnelGrace + 2s);
  CHECK(controller.tunnels_there().empty());
}

TEST_CASE("where other edges reach an edge is as it said last") {
  World world;
  Controller& controller = world.first;
  const auto relay = [&controller] {
    const auto tunnel = controller.find(Kind::kTunnel, tunnel_name("web", "laptop", "fra"));
    return std::get<config::TunnelSpec>(tunnel->spec).relay;
  };
  controller.attach("fra", "");
  controller.say("fra", laptop("1"));
  CHECK(relay().empty());
  controller.attach("fra", "192.0.2.1:8444");
  controller.say("fra", laptop("1"));  // of the same session
  CHECK(relay() == "192.0.2.1:8444");
}

TEST_CASE("an edge that goes to another controller takes its tunnels along") {
  World world;
  Controller second(world.fake, *world.engine, "c2");
  world.first.attach("fra");
  world.first.say("fra", laptop("1"));
  world.first.fleet.detach("fra");
  second.attach("fra");
  second.say("fra", laptop("1"));
  world.fake.advance(2 * kTunnelGrace);
  CHECK(second.tunnels_there() == "web/laptop@fra:1");
  CHECK(std::get<config::TunnelSpec>(second.find(Kind::kTunnel, tunnel_name("web", "laptop", "fra"))->spec)
            .seen_by == "c2");
}

TEST_CASE("an edge that one of its controllers has lost keeps its tunnels by the other") {
  World world;
  Controller second(world.fake, *world.engine, "c2");
  for (Controller* controller : {&world.first, &second}) {
    controller->attach("fra");
    controller->say("fra", laptop("1"));
  }
  const auto seen_by = [&second] {
    const auto tunnel = second.find(Kind::kTunnel, tunnel_name("web", "laptop", "fra"));
    return tunnel ? std::get<config::TunnelSpec>(tunnel->spec).seen_by : std::string("nobody: it is gone");
  };
  CHECK(seen_by() == "c2");
  second.fleet.detach("fra");
  for (int i = 0; i < 20; ++i) {  // never gone, not for a moment
    world.fake.advance(kTunnelGrace / 10);
    REQUIRE(second.tunnels_there() == "web/laptop@fra:1");
  }
  CHECK(seen_by() == "c1");
  world.first.say("fra", gone("1"));
  CHECK(second.tunnels_there().empty());
}

TEST_CASE("an edge that all of its controllers have lost loses its tunnels") {
  World world;
  Controller second(world.fake, *world.engine, "c2");
  for (Controller* controller : {&world.first, &second}) {
    controller->attach("fra");
    controller->say("fra", laptop("1"));
  }
  SUBCASE("at once") {
    world.first.fleet.detach("fra");
    second.fleet.detach("fra");
  }
  SUBCASE("one after the other") {
    second.fleet.detach("fra");
    world.fake.advance(kTunnelGrace - 1s);
    world.first.fleet.detach("fra");
  }
  world.fake.advance(2 * kTunnelGrace + 2s);
  CHECK(second.tunnels_there().empty());
}

TEST_CASE("a controller that starts anew waits for the edges that told it, and then cleans up") {
  World world;
  {
    Controller before(world.fake, *world.engine, "c2");
    before.attach("fra");
    before.attach("ams");
    before.say("fra", laptop("1"));
    before.say("ams", laptop("1"));
  }
  Controller after(world.fake, *world.engine, "c2");
  after.attach("ams");
  after.say("ams", laptop("1"));
  world.fake.advance(kTunnelGrace);
  CHECK(after.tunnels_there() == "web/laptop@ams:1 web/laptop@fra:1");
  world.fake.advance(2 * kTunnelGrace);
  CHECK(after.tunnels_there() == "web/laptop@ams:1");
}

TEST_CASE("an admin's tunnel joins a service that is there, and waits for one that is not") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  report::TunnelSeen seen = laptop("1", "");
  seen.hostname.clear();
  controller.say("fra", seen);
  CHECK(controller.tunnels_there().empty());
  Object service;
  service.metadata = mirror::new_metadata("web", world.fake.env);
  service.spec = config::ServiceSpec{};
  store::Transaction transaction;
  transaction.put(mirror::key_of(Kind::kService, "web"), mirror::encode(service), 0);
  CHECK(world.fake.run(controller.store.commit(std::move(transaction)))->has_value());
  world.fake.advance(6s);
  CHECK(controller.tunnels_there() == "web/laptop@fra:1");
}

void put(World& world, const std::string& json) {
  const auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE(object.has_value());
  store::Transaction transaction;
  transaction.put(mirror::key_of(object->kind(), object->metadata.name), mirror::encode(*object));
  CHECK(world.fake.run(world.first.store.commit(std::move(transaction)))->has_value());
}

TEST_CASE("what a member of one organization brings is the organization's, and ends with the membership") {
  World world;
  Controller& controller = world.first;
  put(world, R"({"kind":"User","metadata":{"name":"ada"},"spec":{"email":"ada@a.example"}})");
  const auto organization = [](const std::string& spec) {
    return R"({"kind":"Organization","metadata":{"name":"acme"},"spec":)" + spec + "}";
  };
  put(world, organization(R"({"members":[{"user":"ada"}],"quotas":[{"kind":"services","max":0}]})"));
  controller.attach("fra");
  controller.say("fra", laptop("1"));
  CHECK(controller.tunnels_there().empty());  // one more than it may have
  put(world, organization(R"({"members":[{"user":"ada"}]})"));
  controller.say("fra", laptop("2"));
  CHECK(controller.tunnels_there() == "web/laptop@fra:2");
  CHECK(controller.find(Kind::kService, "web")->metadata.organization == "acme");
  CHECK(controller.find(Kind::kLoadBalancer, "web")->metadata.organization == "acme");
  const std::string tunnel = tunnel_name("web", "laptop", "fra");
  CHECK(controller.find(Kind::kTunnel, tunnel)->metadata.organization == "acme");
  controller.say("fra", gone("2"));
  put(world, organization("{}"));
  controller.say("fra", laptop("3"));
  CHECK(controller.tunnels_there().empty());
  CHECK(world.fake.log.count("an origin is not taken") > 0);
}

TEST_CASE("many origins are written down together") {
  World world;
  Controller& controller = world.first;
  controller.attach("fra");
  report::Report all;
  for (int i = 0; i < 1000; ++i) {
    report::TunnelSeen seen = laptop(std::to_string(i));
    seen.instance = "i" + std::to_string(i);
    all.tunnels.push_back(seen);
  }
  const auto before = controller.mirror.revision();
  controller.fleet.report("fra", all);
  world.fake.run_until_idle();
  REQUIRE(world.fake.run(controller.mirror.catch_up()).has_value());
  CHECK(controller.mirror.objects().of(Kind::kTunnel).size() == 1000);
  CHECK(controller.mirror.revision() - before <= 3);
}

}  // namespace
}  // namespace weir::controller
