#include "xds/server.h"

#include "xds/limits.h"
#include "xds/xds_fixture.h"

namespace weir::xds {
namespace {

using Lines = std::vector<std::string>;

struct World {
  testing::FakeEnv fake;
  Names names;
  Catalog catalog{names};
  Sayings sayings;
  std::unique_ptr<Controller> first = std::make_unique<Controller>(fake, sayings, catalog, "127.0.0.1:18000");
  std::unique_ptr<Controller> second;
  net::TaskGroup tasks{fake.loop};
  std::vector<std::unique_ptr<Edge>> edges;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Had> had;  // by clients to come

  ~World() {
    CHECK(fake.run([](net::TaskGroup& group) -> net::Task<void> { co_await group.stop(); }(tasks), 60s));
  }
  Edge& edge(const std::string& id, std::vector<Wanted> wanted) {
    std::vector<grpc::Dialler::Target> targets;
    if (first) targets.push_back(first->target());
    if (second) targets.push_back(second->target());
    edges.push_back(std::make_unique<Edge>());
    clients.push_back(std::make_unique<Client>(
        fake.env, *edges.back(),
        Client::Options{
            .node = {id, "", "weir"}, .controllers = targets, .wanted = std::move(wanted), .had = had}));
    tasks.spawn(clients.back()->run());
    fake.run_until_idle();
    return *edges.back();
  }
  void apply(const std::vector<Change>& changes) {
    catalog.apply(changes);
    fake.run_until_idle();
  }
};

TEST_CASE("weir's own edge: all objects as one whole, then what changes, and what goes") {
  World world;
  world.apply({put(Type::kObject, kRevisionName, "r1"), put(Type::kObject, "services/a", "1"),
               put(Type::kObject, "services/b", "1")});
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}, {Type::kHealth, {"*"}}});
  CHECK(edge.take() == Lines{"object services/a=1 services/b=1 revision=r1", "health"});
  CHECK(edge.controller == 0U);
  CHECK(world.sayings.take() == "fra-1 has object revision=r1 services/a=1 services/b=1\n");
  world.apply({put(Type::kObject, "services/a", "2"), gone(Type::kObject, "services/b"),
               put(Type::kObject, kRevisionName, "r2")});
  CHECK(edge.take() == Lines{"object -services/b services/a=2 revision=r2"});
  world.apply({put(Type::kHealth, "web", "down")});
  CHECK(edge.take() == Lines{"health web=down"});
  world.apply({put(Type::kHealth, "web", "down")});
  CHECK(edge.take().empty());
}

TEST_CASE("an edge is handed a whole only, in however many responses it comes") {
  World world;
  std::vector<Change> changes{put(Type::kObject, kRevisionName, "r1")};
  for (int i = 0; i < 30; ++i) {
    changes.push_back(put(Type::kObject, "services/" + std::to_string(i), std::string(100'000, 'x')));
  }
  world.apply(changes);
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  const Lines handed = edge.take();
  REQUIRE(handed.size() == 1);
  CHECK(handed[0].ends_with(" revision=r1"));
  CHECK(edge.has.size() == 31);
  CHECK(world.first->discovery.counters().responses.get() >= 3);
}

TEST_CASE("what an edge refuses is named to the controller, and the rest goes on") {
  World world;
  world.apply({put(Type::kObject, kRevisionName, "r1"), put(Type::kObject, "services/a", "1")});
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  edge.bad = "bad";
  (void)world.sayings.take();
  world.apply({put(Type::kObject, "services/a", "bad"), put(Type::kObject, "services/b", "1"),
               put(Type::kObject, kRevisionName, "r2")});
  CHECK(edge.has == std::map<std::string, std::string>{
                        {"object revision", "r2"}, {"object services/a", "1"}, {"object services/b", "1"}});
  CHECK(world.sayings.take().contains("fra-1 refuses object services/services/a: cannot take services/a\n"));
  world.apply({put(Type::kObject, "services/a", "2"), put(Type::kObject, kRevisionName, "r3")});
  CHECK(edge.has["object services/a"] == "2");
}

TEST_CASE("a removal that came with what is refused is in force when that is found out") {
  World world;
  world.apply({put(Type::kObject, kRevisionName, "r1"), put(Type::kObject, "services/a", "1"),
               put(Type::kObject, "services/b", "1")});
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  edge.bad = "bad";
  world.apply({put(Type::kObject, "services/a", "bad"), gone(Type::kObject, "services/b"),
               put(Type::kObject, kRevisionName, "r2")});
  CHECK(edge.has ==
        std::map<std::string, std::string>{{"object revision", "r2"}, {"object services/a", "1"}});
  CHECK(edge.handed.back() == "object -services/b revision=r2");
}

TEST_CASE("after a new attachment only the difference comes") {
  World world;
  world.apply({put(Type::kObject, kRevisionName, "r1"), put(Type::kObject, "services/a", "1"),
               put(Type::kObject, "services/b", "1")});
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  (void)edge.take();
  world.fake.network.cut(*net::Address::parse("127.0.0.1:18000"));
  world.fake.run_until_idle();
  CHECK_FALSE(edge.controller.has_value());
  world.apply({gone(Type::kObject, "services/b"), put(Type::kObject, kRevisionName, "r2")});
  world.fake.advance(1s);
  CHECK(edge.take() == Lines{"object -services/b revision=r2"});
  CHECK(edge.attachments == 2);
  // Where nothing is different, it is attached all the same.
  world.fake.network.cut(*net::Address::parse("127.0.0.1:18000"));
  world.fake.advance(1s);
  CHECK(edge.take().empty());
  CHECK(edge.attachments == 3);
  CHECK(edge.controller == 0U);
}

TEST_CASE("an edge whose controller dies or falls silent is with another one within two seconds") {
  World world;
  world.second = std::make_unique<Controller>(world.fake, world.sayings, world.catalog, "127.0.0.2:18000");
  world.apply({put(Type::kObject, kRevisionName, "r1")});
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  REQUIRE(edge.controller.has_value());
  const std::size_t before = *edge.controller;
  (before == 0 ? world.first : world.second)->stop();
  world.apply({put(Type::kObject, kRevisionName, "r2")});
  CHECK(edge.controller == 1 - before);
  CHECK(edge.has["object revision"] == "r2");
}

TEST_CASE("an edge whose controller falls silent is with another one within two seconds") {
  World world;
  world.second = std::make_unique<Controller>(world.fake, world.sayings, world.catalog, "127.0.0.2:18000");
  world.apply({put(Type::kObject, kRevisionName, "r1")});
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  const std::size_t before = edge.controller.value();
  const net::Address silent = *net::Address::parse(before == 0 ? "127.0.0.1:18000" : "127.0.0.2:18000");
  world.fake.network.pause(silent, testing::Way::kFromListener);
  world.fake.network.blackhole(silent);
  world.apply({put(Type::kObject, kRevisionName, "r2")});
  CHECK(edge.has["object revision"] == "r1");
  world.fake.advance(2s);
  CHECK(edge.controller == 1 - before);
  CHECK(edge.has["object revision"] == "r2");
}

TEST_CASE("what an edge had from an earlier life is replaced, and it is told what of it is gone") {
  World world;
  world.apply({put(Type::kObject, kRevisionName, "r2"), put(Type::kObject, "services/a", "2")});
  world.had = {{Type::kObject, "services/a"}, {Type::kObject, "services/b"}};
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  CHECK(edge.take() == Lines{"object -services/b services/a=2 revision=r2"});
}

TEST_CASE("an edge asks by and by for what it is led to, and no more for what it is not") {
  World world;
  world.apply({put(Type::kCluster, "web", "1"), put(Type::kEndpoints, "one", "e1"),
               put(Type::kEndpoints, "two", "e2")});
  Edge& edge = world.edge("fra-1", {{Type::kCluster, {}}});
  CHECK(edge.take() == Lines{"cluster web=1"});
  edge.on_apply = [&world](Type type) {
    if (type == Type::kCluster) world.clients[0]->want(Type::kEndpoints, {"one"});
  };
  world.apply({put(Type::kCluster, "web", "2")});
  CHECK(edge.take() == Lines{"cluster web=2", "endpoints one=e1"});
  edge.on_apply = [&world](Type type) {
    if (type == Type::kCluster) world.clients[0]->want(Type::kEndpoints, {"two"});
  };
  world.apply({put(Type::kCluster, "web", "3")});
  CHECK(edge.take() == Lines{"cluster web=3", "endpoints two=e2"});
  world.apply({put(Type::kEndpoints, "one", "e3")});
  CHECK(edge.take().empty());
  // On a new stream, the same is wanted.
  world.fake.network.cut(*net::Address::parse("127.0.0.1:18000"));
  world.fake.run_until_idle();
  world.apply({put(Type::kEndpoints, "two", "e4")});
  world.fake.advance(1s);
  CHECK(edge.take() == Lines{"endpoints two=e4"});
}

TEST_CASE("a node that is not served is told so, and hurts nobody") {
  World world;
  world.apply({put(Type::kObject, kRevisionName, "r1")});
  world.edge("stranger", {{Type::kObject, {"*"}}});
  CHECK(world.edges[0]->attachments == 0);
  CHECK(world.clients[0]->trouble() == "this node is not served here");
  CHECK(world.edge("fra-1", {{Type::kObject, {"*"}}}).attachments == 1);
}

TEST_CASE("many that want much at once take turns, and each gets all of it") {
  World world;
  std::vector<Change> changes{put(Type::kObject, kRevisionName, "r1")};
  for (std::size_t i = 0; i <= kBulkResources; ++i) {
    changes.push_back(put(Type::kObject, "services/" + std::to_string(i), std::string(500, 'x')));
  }
  for (std::size_t i = 0; i < 3 * kBulkStreamsMax; ++i) {
    world.edge("edge-" + std::to_string(i), {{Type::kObject, {"*"}}});
  }
  world.apply(changes);
  for (const auto& edge : world.edges) REQUIRE(edge->has.size() == changes.size());
}

// A client by hand: it asks, and what it does then is the test's.
struct Raw {
  Raw(World& its_world, const std::string& node)
      : world(its_world), dialler(world.fake.env, world.first->target()) {
    call = *std::move(*world.fake.run(
        channel.call("/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", {},
                     std::nullopt)));
    say({.type_url = std::string(info_of(Type::kObject).url), .node = Node{node, "", ""}});
  }
  ~Raw() {
    call.reset();
    CHECK(world.fake.run(channel.close(), 60s));
  }
  void say(const Request& request) { CHECK(world.fake.run(call->write(encode(request)))); }
  // The status, once the call has ended by itself.
  std::string end() {
    while (auto message = world.fake.run(call->read())) {
      if (!*message || !**message)
        return std::string(name_of(call->status().code)) + " " + call->status().message;
    }
    return "open";
  }
  World& world;
  grpc::Dialler dialler;
  grpc::Channel channel{world.fake.loop, dialler, {.authority = "c", .scheme = "http"}};
  std::unique_ptr<grpc::ClientCall> call;
};

TEST_CASE("a client that never answers is ended after a while, and hurts nobody meanwhile") {
  World world;
  world.apply({put(Type::kObject, kRevisionName, "r1")});
  Raw silent(world, "silent");
  Edge& edge = world.edge("fra-1", {{Type::kObject, {"*"}}});
  world.apply({put(Type::kObject, kRevisionName, "r2")});
  CHECK(edge.has["object revision"] == "r2");
  world.fake.advance(kAnswerTimeout + 10ms);
  CHECK(silent.end() == "DEADLINE_EXCEEDED no answer to a response");
  CHECK(world.first->ended == Lines{"silent: no answer to a response"});
  CHECK(edge.controller == 0U);
}

TEST_CASE("a client that says what is no request, no node, or too much, is told so") {
  World world;
  Raw nonsense(world, "n");
  CHECK(world.fake.run(nonsense.call->write("\x0a\xff")));
  CHECK(nonsense.end() == "INVALID_ARGUMENT not a request of discovery");
  Raw nobody(world, "");
  CHECK(nobody.end() == "INVALID_ARGUMENT the first request of a stream needs a node with an id");
  Raw greedy(world, "g");
  Request request{.type_url = std::string(info_of(Type::kSecret).url)};
  for (std::size_t i = 0; i <= kNamesMax; ++i) request.names.push_back("s" + std::to_string(i));
  greedy.say(request);
  CHECK(greedy.end() == "RESOURCE_EXHAUSTED the stream names too many resources of one type");
  CHECK(world.first->ended == Lines{"n: not a request of discovery",
                                    "nobody: the first request of a stream needs a node with an id",
                                    "g: the stream names too many resources of one type"});
}

TEST_CASE("a client that floods waits, and is not ended") {
  World world;
  Raw flood(world, "flood");
  const Request request{.type_url = std::string(info_of(Type::kSecret).url), .names = {"s"}};
  for (int i = 0; i < 3000; ++i) flood.say(request);
  world.fake.run_until_idle();
  const std::uint64_t taken = world.first->discovery.counters().requests.get();
  CHECK(taken <= static_cast<std::uint64_t>(kRequestsBurst) + 1);
  world.fake.advance(1s);
  CHECK(world.first->discovery.counters().requests.get() > taken);
  CHECK(world.first->discovery.counters().requests.get() <=
        taken + static_cast<std::uint64_t>(kRequestsPerSecond) + 1);
}

}  // namespace
}  // namespace weir::xds
