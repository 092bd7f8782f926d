#include "controller/controller.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "auth/token.h"
#include "controller/own_objects.h"
#include "controller/views.h"
#include "mirror/mirror.h"
#include "mirror/records.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "testing/store_around.h"
#include "translation/own.h"

namespace weir::controller {
namespace {

using config::Kind;
using config::Object;
using mirror::decode;
using mirror::encode;
using mirror::key_of;

auth::IssuedToken token_of(int fill) {
  std::array<std::byte, auth::kTokenEntropyBytes> entropy{};
  entropy.fill(static_cast<std::byte>(fill));
  return auth::make_token(entropy);
}

Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE(object);
  return *object;
}

Object service(const std::string& name, const std::string& address) {
  return parsed(R"({"kind":"Service","metadata":{"name":")" + name +
                R"("},"spec":{"endpoints":[{"address":")" + address + R"("}]}})");
}

Object balancer(const std::string& name, const std::string& to, const std::string& edges = "{}") {
  return parsed(R"({"kind":"LoadBalancer","metadata":{"name":")" + name +
                R"("},"spec":{"listeners":[{"protocol":"HTTP","hostnames":[")" + name +
                R"(.example"]}],"routes":[{"backends":[{"service":")" + to + R"("}]}],"edges":)" + edges +
                "}}");
}

net::Task<void> stop(Controller& controller) { co_await controller.stop(); }

class World {
 public:
  testing::FakeEnv fake;

 private:
  std::unique_ptr<store::Engine> engine_ = *store::Engine::open({.directory = {}, .threaded = false});

 public:
  store::EngineStore store{*engine_, fake.loop};
  mirror::Mirror mirror{store, fake.log};
  auth::TokenTable tokens;
  std::vector<config::SnapshotPointer> snapshots;
  store::Revision settled = 0;
  config::SnapshotPointer started_from;

  store::Engine& engine() { return *engine_; }

  std::unique_ptr<Controller> start() {
    auto controller = std::make_unique<Controller>(
        fake.env, store, mirror, tokens,
        PublisherOptions{.edge_name = "here",
                         .edge = {.provider = "acme", .region = "eu", .city = "fra", .version = "1.2.3"},
                         .started_from = started_from},
        PublisherSinks{
            .snapshot = [this](config::SnapshotPointer one) { snapshots.push_back(std::move(one)); },
            .settled = [this](store::Revision revision) { settled = revision; }});
    controller->start();
    fake.run_until_idle();
    return controller;
  }
  void end(std::unique_ptr<Controller> controller) { CHECK(fake.run(stop(*controller))); }

  store::Revision write(const std::vector<Object>& objects) {
    store::Transaction transaction;
    for (const Object& object : objects) {
      transaction.put(key_of(object.kind(), object.metadata.name), encode(object));
    }
    return commit(std::move(transaction));
  }
  store::Revision remove(Kind kind, const std::string& name) {
    store::Transaction transaction;
    transaction.remove(key_of(kind, name));
    return commit(std::move(transaction));
  }
  store::Revision commit(store::Transaction transaction) {
    const auto committed = fake.run(store.commit(std::move(transaction)));
    REQUIRE((committed && *committed));
    fake.run_until_idle();
    return **committed;
  }
  std::vector<std::string> keys(const std::string& prefix) {
    const auto page = fake.run(store.list(prefix, "", 10'000));
    REQUIRE((page && *page));
    std::vector<std::string> all;
    for (const store::Entry& entry : (*page)->entries) all.push_back(entry.key);
    return all;
  }
  Object edge() {
    const auto entry = fake.run(store.get("edges/here"));
    REQUIRE((entry && *entry));
    return *decode((*entry)->value, (*entry)->revision);
  }
};

TEST_CASE("what the store has is published, and every change after it") {
  World world;
  world.write({service("web", "127.0.0.1:1"), balancer("lb", "web")});
  auto controller = world.start();
  REQUIRE_FALSE(world.snapshots.empty());
  CHECK(world.snapshots.front()->load_balancers.size() == 1);
  CHECK(world.snapshots.front()->services[0]->endpoints[0].key == "127.0.0.1:1");
  CHECK(controller->publisher().has_published());

  const std::size_t before = world.snapshots.size();
  const store::Revision revision = world.write({service("web", "127.0.0.1:2")});
  REQUIRE(world.snapshots.size() == before + 1);
  CHECK(world.snapshots.back()->revision == revision);
  CHECK(world.snapshots.back()->services[0]->endpoints[0].key == "127.0.0.1:2");
  CHECK(world.settled == revision);
  CHECK(world.snapshots.front()->services[0]->endpoints[0].key == "127.0.0.1:1");  // who has it keeps it

  world.remove(Kind::kLoadBalancer, "lb");
  CHECK(world.snapshots.back()->load_balancers.empty());
  world.end(std::move(controller));
}

// A store whose notifications are lost.
class DeafStore final : public testing::StoreAround {
 public:
  DeafStore(store::Store& store, net::Loop& loop) : StoreAround(store), loop_(loop) {}
  net::Task<Result<store::Revision>> wait_past(store::Revision /*after*/, Duration timeout) override {
    if (const auto slept = co_await loop_.sleep(timeout); !slept) co_return fail(slept.error());
    co_return fail(Code::kTimedOut, "nobody told");
  }

 private:
  net::Loop& loop_;
};

TEST_CASE("what another task brings the mirror to is told at once: no view has more than its revision") {
  World world;
  store::EngineStore near(world.engine(), world.fake.loop);
  DeafStore deaf(near, world.fake.loop);
  mirror::Mirror mirror(deaf, world.fake.log);
  Views views(mirror.objects());
  store::Revision settled = 0;
  Controller controller(world.fake.env, deaf, mirror, world.tokens, {},
                        {.snapshot = {},
                         .changed = [&views](std::span<const config::ObjectChange> changes,
                                             store::Revision revision) { views.apply(changes, revision); },
                         .settled = [&settled](store::Revision revision) { settled = revision; }});
  world.write({service("web", "127.0.0.1:1"), balancer("lb", "web"),
               parsed(R"({"kind":"Edge","metadata":{"name":"e1"},"spec":{}})")});
  controller.start();
  world.fake.run_until_idle();
  REQUIRE(settled == 1);

  const store::Revision revision = world.write({balancer("more", "web")});
  CHECK(settled == 1);
  CHECK(world.fake.run(mirror.catch_up()));
  CHECK(settled == revision);
  // Made now, of the objects as they are.
  const xds::Catalog& told =
      *views.catalog_for({.id = "e1", .cluster = {}, .user_agent = "weir 1", .metadata = {}});
  const auto resource = [&told](std::string_view name) {
    return told.resource(xds::Type::kObject, told.names().slot(xds::Type::kObject, name));
  };
  CHECK(resource("loadbalancers/more") != nullptr);
  CHECK(translation::read_revision(resource(xds::kRevisionName)->body) == revision);
  CHECK(world.fake.run(stop(controller)));
}

TEST_CASE("an empty store is a snapshot too") {
  World world;
  auto controller = world.start();
  REQUIRE_FALSE(world.snapshots.empty());
  CHECK(world.snapshots.front()->load_balancers.empty());
  CHECK(controller->publisher().has_published());
  world.end(std::move(controller));
}

TEST_CASE("what an edge does not carry makes no snapshot, but settles") {
  World world;
  auto controller = world.start();
  const std::size_t before = world.snapshots.size();
  const store::Revision revision =
      world.write({parsed(R"({"kind":"Event","metadata":{"name":"1-1"},"spec":{"verb":"create"}})")});
  CHECK(world.snapshots.size() == before);
  CHECK(world.settled == revision);
  world.end(std::move(controller));
}

TEST_CASE("a workload makes a snapshot when it says something else of its services, and not else") {
  World world;
  auto controller = world.start();
  const auto workload = [&world](const std::string& anycast, const std::string& image) {
    world.write({parsed(R"({"kind":"Workload","metadata":{"name":"shop"},"spec":{"anycast":)" + anycast +
                        R"(,"containers":[{"name":"app","image":")" + image +
                        R"(","ports":[{"port":80,"service":"web"}]}],"targets":[{"name":"all"}]}})")});
  };
  world.write({service("web", "10.0.0.1:80")});
  const std::size_t before = world.snapshots.size();
  workload("true", "x:1");
  REQUIRE(world.snapshots.size() == before + 1);
  CHECK(world.snapshots.back()->find_service("web")->anycast);
  workload("true", "x:2");
  CHECK(world.snapshots.size() == before + 1);
  workload("false", "x:2");
  REQUIRE(world.snapshots.size() == before + 2);
  CHECK_FALSE(world.snapshots.back()->find_service("web")->anycast);
  world.end(std::move(controller));
}

TEST_CASE("a burst of changes is at most one build for each wake") {
  World world;
  auto controller = world.start();
  const std::uint64_t before = controller->publisher().builds();
  store::Transaction transaction;
  for (int i = 0; i < 3000; ++i) {
    const Object one = service("s" + std::to_string(i), "127.0.0.1:1");
    transaction.put(key_of(one.kind(), one.metadata.name), encode(one));
  }
  world.commit(std::move(transaction));
  CHECK(controller->publisher().builds() == before + 1);
  CHECK(world.snapshots.back()->services.size() == 3000);
  world.end(std::move(controller));
}

TEST_CASE("objects that do not fit together leave the last snapshot in place") {
  World world;
  world.write({service("web", "127.0.0.1:1"), balancer("lb", "web")});
  auto controller = world.start();
  const std::size_t before = world.snapshots.size();
  const Object lb = balancer("other", "missing");
  const store::Revision revision = world.write({lb});
  CHECK(world.snapshots.size() == before);
  CHECK(controller->publisher().failures() == 1);
  CHECK(world.fake.log.count("the last snapshot stays: the objects do not fit together") == 1);
  CHECK(controller->publisher().published() < revision);
  world.write({service("missing", "127.0.0.1:9")});
  CHECK(world.snapshots.size() == before + 1);
  CHECK(controller->publisher().published() > revision);
  world.end(std::move(controller));
}

TEST_CASE("an object that can't be read is passed over, and told") {
  World world;
  store::Transaction transaction;
  transaction.put("services/odd", "{\"kind\":\"Service\"");
  const Object web = service("web", "127.0.0.1:1");
  transaction.put("services/web", encode(web));
  world.commit(std::move(transaction));
  auto controller = world.start();
  REQUIRE_FALSE(world.snapshots.empty());
  CHECK(world.snapshots.back()->services.size() == 1);
  CHECK(world.fake.log.text().find("services/odd") != std::string::npos);
  world.end(std::move(controller));
}

TEST_CASE("an edge gets the load balancers that select it, also by labels given to it later") {
  World world;
  world.write({service("web", "127.0.0.1:1"), balancer("fra", "web", R"({"match":{"city":"fra"}})"),
               balancer("ams", "web", R"({"match":{"city":"ams"}})"),
               balancer("gold", "web", R"({"match":{"tier":"gold"}})")});
  auto controller = world.start();
  REQUIRE_FALSE(world.snapshots.empty());
  REQUIRE(world.snapshots.front()->load_balancers.size() == 1);
  CHECK(world.snapshots.front()->load_balancers[0]->name == "fra");
  Object edge = world.edge();
  edge.metadata.labels["tier"] = "gold";
  world.write({edge});
  CHECK(world.snapshots.back()->load_balancers.size() == 2);
  world.end(std::move(controller));
}

TEST_CASE("what an edge keeps on disk is what it carries, and it goes on from there") {
  World world;
  world.write({service("web", "127.0.0.1:1"), balancer("fra", "web", R"({"match":{"city":"fra"}})"),
               balancer("ams", "web", R"({"match":{"city":"ams"}})"),
               parsed(R"({"kind":"Secret","metadata":{"name":"s","uid":"1"},"spec":{"values":{"k":"v"}}})"),
               parsed(R"({"kind":"Token","metadata":{"name":"t"},"spec":{"hash":"abcdef"}})")});
  world.end(world.start());
  const config::Snapshot& published = *world.snapshots.back();
  const std::string kept = config::snapshot_text(published);
  CHECK_FALSE(kept.contains("ams"));
  CHECK_FALSE(kept.contains("abcdef"));
  const auto read = config::read_snapshot(kept);
  REQUIRE_MESSAGE(read.has_value(), config::to_text(read.error()));
  CHECK((*read)->revision == published.revision);
  REQUIRE((*read)->load_balancers.size() == 1);
  CHECK(*(*read)->load_balancers[0] == *published.load_balancers[0]);
  CHECK(*(*read)->services.at(0) == *published.services.at(0));

  world.started_from = *read;
  world.snapshots.clear();
  world.end(world.start());
  REQUIRE_FALSE(world.snapshots.empty());
  CHECK(world.snapshots.back()->secrets.at(0) == (*read)->secrets.at(0));  // the very object
  CHECK(world.snapshots.back()->services.at(0) == (*read)->services.at(0));
}

TEST_CASE("tokens follow the store") {
  World world;
  const WallTime now = world.fake.clock.wall_now();
  auto controller = world.start();
  CHECK_FALSE(world.tokens.verify(token_of(2).text, now));
  world.write({parsed(R"({"kind":"Token","metadata":{"name":"t"},"spec":{"role":"viewer","hash":")" +
                      token_of(2).hash.to_text() + R"(","expires_at":"2026-01-01T01:00:00Z"}})"),
               parsed(R"({"kind":"Token","metadata":{"name":"odd"},"spec":{"hash":"x"}})")});
  CHECK(*world.tokens.verify(token_of(2).text, now) == auth::Identity{"t", auth::Role::kViewer});
  CHECK_FALSE(world.tokens.verify(token_of(2).text, now + std::chrono::hours(1)));
  world.remove(Kind::kToken, "t");
  CHECK_FALSE(world.tokens.verify(token_of(2).text, now));
  world.end(std::move(controller));
}

TEST_CASE("who can read the admin token's file is the administrator") {
  World world;
  const auto keep = [&world](int fill) {
    const auto kept = world.fake.run(keep_admin_object(world.fake.env, world.store, token_of(fill).text));
    REQUIRE((kept && *kept));
    CHECK(**kept == "admin");
  };
  auto controller = world.start();
  const WallTime now = world.fake.clock.wall_now();
  const auto role = [&](int fill) {
    world.fake.run_until_idle();
    const auto identity = world.tokens.verify(token_of(fill).text, now);
    return identity ? std::string(auth::name_of(identity->role)) : "none";
  };
  keep(1);
  CHECK(role(1) == "admin");
  const auto before = world.fake.run(world.store.get("tokens/admin"));
  keep(1);
  CHECK(**world.fake.run(world.store.get("tokens/admin")) == **before);  // nothing to do
  keep(2);                                                               // another file
  CHECK(role(1) == "none");
  CHECK(role(2) == "admin");
  world.write({parsed(R"({"kind":"Token","metadata":{"name":"admin"},"spec":{"role":"viewer","hash":")" +
                      token_of(2).hash.to_text() + R"("}})")});
  CHECK(role(2) == "viewer");
  keep(2);
  CHECK(role(2) == "admin");
  CHECK(world.fake.log.text().find(token_of(2).text) == std::string::npos);
  world.end(std::move(controller));
}

TEST_CASE("controllers that share a store let in whoever has the admin token of one of them") {
  World world;
  const auto keep = [&world](int fill, const std::string& machine, const std::string& directory) {
    const auto kept = world.fake.run(
        keep_admin_object(world.fake.env, world.store, token_of(fill).text, AdminPlace{machine, directory}));
    REQUIRE((kept && *kept));
    return **kept;
  };
  auto controller = world.start();
  const auto lets_in = [&](int fill) {
    world.fake.run_until_idle();
    return world.tokens.verify(token_of(fill).text, world.fake.clock.wall_now()).has_value();
  };
  CHECK(keep(1, "fra", "/var/lib/weir") == "admin-fra");
  CHECK(keep(2, "ams", "/var/lib/weir") == "admin-ams");
  CHECK(keep(3, "fra", "/srv/weir") == "admin-fra-2");  // another data directory there
  CHECK((lets_in(1) && lets_in(2) && lets_in(3)));
  CHECK(keep(1, "lon", "/var/lib/weir") == "admin-fra");  // the same file, given to another one
  CHECK(keep(4, "fra", "/srv/weir") == "admin-fra-2");    // another file
  CHECK((lets_in(1) && lets_in(2) && !lets_in(3) && lets_in(4)));
  CHECK(world.keys("tokens/") ==
        std::vector<std::string>{"tokens/admin-ams", "tokens/admin-fra", "tokens/admin-fra-2"});
  // One that had the store alone before.
  world.write({parsed(R"({"kind":"Token","metadata":{"name":"admin"},"spec":{"role":"admin","hash":")" +
                      token_of(5).hash.to_text() + R"("}})")});
  CHECK(keep(5, "fra", "/var/lib/weir") == "admin");
  CHECK((lets_in(1) && lets_in(5)));
  world.end(std::move(controller));
}

TEST_CASE("an edge registers itself once, and again when it has become another") {
  World world;
  world.end(world.start());
  const Object first = world.edge();
  CHECK(std::get<config::EdgeSpec>(first.spec).city == "fra");
  CHECK(std::get<config::EdgeSpec>(first.spec).version == "1.2.3");
  CHECK(first.metadata.uid.size() == 32);
  world.end(world.start());
  CHECK(world.edge() == first);

  Object older = first;
  std::get<config::EdgeSpec>(older.spec).version = "1.2.2";
  older.metadata.labels["tier"] = "gold";
  world.write({older});
  world.end(world.start());
  CHECK(std::get<config::EdgeSpec>(world.edge().spec).version == "1.2.3");
  CHECK(world.edge().metadata.labels == config::Labels{{"tier", "gold"}});
  CHECK(world.edge().metadata.uid == first.metadata.uid);
}

TEST_CASE("the newest events are kept") {
  World world;
  store::Transaction transaction;
  for (int i = 1000; i < 3000; ++i) transaction.put("events/1-" + std::to_string(i), "{}");
  world.commit(std::move(transaction));
  EventRetention retention(world.fake.env, world.store, 600);
  const auto deleted = world.fake.run(retention.sweep());
  REQUIRE((deleted && *deleted));
  CHECK(**deleted == 1400);
  const auto left = world.keys("events/");
  REQUIRE(left.size() == 600);
  CHECK(left.front() == "events/1-2400");
  CHECK(left.back() == "events/1-2999");
  CHECK(**world.fake.run(retention.sweep()) == 0);
}

TEST_CASE("retention looks again when the store has moved") {
  World world;
  auto controller = world.start();
  store::Transaction transaction;
  for (int i = 0; i < 10'500; ++i) transaction.put("events/1-" + std::to_string(100'000 + i), "{}");
  world.commit(std::move(transaction));
  world.fake.advance(kRetentionInterval + std::chrono::seconds(1));
  CHECK(world.keys("events/").front() == "events/1-100500");
  world.end(std::move(controller));
}

TEST_CASE("metrics tell which snapshot is out") {
  World world;
  auto controller = world.start();
  const store::Revision revision = world.write({service("web", "127.0.0.1:1")});
  std::string text;
  controller->write_metrics(text);
  CHECK(text.find("\nweir_snapshot_revision " + std::to_string(revision) + "\n") != std::string::npos);
  world.end(std::move(controller));
}

}  // namespace
}  // namespace weir::controller
