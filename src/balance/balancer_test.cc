#include "balance/balancer.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mirror/records.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::balance {
namespace {

using config::Kind;
using namespace std::chrono_literals;

// A store that may lead or not, and that may be out of reach for writes.
class Store final : public store::Store {
 public:
  Store(store::Engine& engine, net::Loop& loop) : store_(engine, loop) {}
  net::Task<Result<store::Entry>> get(std::string key) override { return store_.get(std::move(key)); }
  net::Task<Result<store::Page>> list(std::string prefix, std::string after, std::size_t limit) override {
    return store_.list(std::move(prefix), std::move(after), limit);
  }
  net::Task<store::Committed> commit(store::Transaction transaction) override {
    if (is_reached) co_return co_await store_.commit(std::move(transaction));
    co_return std::unexpected(store::Refused{fail(Code::kConnectFailed, "out of reach").error(), 0});
  }
  net::Task<Result<store::Changes>> changes(store::Revision after, std::size_t limit) override {
    return store_.changes(after, limit);
  }
  net::Task<Result<store::Past>> before(store::Revision revision) override { return store_.before(revision); }
  net::Task<Result<store::Revision>> wait_past(store::Revision after, Duration timeout) override {
    return store_.wait_past(after, timeout);
  }
  bool leads() const override { return is_leader; }

  bool is_leader = true;
  bool is_reached = true;

 private:
  store::EngineStore store_;
};

config::Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
  return *object;
}

std::string record_set(const std::string& aws, const std::string& name = "www") {
  return R"({"kind":"RecordSet","metadata":{"name":")" + name + R"("},"spec":{"zone":"a.example","name":")" +
         name + R"(","type":"A","policy":"WEIGHTED","answers":[{"value":"192.0.2.1","provider":"aws"},
         {"value":"192.0.2.2","provider":"bolt"}],"balance":{"providers":[{"name":"aws",)" +
         aws + R"(},{"name":"bolt","price":"0.09"}]}}})";
}
const std::string kAws = R"("price":"0.05","capacity":1000)";

net::Task<void> stop(Balancer& balancer) { co_await balancer.stop(); }

struct World {
  World() {
    write(R"({"kind":"Zone","metadata":{"name":"a.example"},"spec":{"nameservers":["ns1.b.example"]}})");
    write(record_set(kAws));
    carry(400, 0);
    balancer.start();
  }
  ~World() { CHECK(fake.run(stop(balancer))); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void write(const std::string& json) {
    const config::Object object = parsed(json);
    store::Transaction transaction;
    transaction.put(mirror::key_of(object.kind(), object.metadata.name), mirror::encode(object));
    CHECK(fake.run(store.commit(std::move(transaction))));
  }
  void remove(Kind kind, const std::string& name) {
    store::Transaction transaction;
    transaction.remove(mirror::key_of(kind, name));
    CHECK(fake.run(store.commit(std::move(transaction))));
  }
  void carry(double aws, double bolt) { loads = {{"aws", {aws, {}}}, {"bolt", {bolt, {}}}}; }
  config::ObjectPointer stored(const std::string& name = "www") {
    CHECK(fake.run(mirror.catch_up()));
    return mirror.objects().find(Kind::kDnsWeights, name);
  }
  // "950/50"; "none": there is no object.
  std::string weights(const std::string& name = "www") {
    const auto object = stored(name);
    if (!object) return "none";
    std::string text;
    for (const auto& one : std::get<config::DnsWeightsSpec>(object->spec).providers) {
      text += (text.empty() ? "" : "/") + std::to_string(one.weight);
    }
    return text;
  }
  std::vector<config::EventSpec> events() {
    std::vector<config::EventSpec> all;
    const auto page = fake.run(store.list(mirror::prefix_of(Kind::kEvent), "", 100));
    REQUIRE(page);
    REQUIRE(*page);
    for (const auto& entry : (*page)->entries) {
      const auto object = mirror::decode(entry.value, entry.revision);
      REQUIRE(object);
      all.push_back(std::get<config::EventSpec>(object->spec));
    }
    return all;
  }
  std::string status() { return balancer.status_of(*stored()).reason; }

  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  Store store{*engine, fake.loop};
  mirror::Mirror mirror{store, fake.log};
  Loads loads;
  std::vector<Duration> spans;
  bool settled = true;
  Balancer balancer{fake.env,
                    store,
                    mirror,
                    {.loads =
                         [this](Duration span) {
                           spans.push_back(span);
                           return loads;
                         },
                     .settled = [this] { return settled; }}};
};

TEST_CASE("weights are computed, written with their reason, and computed anew at the interval") {
  World world;
  CHECK(world.weights() == "none");
  world.fake.advance(1s);
  CHECK(world.weights() == "950/50");
  const auto& spec = std::get<config::DnsWeightsSpec>(world.stored()->spec);
  CHECK(spec.zone == "a.example");
  CHECK(spec.computed_at == world.fake.clock.wall_now());
  CHECK(spec.providers.at(0) == config::ProviderWeight{"aws", 950, "0.05", 1000, 400});
  REQUIRE(world.events().size() == 1);
  CHECK(world.events()[0].actor == "weir");
  CHECK(world.events()[0].reason ==
        "aws 950 of 1000: 0.05 a unit, 400 of 1000 requests/s; bolt 50 of 1000: 0.09 a unit, 0 requests/s");
  CHECK(world.status().empty());
  CHECK(world.spans == std::vector<Duration>{30s});

  world.carry(1500, 100);  // 800 is what the first may carry, half of all
  world.fake.advance(29s);
  CHECK(world.weights() == "950/50");
  world.fake.advance(1s);
  CHECK(world.weights() == "500/500");
  CHECK(world.events().size() == 2);
}

TEST_CASE("the split itself moves nothing: only the load of all together counts") {
  World world;
  world.carry(950, 50);
  world.fake.advance(1s);
  CHECK(world.weights() == "800/200");
  for (const double aws : {0.0, 500.0, 800.0, 1000.0}) {
    world.carry(aws, 1000 - aws);
    world.fake.advance(30s);
    CHECK(world.weights() == "800/200");
  }
  CHECK(world.events().size() == 1);
}

TEST_CASE("small moves are not written") {
  World world;
  world.carry(1000, 0);
  world.fake.advance(1s);
  CHECK(world.weights() == "800/200");
  world.carry(1024, 0);  // 781
  world.fake.advance(30s);
  CHECK(world.weights() == "800/200");
  world.carry(1026, 0);  // 780
  world.fake.advance(30s);
  CHECK(world.weights() == "780/220");
}

TEST_CASE("a balance that is written anew counts at once") {
  World world;
  world.fake.advance(1s);
  CHECK(world.weights() == "950/50");
  world.write(record_set(R"("price":"0.10","capacity":1000)"));
  world.fake.advance(1s);
  CHECK(world.weights() == "50/950");
  world.write(record_set(R"("price":"0.11","capacity":1000)"));  // the same shares, by other numbers
  world.fake.advance(1s);
  CHECK(world.weights() == "50/950");
  CHECK(std::get<config::DnsWeightsSpec>(world.stored()->spec).providers[0].price == "0.11");
}

TEST_CASE("who is not known decides nothing, and it is said") {
  World world;
  world.loads.erase("bolt");
  world.fake.advance(10s);
  CHECK(world.weights() == "none");
  CHECK(world.fake.log.count("weights of DNS answers stay as they are") == 1);
  world.carry(400, 0);
  world.fake.advance(1s);
  CHECK(world.weights() == "950/50");
  world.carry(4000, 0);
  world.loads["aws"].unknown = "the edge a has not said for 15 s what it carries";
  world.fake.advance(1min);
  CHECK(world.weights() == "950/50");
  CHECK(world.status() == "the edge a has not said for 15 s what it carries");
  world.loads.erase("aws");
  world.fake.advance(1s);
  CHECK(world.status() == "no edge of the provider aws is attached");
  world.carry(1600, 0);
  world.settled = false;
  world.fake.advance(1s);
  CHECK(world.status() == "edges are still coming");
  world.settled = true;
  world.fake.advance(1s);
  CHECK(world.weights() == "500/500");
  CHECK(world.status().empty());
}

TEST_CASE("only who leads computes, and goes on from what is there") {
  World world;
  world.store.is_leader = false;
  world.fake.advance(1min);
  CHECK(world.weights() == "none");
  world.store.is_leader = true;
  world.fake.advance(1s);
  CHECK(world.weights() == "950/50");
  world.store.is_leader = false;
  world.fake.advance(1s);
  CHECK(world.status() == "another controller leads, and computes them");
  world.carry(1600, 0);
  world.store.is_leader = true;
  world.fake.advance(10s);  // not before the interval after the last
  CHECK(world.weights() == "950/50");
  world.fake.advance(20s);
  CHECK(world.weights() == "500/500");
}

TEST_CASE("weights of a RecordSet that is gone, or without a balance, go") {
  World world;
  world.write(record_set(kAws, "other"));
  world.fake.advance(1s);
  CHECK(world.weights() == "950/50");
  CHECK(world.weights("other") == "950/50");
  world.remove(Kind::kRecordSet, "www");
  world.fake.advance(1s);
  CHECK(world.weights() == "none");
  world.write(R"({"kind":"RecordSet","metadata":{"name":"other"},"spec":{"zone":"a.example","name":"other",
      "type":"A","values":["192.0.2.1"]}})");
  world.fake.advance(1s);
  CHECK(world.weights("other") == "none");
  CHECK(world.events().back().verb == "delete");
  CHECK(world.events().back().reason == "no RecordSet of that name has a balance");
}

TEST_CASE("what could not be written is tried again") {
  World world;
  world.store.is_reached = false;
  world.fake.advance(1s);
  CHECK(world.weights() == "none");
  CHECK(world.fake.log.count("weights of DNS answers can't be written") == 1);
  world.store.is_reached = true;
  world.fake.advance(1s);
  CHECK(world.weights() == "950/50");
}

}  // namespace
}  // namespace weir::balance
