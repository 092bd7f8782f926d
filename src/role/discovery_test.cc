// The port for edges with an Envoy attached, as far as what is known of it goes: it makes no reports.
#include "role/discovery.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grpc/channel.h"
#include "grpc/dialler.h"
#include "nodelink/node_client.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "translation/own.h"
#include "xds/xds_fixture.h"

namespace weir::role {
namespace {

using namespace std::chrono_literals;
using xds::Type;

constexpr const char* kXds = "127.0.0.1:18000";
constexpr const char* kEdge = R"({"kind":"Edge","metadata":{"name":"fra-1"},"spec":{}})";
constexpr const char* kBalancer =
    R"({"kind":"LoadBalancer","metadata":{"name":"web"},"spec":{"listeners":[{"protocol":"HTTP",)"
    R"("hostnames":["web.example"]}],"routes":[{"backends":[{"service":"web"}]}]}})";

std::string web(const std::string& address) {
  return R"({"kind":"Service","metadata":{"name":"web"},"spec":{"endpoints":[{"address":")" + address +
         R"("}]}})";
}

net::Task<void> stop(Discovery& discovery, controller::Fleet& fleet) {
  co_await discovery.join();
  co_await fleet.stop();
}

// What a controller has of discovery, over objects that the test writes.
struct Place {
  Place(testing::FakeEnv& its_fake, const config::Whole& its_objects) : fake(its_fake), objects(its_objects) {
    const std::vector<config::ObjectChange> all = objects.as_changes();
    views.set_reached([this](const std::string&, const config::Labels&) {
      return reached ? std::vector<std::string>{"move"} : std::vector<std::string>();
    });
    views.apply(all, 1);
    fleet.start();
    REQUIRE(discovery.listen().has_value());
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    discovery.drain();
    discovery.cut();
    CHECK(fake.run(stop(discovery, fleet), 60s));
  }
  std::uint64_t applied() const {
    const auto* edge = fleet.find("fra-1");
    return edge == nullptr ? 0 : edge->applied_revision;
  }

  testing::FakeEnv& fake;
  const config::Whole& objects;
  bool reached = false;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore store{*engine, fake.loop};
  mirror::Mirror mirror{store, fake.log};
  controller::Views views{objects};
  controller::Fleet fleet{fake.env, store, mirror};
  Discovery discovery{fake.env, mirror, views, fleet, authority(), [](const net::Address&, const char*) {}};

 private:
  static DiscoveryOptions authority() {
    return {.at = *net::Address::parse(kXds),
            .domain = "weir.localhost",
            .names = {},
            .authority = std::make_shared<const tls::Authority>(
                *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart)))};
  }
};

struct World {
  testing::FakeEnv fake;
  config::Whole objects;
  std::uint64_t revision = 1;
  std::optional<Place> place;
  xds::Edge envoy;
  net::TaskGroup tasks{fake.loop};
  std::optional<xds::Client> client;

  World() {
    for (const std::string& json : {std::string(kEdge), web("10.0.0.1:80"), std::string(kBalancer)}) {
      objects.put(read(json));
    }
    place.emplace(fake, objects);
    client.emplace(
        fake.env, envoy,
        xds::Client::Options{
            .node = {"fra-1", "", "envoy 1.40"},
            .controllers =
                {{.host = "127.0.0.1", .port = 18000, .tls = nullptr, .server_name = {}, .timeout = 1s}},
            .wanted = {{Type::kCluster, {"*"}},
                       {Type::kEndpoints, {"web"}},
                       {Type::kListener, {"*"}},
                       {Type::kRoutes, {"http"}}},
            .had = {}});
    tasks.spawn(client->run());
    fake.run_until_idle();
  }
  ~World() {
    CHECK(fake.run([](net::TaskGroup& group) -> net::Task<void> { co_await group.stop(); }(tasks), 60s));
  }
  config::ObjectPointer read(const std::string& json) const {
    auto object = config::parse_object(json, config::Origin::kStore);
    REQUIRE_MESSAGE(object.has_value(), json);
    object->metadata.revision = revision + 1;
    return std::make_shared<const config::Object>(std::move(*object));
  }
  void put(const std::string& json) {
    const auto after = read(json);
    const config::ObjectChange change{objects.put(after), after};
    tell(std::vector{change});
  }
  void tell(const std::vector<config::ObjectChange>& changes, bool another_view = false) {
    const bool sorted_anew = place->views.apply(changes, ++revision);
    place->discovery.changed(changes, sorted_anew || another_view);
    fake.run_until_idle();
  }
};

TEST_CASE("an Envoy has a revision when it has accepted what its view has, though nothing is sent for it") {
  World world;
  CHECK(world.envoy.handed.size() == 4);
  CHECK(world.place->applied() == 1);
  world.envoy.take();

  SUBCASE("what does not concern it") {
    world.put(R"({"kind":"LoadBalancer","metadata":{"name":"us"},"spec":{"listeners":[{"protocol":"HTTP",)"
              R"("hostnames":["us.example"]}],"routes":[{"backends":[{"service":"web"}]}],)"
              R"("edges":{"match":{"region":"us"}}}})");
    CHECK(world.envoy.take().empty());
    CHECK(world.place->applied() == 2);
  }
  SUBCASE("a rollout that brings it something") {
    const auto before = world.objects.find(config::Kind::kService, "web");
    world.place->views.set_overlay("move", {{before, world.read(web("10.0.0.2:80"))}});
    world.place->reached = true;
    world.tell({}, true);
    CHECK(world.envoy.take().size() == 1);
    CHECK(world.place->applied() == 2);
    // Written in the end: its view is another one, and has the same.
    world.place->views.drop_overlay("move");
    world.place->reached = false;
    const auto after = world.read(web("10.0.0.2:80"));
    world.tell({{world.objects.put(after), after}}, true);
    CHECK(world.envoy.take().empty());
    CHECK(world.place->applied() == 3);
  }
  SUBCASE("a rollout that brings it nothing new") {
    const auto before = world.objects.find(config::Kind::kService, "web");
    world.place->views.set_overlay("move", {{before, world.read(web("10.0.0.1:80"))}});
    world.place->reached = true;
    world.tell({}, true);
    CHECK(world.envoy.take().empty());
    CHECK(world.place->applied() == 2);
  }
  SUBCASE("a controller that it comes back to with all of it") {
    world.place.reset();
    world.fake.advance(1s);
    world.place.emplace(world.fake, world.objects);
    CHECK(world.place->applied() == 0);
    world.fake.advance(60s);
    CHECK(world.envoy.take().empty());
    CHECK(world.place->applied() == 1);
  }
}

// One of weir's own edges, which has everything up to a revision.
struct OwnEdge final : xds::Consumer {
  std::uint64_t has = 0;
  std::vector<std::uint64_t> told;
  std::optional<std::string> apply(Type type, const std::vector<xds::Change>& changes) override {
    for (const xds::Change& change : changes) {
      if (type != Type::kObject || change.name != xds::kRevisionName) continue;
      has = translation::read_revision(change.resource->body).value_or(0);
      told.push_back(has);
    }
    return std::nullopt;
  }
  std::uint64_t revision() const override { return has; }
  void attached(std::optional<std::size_t> /*controller*/) override {}
};

struct OwnWorld : World {
  OwnEdge edge;
  net::TaskGroup edge_tasks{fake.loop};
  xds::Client edge_client{
      fake.env, edge,
      xds::Client::Options{
          .node = {"fra-1", "", "weir 1"},
          .controllers =
              {{.host = "127.0.0.1", .port = 18000, .tls = nullptr, .server_name = {}, .timeout = 1s}},
          .wanted = {{Type::kObject, {"*"}}},
          .had = {}}};

  explicit OwnWorld(std::uint64_t has) { edge.has = has; }
  ~OwnWorld() {
    CHECK(fake.run([](net::TaskGroup& group) -> net::Task<void> { co_await group.stop(); }(edge_tasks), 60s));
  }
  void attach() {
    edge_tasks.spawn(edge_client.run());
    fake.run_until_idle();
  }
  void commit() {
    store::Transaction transaction;
    transaction.put("other/key", "x");
    const auto done = fake.run(place->store.commit(std::move(transaction)));
    REQUIRE((done && *done));
  }
};

TEST_CASE("an edge is told the present revision, also with a view that has not changed for long") {
  OwnWorld world(0);
  world.put(R"({"kind":"Edge","metadata":{"name":"ams-1"},"spec":{}})");
  world.attach();
  CHECK(world.edge.told == std::vector<std::uint64_t>{2});
  world.put(web("10.0.0.3:80"));
  CHECK(world.edge.told == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("an edge that has more than its controller is led on, and never back") {
  OwnWorld world(3);
  const mirror::Follower follower(world.place->mirror, [&](std::span<const config::ObjectChange> changes) {
    world.place->discovery.changed(changes,
                                   world.place->views.apply(changes, world.place->mirror.revision()));
  });
  for (int i = 0; i < 3; ++i) world.commit();
  world.attach();
  world.fake.advance(2s);
  CHECK(world.edge.told == std::vector<std::uint64_t>{3});
  CHECK_FALSE(world.fake.log.text().contains("it was put back"));
}

TEST_CASE("a database that was put back is followed") {
  OwnWorld world(7);
  world.attach();
  CHECK(world.edge.told.empty());
  world.fake.advance(2s);
  CHECK(world.edge.told == std::vector<std::uint64_t>{1});
  CHECK(world.fake.log.text().contains("it was put back"));
}

TEST_CASE("a node is attached at the same port, and told what the mirror has for it") {
  World world;
  const mirror::Follower follower(world.place->mirror, [&](std::span<const config::ObjectChange> changes) {
    world.place->discovery.changed(changes, false);
  });
  const auto put = [&](const std::string& key, const std::string& json) {
    store::Transaction transaction;
    transaction.put(key, json);
    REQUIRE(world.fake.run(world.place->store.commit(std::move(transaction))).value().has_value());
    REQUIRE(world.fake.run(world.place->mirror.catch_up()).value().has_value());
  };
  put("nodes/n1", R"({"kind":"Node","metadata":{"name":"n1"},"spec":{}})");
  std::string told;
  grpc::Dialler dialler(world.fake.env,
                        {.host = "127.0.0.1", .port = 18000, .tls = nullptr, .server_name = {}});
  grpc::Channel channel(world.fake.loop, dialler, {.authority = "127.0.0.1", .scheme = "http"});
  nodelink::NodeClient node(world.fake.env, channel, {.node = "n1"},
                            {.assigned =
                                 [&](const nodelink::Assignment& all) {
                                   told += std::to_string(all.revision) + ":";
                                   for (const nodelink::Assigned& one : all.instances) told += " " + one.name;
                                   told += "\n";
                                 },
                             .open = {}},
                            {});
  world.tasks.spawn(node.run());
  world.fake.run_until_idle();
  CHECK(told == "1:\n");
  put("instances/web-1", R"({"kind":"Instance","metadata":{"name":"web-1"},"spec":{"workload":"web",)"
                         R"("node":"n1","containers":[{"name":"app","image":"localhost/web:1"}]}})");
  world.fake.run_until_idle();
  CHECK(told == "1:\n2: web-1\n");
  std::string metrics;
  world.place->discovery.write_metrics(metrics);
  CHECK(metrics.contains("weir_node_streams 1\n"));
  CHECK(metrics.contains("weir_node_assignments_total 2\n"));
  CHECK(world.place->discovery.node_server().is_attached("n1"));
  CHECK(world.fake.run([](net::TaskGroup& group) -> net::Task<void> { co_await group.stop(); }(world.tasks),
                       60s));
  CHECK(world.fake.run(channel.close()));
}

}  // namespace
}  // namespace weir::role
