#include "lease/leases.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include "config/kinds.h"
#include "mirror/records.h"
#include "net/task_group.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"
#include "testing/store_around.h"

namespace weir::lease {
namespace {

using namespace std::chrono_literals;
using config::Kind;

// A store that another process may be the leader of.
class SharedStore final : public testing::StoreAround {
 public:
  using StoreAround::StoreAround;
  net::Task<store::Committed> commit(store::Transaction transaction) override {
    ++commits;
    return store_.commit(std::move(transaction));
  }
  int commits = 0;
};

struct World {
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore engine_store{*engine, fake.loop};
  SharedStore store{engine_store};
  mirror::Mirror mirror{store, fake.log};
  std::unique_ptr<Leases> leases = std::make_unique<Leases>(fake.env, store, mirror);

  void join(const std::string& name, const std::string& lease = "30s") {
    config::Object object;
    object.metadata = mirror::new_metadata(name, fake.env);
    config::EndpointSpec spec{.service = "web", .address = "10.0.0.1:80"};
    if (!lease.empty()) {
      spec.lease = std::chrono::seconds(std::stoi(lease));
      spec.expires_at = fake.loop.clock().wall_now() + std::chrono::seconds(std::stoi(lease));
    }
    object.spec = spec;
    put(object, 0);
  }
  void put(const config::Object& object, store::Revision expected) {
    store::Transaction transaction;
    transaction.put(mirror::key_of(Kind::kEndpoint, object.metadata.name), mirror::encode(object), expected);
    const auto committed = fake.run(store.commit(std::move(transaction)));
    REQUIRE((committed && *committed));
    store.commits = 0;
  }
  Result<WallTime> renew(const std::string& name) {
    const auto renewed = fake.run(leases->renew(name));
    REQUIRE(renewed);
    return *renewed;
  }
  std::size_t sweep() {
    const auto swept = fake.run(leases->sweep());
    REQUIRE((swept && *swept));
    return **swept;
  }
  config::ObjectPointer find(const std::string& name) {
    const auto read = fake.run(mirror.catch_up());
    REQUIRE((read && *read));
    return mirror.objects().find(Kind::kEndpoint, name);
  }
  // The newest.
  config::EventSpec event() {
    const auto page = fake.run(store.list(mirror::prefix_of(Kind::kEvent), "", 100));
    REQUIRE((page && *page));
    REQUIRE(!(*page)->entries.empty());
    const store::Entry& entry = (*page)->entries.back();
    return std::get<config::EventSpec>(mirror::decode(entry.value, entry.revision)->spec);
  }
  WallTime now() { return fake.loop.clock().wall_now(); }
};

TEST_CASE("an endpoint that nobody renews is removed when its lease ends, and an event says why") {
  World world;
  world.join("a");
  world.join("b");
  world.join("static", "");
  CHECK(world.sweep() == 0);
  world.fake.advance(29s);
  CHECK(world.sweep() == 0);
  REQUIRE(world.renew("b"));
  world.fake.advance(1s);
  CHECK(world.sweep() == 1);
  CHECK(world.find("a") == nullptr);
  CHECK(world.find("b") != nullptr);
  CHECK(world.find("static") != nullptr);
  const config::EventSpec event = world.event();
  CHECK(event.actor == "weir");
  CHECK(event.verb == "delete");
  CHECK(event.kind == "Endpoint");
  CHECK(event.name == "a");
  CHECK(event.reason.starts_with("lease of 30s ended: nobody has renewed it since "));
  CHECK(event.before.contains("10.0.0.1:80"));
  CHECK(event.after.empty());
  world.fake.advance(28s);
  CHECK(world.sweep() == 0);
  world.fake.advance(1s);
  CHECK(world.sweep() == 1);
  CHECK(world.event().name == "b");
}

TEST_CASE("a renewal writes nothing where this process leads, and is shown") {
  World world;
  world.join("a");
  CHECK(world.sweep() == 0);
  world.fake.advance(10s);
  const auto until = world.renew("a");
  REQUIRE(until);
  CHECK(*until == world.now() + 30s);
  CHECK(world.store.commits == 0);
  config::Object shown = *world.find("a");
  CHECK(*std::get<config::EndpointSpec>(shown.spec).expires_at == *until - 10s);
  world.leases->show(shown);
  CHECK(*std::get<config::EndpointSpec>(shown.spec).expires_at == *until);
}

TEST_CASE("where another process leads, a renewal is written once half of the lease is over") {
  World world;
  world.join("a");
  world.store.is_leader = false;
  world.fake.advance(10s);
  REQUIRE(world.renew("a"));
  CHECK(world.store.commits == 0);
  world.fake.advance(10s);
  const auto until = world.renew("a");
  REQUIRE(until);
  CHECK(world.store.commits == 1);
  CHECK(*std::get<config::EndpointSpec>(world.find("a")->spec).expires_at == *until);
  // Nor does it remove anything.
  world.fake.advance(100s);
  CHECK(world.sweep() == 0);
  CHECK(world.find("a") != nullptr);
}

TEST_CASE("who begins to lead gives everybody one whole lease") {
  World world;
  world.join("a");
  world.fake.advance(100s);  // nobody was there
  world.leases = std::make_unique<Leases>(world.fake.env, world.store, world.mirror);
  CHECK(world.sweep() == 0);
  world.fake.advance(29s);
  CHECK(world.sweep() == 0);
  world.fake.advance(1s);
  SUBCASE("and no more") { CHECK(world.sweep() == 1); }
  SUBCASE("also when it leads again") {
    world.store.is_leader = false;
    CHECK(world.sweep() == 0);
    world.store.is_leader = true;
    CHECK(world.sweep() == 0);
    world.fake.advance(30s);
    CHECK(world.sweep() == 1);
  }
}

TEST_CASE("what can't be renewed says why") {
  World world;
  world.join("static", "");
  CHECK(world.renew("gone").error().code == Code::kNotFound);
  CHECK(world.renew("static").error().code == Code::kInvalid);
}

TEST_CASE("one that comes again under the same name has a lease of its own") {
  World world;
  world.join("a");
  CHECK(world.sweep() == 0);
  world.fake.advance(30s);
  CHECK(world.sweep() == 1);
  world.join("a");
  world.fake.advance(29s);
  CHECK(world.sweep() == 0);
  world.fake.advance(1s);
  CHECK(world.sweep() == 1);
}

net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }

TEST_CASE("leases end by themselves, soon after their time") {
  World world;
  world.join("a", "1");
  net::TaskGroup tasks(world.fake.loop);
  tasks.spawn(world.leases->run());
  world.fake.run_until_idle();
  world.fake.advance(900ms);
  CHECK(world.find("a") != nullptr);
  world.fake.advance(400ms);
  CHECK(world.find("a") == nullptr);
  CHECK(world.fake.run(stop(tasks)));
}

}  // namespace
}  // namespace weir::lease
