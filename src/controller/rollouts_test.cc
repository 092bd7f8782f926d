#include "controller/rollouts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mirror/records.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "testing/store_around.h"

namespace weir::controller {
namespace {

using config::Kind;
using config::Object;
using config::RolloutPhase;

Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
  return *object;
}

std::string web(const std::string& address) {
  return R"({"kind":"Service","metadata":{"name":"web"},"spec":{"endpoints":[{"address":")" + address +
         R"("}]}})";
}

Object rollout(const std::string& changes, const std::string& more = "") {
  return parsed(R"({"kind":"Rollout","metadata":{"name":"r","uid":"r-1"},"spec":{"bake":"10s","changes":[)" +
                changes + "]" + more + "}}");
}

net::Task<void> stop(Fleet& fleet, Rollouts& rollouts) {
  co_await rollouts.stop();
  co_await fleet.stop();
}

// What a controller process is here.
struct Controller {
  Controller(testing::FakeEnv& env, store::Engine& engine, bool leads)
      : fake(env), engine_store(engine, env.loop) {
    store.is_leader = leads;
    fleet.start();
    rollouts.start();
    fake.run_until_idle();
  }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  ~Controller() { CHECK(fake.run(stop(fleet, rollouts))); }

  testing::FakeEnv& fake;
  store::EngineStore engine_store;
  testing::StoreAround store{engine_store};
  mirror::Mirror mirror{store, fake.log};
  Fleet fleet{fake.env, store, mirror};
  Rollouts rollouts{fake.env, store, mirror, fleet};
};

// Two edges of two providers, which do as they are told.
struct World {
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  std::vector<std::unique_ptr<Controller>> controllers;
  std::map<std::string, bool> attached{{"a", true}, {"b", true}};
  std::map<std::string, bool> had;    // the change, at any time
  std::string broken_by = "nothing";  // an address that requests fail with
  std::string refused_by;             // an edge that takes no change up
  std::set<std::string> envoys;       // which say nothing of requests

  explicit World(std::set<std::string> its_envoys = {}) : envoys(std::move(its_envoys)) {
    write(parsed(R"({"kind":"Edge","metadata":{"name":"a"},"spec":{"provider":"acme"}})"));
    write(parsed(R"({"kind":"Edge","metadata":{"name":"b"},"spec":{"provider":"bolt"}})"));
    write(parsed(web("192.0.2.1:80")));
    start();
    pass(std::chrono::seconds(8));
  }

  Controller& first() { return *controllers.front(); }
  void start(bool leads = true) {
    controllers.push_back(std::make_unique<Controller>(fake, *engine, leads));
    attach(*controllers.back());
  }
  void attach(Controller& controller) {
    for (const auto& [name, is] : attached) {
      if (is) controller.fleet.attach({.node = name});
    }
  }
  store::EngineStore outside{*engine, fake.loop};
  store::Revision write(const Object& object) {
    store::Transaction transaction;
    transaction.put(mirror::key_of(object.kind(), object.metadata.name), mirror::encode(object));
    return commit(std::move(transaction));
  }
  store::Revision commit(store::Transaction transaction) {
    const auto committed = fake.run(outside.commit(std::move(transaction)));
    REQUIRE((committed && *committed));
    return **committed;
  }
  std::optional<Object> read(const std::string& key) {
    const auto entry = fake.run(outside.get(key));
    REQUIRE(entry);
    return *entry ? std::optional(*mirror::decode((*entry)->value, (*entry)->revision)) : std::nullopt;
  }
  config::RolloutStatus status(std::size_t controller = 0) {
    return controllers.at(controller)->rollouts.status_of(*read("rollouts/r"));
  }
  std::string address() {
    return std::get<config::ServiceSpec>(read("services/web")->spec).endpoints.at(0).address;
  }
  std::vector<std::string> verbs() {
    const auto page = fake.run(outside.list("events/", "", 1000));
    REQUIRE((page && *page));
    std::vector<std::string> all;
    for (const store::Entry& entry : (*page)->entries) {
      const auto event = std::get<config::EventSpec>(mirror::decode(entry.value, entry.revision)->spec);
      all.push_back(event.verb + ' ' + event.name + (event.reason.empty() ? "" : ": " + event.reason));
    }
    return all;
  }

  // Each edge has what it is to have, serves requests and says so, to all controllers, once a second.
  void pass(Duration by) {
    for (; by > Duration::zero(); by -= std::chrono::seconds(1)) {
      for (const auto& [name, is] : attached) {
        if (!is) continue;
        for (const auto& controller : controllers) report(name, *controller);
      }
      fake.advance(std::chrono::seconds(1));
    }
  }
  void report(const std::string& name, Controller& controller) {
    const config::Whole& objects = controller.mirror.objects();
    mirror::Overlays overlays(objects);
    const auto reached = rollouts_reaching(objects, name, controller.fleet.labels_of(name));
    const auto changes = overlays.together(reached).changes;
    const bool has = !changes.empty();
    had[name] |= has;
    bool fails = false;
    for (const config::ObjectChange& one : changes) {
      fails |= one.after && mirror::encode(*one.after).contains(broken_by);
    }
    report::Load load{.requests = 100, .errors_5xx = fails ? 50U : 0U};
    load.latency_counts = {100};
    load.span = std::chrono::seconds(1);
    if (envoys.contains(name)) load = {};
    load.applied_revision = controller.mirror.revision();
    report::Report report{.hello = {}, .endpoints = {}, .load = load};
    report.refused.emplace();
    if (has && name == refused_by)
      report.refused->push_back({"services/web", "too new,\n" + std::string(5000, 'x')});
    controller.fleet.report(name, report);
  }
};

TEST_CASE("a good change goes through, provider by provider, and is written to the objects") {
  World world;
  world.write(rollout(web("192.0.2.2:80")));
  world.pass(std::chrono::seconds(2));
  CHECK(world.status().phase == RolloutPhase::kRunning);
  CHECK(world.status().wave == 1);
  CHECK(world.status().waves.size() == 5);  // 10 and 100 % of each, and the rest
  CHECK(world.status().edges == "1/2");
  CHECK(world.status().reason == "it bakes for 10s");
  world.pass(std::chrono::seconds(15));
  CHECK(world.had["a"]);
  CHECK_FALSE(world.had["b"]);
  CHECK(world.address() == "192.0.2.1:80");
  world.pass(std::chrono::seconds(25));
  CHECK(world.had["b"]);
  CHECK(world.address() == "192.0.2.1:80");
  world.pass(std::chrono::minutes(1));
  CHECK(world.status().phase == RolloutPhase::kDone);
  CHECK(world.address() == "192.0.2.2:80");
  CHECK(world.verbs() == std::vector<std::string>{"begin r", "begin r", "begin r", "begin r", "begin r",
                                                  "update web", "finish r"});
  CHECK(rollouts_reaching(world.first().mirror.objects(), "a", {{"provider", "acme"}}).empty());
}

TEST_CASE("a wave of Envoys alone waits until somebody says that it may go on without counting") {
  World world({"a"});
  world.write(rollout(web("192.0.2.2:80")));
  world.pass(std::chrono::minutes(1));
  CHECK(world.status().wave == 1);
  CHECK(world.status().reason.starts_with("errors and latency are not known: a did not report any requests"));
  CHECK_FALSE(world.had["b"]);
  Object allowed = *world.read("rollouts/r");
  std::get<config::RolloutSpec>(allowed.spec).gates.allow_uncounted = true;
  world.write(allowed);
  world.pass(std::chrono::minutes(2));
  CHECK(world.status().phase == RolloutPhase::kDone);
}

TEST_CASE("a bad change stops in the first wave and never reaches the second provider") {
  World world;
  world.broken_by = "192.0.2.66:80";
  world.write(rollout(web("192.0.2.66:80")));
  world.pass(std::chrono::seconds(10));
  CHECK(world.status().phase == RolloutPhase::kWithdrawn);
  CHECK(world.status().wave == 1);
  const std::string why =
      "errors: 50.0 % of the requests of its edges are answered 5xx, 0.0 % of the other edges";
  CHECK(world.status().reason == why);
  CHECK(world.verbs() == std::vector<std::string>{"begin r", "withdraw r: " + why});
  world.pass(std::chrono::minutes(2));
  CHECK(world.had["a"]);
  CHECK_FALSE(world.had["b"]);
  CHECK(world.address() == "192.0.2.1:80");
  CHECK(rollouts_reaching(world.first().mirror.objects(), "a", {{"provider", "acme"}}).empty());
}

TEST_CASE("an edge that can't take it up, or is lost with it, withdraws it") {
  World world;
  SUBCASE("refused") {
    world.refused_by = "a";
    world.write(rollout(web("192.0.2.2:80")));
    world.pass(std::chrono::seconds(5));
    const std::string said = world.status().reason;
    CHECK(said.starts_with("refused: a can't take it up: services/web: too new, xxxx"));
    CHECK(said.size() <= 4096);
  }
  SUBCASE("lost") {
    world.write(rollout(web("192.0.2.2:80")));
    world.pass(std::chrono::seconds(5));
    world.attached["a"] = false;
    world.first().fleet.detach("a");
    world.pass(std::chrono::seconds(3));
    CHECK(world.status().phase == RolloutPhase::kRunning);  // it may be starting anew
    world.pass(std::chrono::seconds(5));
    CHECK(world.status().reason == "lost: 1 of 1 edges that have it do not report any more, such as a");
  }
  CHECK(world.status().phase == RolloutPhase::kWithdrawn);
  CHECK_FALSE(world.had["b"]);
}

TEST_CASE("a controller that starts again goes on, and concludes nothing from who is not there yet") {
  World world;
  world.write(rollout(web("192.0.2.2:80")));
  world.pass(std::chrono::seconds(5));
  CHECK(world.status().wave == 1);
  world.controllers.clear();
  world.attached = {{"a", false}, {"b", false}};
  world.start();
  world.pass(std::chrono::minutes(5));
  CHECK(world.status().wave == 1);
  CHECK(world.status().reason == "for edges to report");
  world.attached["b"] = true;
  world.first().fleet.attach({.node = "b"});
  world.pass(std::chrono::minutes(5));
  CHECK(world.status().wave == 1);
  CHECK(world.status().reason == "no edge of the wave reports");
  CHECK_FALSE(world.had["b"]);
  world.attached["a"] = true;
  world.first().fleet.attach({.node = "a"});
  world.pass(std::chrono::minutes(2));
  CHECK(world.status().phase == RolloutPhase::kDone);
  CHECK(world.address() == "192.0.2.2:80");
}

TEST_CASE("when another controller leads, it goes on from there; who does not lead says the same") {
  World world;
  world.start(false);
  world.write(rollout(web("192.0.2.2:80")));
  world.pass(std::chrono::seconds(5));
  CHECK(world.status(1).phase == RolloutPhase::kRunning);
  CHECK(world.status(1).edges == world.status(0).edges);
  world.first().store.is_leader = false;
  world.pass(std::chrono::minutes(2));
  CHECK(world.status().wave == 1);  // nobody leads
  world.controllers[1]->store.is_leader = true;
  world.pass(std::chrono::minutes(2));
  CHECK(world.status().phase == RolloutPhase::kDone);
  CHECK(world.address() == "192.0.2.2:80");
}

TEST_CASE("two that believe they lead do each step once") {
  World world;
  world.start(true);
  world.write(rollout(web("192.0.2.2:80")));
  world.pass(std::chrono::minutes(2));
  CHECK(world.status().phase == RolloutPhase::kDone);
  CHECK(std::ranges::count(world.verbs(), "begin r") == 5);
  CHECK(std::ranges::count(world.verbs(), "update web") == 1);
}

TEST_CASE("an object that somebody else changes meanwhile stays as they made it") {
  World world;
  world.write(rollout(web("192.0.2.2:80")));
  world.pass(std::chrono::seconds(5));
  const store::Revision revision = world.write(parsed(web("192.0.2.3:80")));
  world.fake.advance(std::chrono::milliseconds(300));
  CHECK(world.status().phase == RolloutPhase::kWithdrawn);
  CHECK(world.status().reason ==
        "Service/web was changed since it began, at revision " + std::to_string(revision));
  world.pass(std::chrono::minutes(2));
  CHECK(world.address() == "192.0.2.3:80");
}

TEST_CASE("paused it holds for as long as wanted; deleted it is gone from every edge") {
  World world;
  world.write(rollout(web("192.0.2.2:80")));
  world.pass(std::chrono::seconds(5));
  Object paused = *world.read("rollouts/r");
  std::get<config::RolloutSpec>(paused.spec).paused = true;
  world.write(paused);
  world.pass(std::chrono::hours(1));
  CHECK(world.status().wave == 1);
  CHECK(world.status().reason == "it is paused");
  const config::Labels acme{{"provider", "acme"}};
  CHECK(rollouts_reaching(world.first().mirror.objects(), "a", acme) == std::vector<std::string>{"r"});
  SUBCASE("it goes on") {
    paused = *world.read("rollouts/r");
    std::get<config::RolloutSpec>(paused.spec).paused = false;
    world.write(paused);
    world.pass(std::chrono::minutes(2));
    CHECK(world.status().phase == RolloutPhase::kDone);
  }
  SUBCASE("it is deleted") {
    store::Transaction transaction;
    transaction.remove("rollouts/r");
    world.commit(std::move(transaction));
    world.pass(std::chrono::minutes(2));
    CHECK(rollouts_reaching(world.first().mirror.objects(), "a", acme).empty());
    CHECK(world.address() == "192.0.2.1:80");
    CHECK_FALSE(world.had["b"]);
  }
}

TEST_CASE("what does not fit never begins") {
  World world;
  world.write(
      rollout(R"({"kind":"LoadBalancer","metadata":{"name":"lb"},"spec":{"listeners":[{"protocol":"HTTP"}],
                          "routes":[{"backends":[{"service":"nowhere"}]}]}})"));
  world.pass(std::chrono::seconds(5));
  CHECK(world.status().phase == RolloutPhase::kRefused);
  CHECK(world.status().reason.contains("nowhere"));
  CHECK_FALSE(world.had["a"]);
}

TEST_CASE("objects are made and deleted by it, and new ones are as if somebody had made them") {
  World world;
  world.write(rollout(R"({"kind":"Service","metadata":{"name":"new","labels":{"x":"y"}},"spec":{}})",
                      R"(,"deletions":[{"kind":"Service","name":"web"}],"waves":[{"bake":"1s"}])"));
  world.pass(std::chrono::seconds(10));
  CHECK(world.status().phase == RolloutPhase::kDone);
  CHECK_FALSE(world.read("services/web"));
  const auto made = world.read("services/new");
  REQUIRE(made);
  CHECK(made->metadata.uid.size() == 32);
  CHECK(made->metadata.labels == config::Labels{{"x", "y"}});
  CHECK(made->metadata.created_at.has_value());
}

TEST_CASE("an edge that comes late in a wave gets the time to take it up") {
  World world;
  world.write(parsed(R"({"kind":"Edge","metadata":{"name":"c"},"spec":{"provider":"acme"}})"));
  world.write(rollout(web("192.0.2.2:80"), R"(,"waves":[{"bake":"10m"}])"));
  world.pass(std::chrono::minutes(5));
  CHECK(world.status().edges == "2/2");
  world.attached["c"] = true;
  world.first().fleet.attach({.node = "c"});
  world.fake.advance(std::chrono::seconds(2));  // it has said nothing yet
  CHECK(world.status().reason == "for c to have it");
  world.pass(std::chrono::minutes(6));
  CHECK(world.status().phase == RolloutPhase::kDone);
}

}  // namespace
}  // namespace weir::controller
