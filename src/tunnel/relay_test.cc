// Edges as one: a visitor who comes in at edge "a" gets to origins that are attached to others. The memory
// network, TLS and certificates are as in earnest.
#include "tunnel/relay.h"

#include <doctest/doctest.h>

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "auth/machine.h"
#include "auth/origin.h"
#include "testing/fake_env.h"
#include "testing/peer.h"
#include "tls/authority.h"
#include "tls/certificate_request.h"
#include "tls/certificate_set.h"
#include "tls/dial.h"
#include "tunnel/network.h"
#include "tunnel/port.h"

namespace weir::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;
using StreamResult = Result<std::unique_ptr<net::Stream>>;

constexpr WallTime kNow = testing::ManualClock::kWallStart;
const auto kVisitor = *net::Address::parse("192.0.2.9:999");

std::shared_ptr<const tls::Certificate> load(const tls::PemPair& pair) {
  return *tls::Certificate::load(pair.certificate, pair.private_key);
}

// What all edges of a test trust.
struct Trust {
  tls::Authority authority = *tls::Authority::load(*tls::Authority::create("weir test authority", kNow));
  std::shared_ptr<const tls::TrustStore> roots = *tls::TrustStore::parse(authority.root_pem());

  std::shared_ptr<tls::ServerContext> server() const {
    std::vector<std::shared_ptr<const tls::Certificate>> all{
        load(*authority.issue(std::vector{std::string(wire::kServerName)}, tls::Usage::kServer, kNow))};
    return *tls::ServerContext::create(
        {.protocols = {std::string(wire::kProtocol), std::string(wire::kRelayProtocol)},
         .client_certificates = tls::ClientCertificates::kRequested,
         .client_authorities = roots,
         .tls13_only = true},
        std::make_shared<const tls::CertificateSet>(std::move(all)), std::make_shared<tls::TicketKeys>());
  }
  // uri: of the certificate; empty: none is shown.
  std::shared_ptr<tls::ClientContext> client(const std::string& uri) const {
    tls::ClientOptions options{.authorities = roots, .protocols = {std::string(wire::kRelayProtocol)}};
    if (!uri.empty()) {
      const auto own = *tls::make_request();
      options.certificate = load({*authority.certify(own.request, uri, kNow), own.private_key});
    }
    return *tls::ClientContext::create(std::move(options));
  }
};

struct NoAgents final : AgentGate {
  std::expected<std::string, std::string> hello(AgentSession& /*session*/,
                                                const AgentCredential& /*credential*/) override {
    return std::unexpected("no agents");
  }
  std::expected<std::vector<std::string>, std::string> registered(AgentSession& /*session*/,
                                                                  const wire::Register& /*wanted*/) override {
    return std::unexpected("no agents");
  }
  void unregistered(AgentSession& /*session*/, const wire::Origin& /*origin*/) override {}
  void health(AgentSession& /*session*/, const wire::Health& /*health*/) override {}
  void ended(AgentSession& /*session*/, std::string_view /*why*/) override {}
};

// The way to an origin, as a session would have it.
class Dial final : public Way {
 public:
  Dial(net::Env& env, net::Address to) : env_(env), to_(to) {}
  net::Task<StreamResult> open(net::Address client, Duration timeout) override {
    clients += client.to_string() + " ";
    if (!silent) co_return co_await env_.network.connect(to_, timeout);
    if (auto slept = co_await env_.loop.sleep(timeout); !slept) co_return fail(slept.error());
    co_return fail(Code::kTimedOut, "silent");
  }
  std::string_view account() const override { return owner; }
  std::string clients;
  std::string owner;
  bool silent = false;

 private:
  net::Env& env_;
  net::Address to_;
};

// Cores of one edge: one loop, as far as this test goes.
struct Edge {
  Edge(FakeEnv& in, const Trust& trust, std::string called, const std::string& ip)
      : fake(in),
        name(std::move(called)),
        network(in.network.machine(*net::Address::parse_ip(ip, 0))),
        env{in.loop, *network, in.random, in.log},
        relay_at(ip + ":8444"),
        here(registry, env),
        other_core(registry, env),
        relay(env, origins),
        visitors(*network, here, &relay),
        listener(*network->listen(*net::Address::parse(relay_at))),
        port(env, here, agents, {.context = trust.server(), .welcome = {}, .domain = "weir.test"}),
        tasks(in.loop) {
    relay.begin({.edge = name, .provider = "aws", .region = "eu"});
    relay.use(trust.client("spiffe://weir.test/edge/" + name));
    tasks.spawn(port.serve(*listener));
  }
  ~Edge() {
    for (auto& [core, origin, way] : attached) core->detach(origin, *way);
    tasks.cancel();
    CHECK(fake.run(stop(*this), 10s));
    CHECK(tasks.size() == 0);
    CHECK(port.relays().connections() == 0);
    CHECK(port.relays().visitors() == 0);
  }
  static net::Task<void> stop(Edge& edge) {
    co_await edge.relay.stop();
    co_await edge.port.stop();
    co_await edge.here.stop();
    co_await edge.other_core.stop();
  }
  std::shared_ptr<Dial> attach(Attachments& core, const std::string& instance, net::Address to,
                               std::string owner = {}) {
    const net::Address origin = auth::origin_address("web", instance);
    auto way = std::make_shared<Dial>(env, to);
    way->owner = std::move(owner);
    CHECK(core.attach(origin, way));
    attached.emplace_back(&core, origin, way);
    return way;
  }
  config::TunnelEnd end(std::string provider = "aws", std::string zone = "eu") const {
    return {.edge = name, .provider = std::move(provider), .zone = std::move(zone), .relay = relay_at};
  }

  FakeEnv& fake;
  std::string name;
  std::unique_ptr<net::Network> network;
  net::Env env;
  std::string relay_at;
  Registry registry;
  Attachments here;
  Attachments other_core;
  Origins origins;
  Relay relay;
  Network visitors;
  NoAgents agents;
  std::unique_ptr<net::Listener> listener;
  Port port;
  net::TaskGroup tasks;
  std::vector<std::tuple<Attachments*, net::Address, std::shared_ptr<Dial>>> attached;
};

struct World {
  std::unique_ptr<Edge> edge(const std::string& name, int number) {
    return std::make_unique<Edge>(fake, trust, name, "10.1.0." + std::to_string(number));
  }
  // What the edge knows of the instances of "web", each with its ends.
  static void tell(Edge& edge, std::vector<std::pair<std::string, std::vector<config::TunnelEnd>>> all,
                   std::string owner = {}) {
    auto service = std::make_shared<config::Service>();
    service->name = "web";
    service->owner = std::move(owner);
    for (auto& [instance, ends] : all) {
      service->endpoints.push_back(
          {.address = {config::Address::Family::kTunnel, instance, 0}, .tunnels = std::move(ends)});
    }
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->services.push_back(std::move(service));
    edge.origins.apply(snapshot);
  }
  std::optional<StreamResult> begin(Edge& edge, const std::string& instance, Duration timeout = 5s) {
    return fake.run(edge.visitors.connect_for(kVisitor, auth::origin_address("web", instance), timeout), 10s);
  }
  StreamResult open(Edge& edge, const std::string& instance = "laptop", Duration timeout = 5s) {
    auto opened = begin(edge, instance, timeout);
    REQUIRE(opened);
    return std::move(*opened);
  }
  Peer visitor(Edge& edge, const std::string& instance = "laptop") {
    StreamResult opened = open(edge, instance);
    REQUIRE_MESSAGE(opened, opened.error().text);
    return {fake, *std::move(opened)};
  }

  FakeEnv fake;
  Trust trust;
  PeerListener origin{fake, "10.0.0.1:80"};
};

TEST_CASE("a visitor reaches an origin at another edge, on whichever core it is") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  const auto laptop = b->attach(b->here, "laptop", world.origin.address());
  const auto desk = b->attach(b->other_core, "desk", world.origin.address());
  World::tell(*a, {{"laptop", {b->end()}}, {"desk", {b->end()}}});
  for (const auto& [instance, way] : {std::pair("laptop", laptop), std::pair("desk", desk)}) {
    CAPTURE(instance);
    Peer visitor = world.visitor(*a, instance);
    Peer origin = world.origin.accept();
    CHECK(way->clients == "192.0.2.9:999 ");
    visitor.send("hello");
    CHECK(origin.take() == "hello");
    visitor.finish();
    CHECK(origin.ended());
    origin.send("world");
    CHECK(visitor.take() == "world");
    CHECK(b->port.relays().visitors() == 1);
    origin.close();
    CHECK(visitor.ended());
    CHECK_FALSE(visitor.reset());
  }
  CHECK(a->relay.connections() == 1);
  CHECK(b->port.relays().connections() == 1);
  CHECK(b->port.strangers() == 0);
}

TEST_CASE("a cut is passed on as one") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  b->attach(b->other_core, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end()}}});
  Peer visitor = world.visitor(*a);
  Peer origin = world.origin.accept();
  SUBCASE("by the visitor") {
    visitor.abort();
    CHECK(origin.reset());
  }
  SUBCASE("by the origin") {
    origin.send("part");
    origin.abort();
    CHECK(visitor.take() == "part");
    CHECK(visitor.reset());
  }
  SUBCASE("by the edge between, at once") {
    world.fake.network.cut(b->listener->address());
    world.fake.run_until_idle();
    CHECK(visitor.reset());
    CHECK(origin.reset());
  }
}

TEST_CASE("what is attached here is not sought elsewhere, and what has just gone is") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  const auto here = a->attach(a->here, "laptop", world.origin.address());
  const auto there = b->attach(b->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {a->end(), b->end()}}});
  CHECK(world.open(*a));
  CHECK(there->clients.empty());
  SUBCASE("its session has ended") { a->here.detach(auth::origin_address("web", "laptop"), *here); }
  SUBCASE("its session has gone dead, which nobody knows yet") { here->silent = true; }
  CHECK(world.open(*a));
  CHECK_FALSE(there->clients.empty());
}

TEST_CASE("an edge passes nobody on") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  const auto c = world.edge("c", 3);
  c->attach(c->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end()}}});  // what was so a moment ago
  World::tell(*b, {{"laptop", {a->end(), c->end()}}});
  const StreamResult opened = world.open(*a);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::kConnectFailed);
  CHECK(opened.error().retry == Retry::kSafe);
  CHECK(b->relay.connections() == 0);
  CHECK_FALSE(world.open(*a, "unknown"));
}

TEST_CASE("a visitor comes to no origin of another account that has the same name elsewhere") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  const auto c = world.edge("c", 3);
  const auto eves = b->attach(b->here, "laptop", world.origin.address(), "eve");
  const auto adas = c->attach(c->other_core, "laptop", world.origin.address(), "ada");
  World::tell(*a, {{"laptop", {b->end(), c->end("gcp", "us")}}}, "ada");
  CHECK(world.open(*a));
  CHECK(eves->clients.empty());
  CHECK_FALSE(adas->clients.empty());
  World::tell(*a, {{"laptop", {b->end()}}}, "ada");
  CHECK_FALSE(world.open(*a));
  CHECK(eves->clients.empty());
}

TEST_CASE("the nearest edge that has it is asked first, then the next") {
  World world;
  const auto a = world.edge("a", 1);
  const auto near = world.edge("near", 2);
  const auto far = world.edge("far", 3);
  const auto near_way = near->attach(near->here, "laptop", world.origin.address());
  const auto far_way = far->attach(far->here, "laptop", world.origin.address());
  const auto asked = [&] {
    CHECK(world.open(*a));
    return std::pair(!std::exchange(near_way->clients, {}).empty(),
                     !std::exchange(far_way->clients, {}).empty());
  };
  const std::pair nearest(true, false);
  const std::pair next(false, true);
  SUBCASE("by region") { World::tell(*a, {{"laptop", {far->end("aws", "us"), near->end("gcp", "eu")}}}); }
  SUBCASE("by provider") { World::tell(*a, {{"laptop", {far->end("gcp", "us"), near->end("aws", "us")}}}); }
  for (int i = 0; i < 5; ++i) CHECK(asked() == nearest);
  near->here.detach(auth::origin_address("web", "laptop"), *near_way);
  for (int i = 0; i < 5; ++i) CHECK(asked() == next);
}

TEST_CASE("equals share the visitors") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  const auto c = world.edge("c", 3);
  b->attach(b->here, "laptop", world.origin.address());
  const auto way = c->attach(c->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end(), c->end()}}});
  std::size_t at_c = 0;
  for (int i = 0; i < 100; ++i) {
    CHECK(world.open(*a));
    at_c += std::exchange(way->clients, {}).empty() ? 0 : 1;
  }
  CHECK(at_c > 25);
  CHECK(at_c < 75);
}

TEST_CASE("an edge that refuses connections is asked behind the others for a while") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  const auto c = world.edge("c", 3);
  const auto way = b->attach(b->here, "laptop", world.origin.address());
  c->attach(c->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end(), c->end("gcp", "us")}}});
  world.fake.network.refuse(b->listener->address());
  const auto dials = [&] { return world.fake.network.connects(b->listener->address()); };
  for (int i = 0; i < 5; ++i) CHECK(world.open(*a));
  CHECK(dials() == 1);
  world.fake.network.refuse(b->listener->address(), false);
  SUBCASE("then it is the first again") {
    world.fake.advance(2s);
    CHECK(world.open(*a));
    CHECK(way->clients == "192.0.2.9:999 ");
  }
  SUBCASE("not when there is no other") {
    World::tell(*a, {{"laptop", {b->end()}}});
    CHECK(world.open(*a));
  }
}

TEST_CASE("an edge that has gone silent holds nobody up for long, and is given up within 5 s") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  const auto c = world.edge("c", 3);
  b->attach(b->here, "laptop", world.origin.address());
  c->attach(c->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end(), c->end("gcp", "us")}}});
  Peer visitor = world.visitor(*a);
  Peer origin = world.origin.accept();
  world.fake.network.pause(b->listener->address(), testing::Way::kToListener);
  world.fake.network.pause(b->listener->address(), testing::Way::kFromListener);
  world.fake.network.blackhole(b->listener->address());
  const Instant before = world.fake.loop.now();
  CHECK(world.open(*a));  // by the other
  CHECK(world.fake.loop.now() - before <= kRelayTryTimeout + 10ms);
  const Instant meanwhile = world.fake.loop.now();
  CHECK(world.open(*a));  // which is asked first now
  CHECK(world.fake.loop.now() == meanwhile);
  CHECK(visitor.open());
  world.fake.advance(4s);
  CHECK(visitor.reset());
  CHECK(origin.reset());
  CHECK(b->port.relays().connections() == 0);
}

TEST_CASE("strangers are not served") {
  World world;
  const auto b = world.edge("b", 2);
  b->attach(b->here, "laptop", world.origin.address());
  const auto a = world.edge("a", 1);
  World::tell(*a, {{"laptop", {b->end()}}});
  Trust other;
  SUBCASE("without a certificate") { a->relay.use(world.trust.client("")); }
  SUBCASE("with an agent's") { a->relay.use(world.trust.client("spiffe://weir.test/agent/a")); }
  SUBCASE("with that of an edge of another domain") {
    a->relay.use(world.trust.client("spiffe://other.test/edge/a"));
  }
  SUBCASE("with one of another authority") {
    other.roots = world.trust.roots;
    a->relay.use(other.client("spiffe://weir.test/edge/a"));
  }
  const StreamResult opened = world.open(*a);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().retry == Retry::kSafe);
  CHECK(b->port.relays().connections() == 0);
  CHECK_FALSE(world.origin.accept().connected());
  CHECK(b->port.connections() == 0);
}

TEST_CASE("an edge believes only one that has the name") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  b->attach(b->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end()}}});
  const Trust other;
  auto others = other.client("");
  a->relay.use(others);
  CHECK_FALSE(world.open(*a));
  CHECK(b->port.relays().connections() == 0);
}

TEST_CASE("a new certificate is shown to every edge, and no visitor notices") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  b->attach(b->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end()}}});
  Peer visitor = world.visitor(*a);
  Peer origin = world.origin.accept();
  a->relay.use(world.trust.client("spiffe://weir.test/edge/a"));
  Peer next = world.visitor(*a);
  CHECK(b->port.relays().connections() == 2);
  visitor.send("still here");
  CHECK(origin.take() == "still here");
  origin.close();
  visitor.close();
  world.fake.advance(2s);
  CHECK(b->port.relays().connections() == 1);
  CHECK(next.open());
}

TEST_CASE("a connection is kept while visitors come, and for some minutes more") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  b->attach(b->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end()}}});
  Peer visitor = world.visitor(*a);
  Peer origin = world.origin.accept();
  world.fake.advance(20min);  // each knows of the other by its keepalives
  CHECK(visitor.open());
  CHECK(b->port.relays().connections() == 1);
  visitor.close();
  origin.close();
  world.fake.advance(kRelayIdleTimeout / 2);
  CHECK(b->port.relays().connections() == 1);
  world.fake.advance(2 * kRelayIdleTimeout);
  CHECK(b->port.relays().connections() == 0);
}

TEST_CASE("an edge that has moved is asked where it is") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  b->attach(b->here, "laptop", world.origin.address());
  config::TunnelEnd end = b->end();
  end.relay = "10.1.0.77:8444";
  World::tell(*a, {{"laptop", {end}}});
  CHECK_FALSE(world.open(*a, "laptop", 1s));
  World::tell(*a, {{"laptop", {b->end()}}});
  CHECK(world.open(*a));
  World::tell(*a, {});
  CHECK_FALSE(world.open(*a));
}

TEST_CASE("a thousand visitors share one connection, and one who does not read holds up nobody") {
  World world;
  const auto a = world.edge("a", 1);
  const auto b = world.edge("b", 2);
  b->attach(b->here, "laptop", world.origin.address());
  World::tell(*a, {{"laptop", {b->end()}}});
  Peer slow = world.visitor(*a);
  Peer slow_origin = world.origin.accept();
  slow.stop_reading();
  slow_origin.send(std::string(4'000'000, 'x'));
  CHECK(slow_origin.unsent_bytes() > 0);
  std::vector<std::pair<Peer, Peer>> pairs;
  for (int i = 0; i < 1000; ++i) {
    Peer visitor = world.visitor(*a);
    pairs.emplace_back(std::move(visitor), world.origin.accept());
  }
  CHECK(a->relay.connections() == 1);
  const std::string piece(20'000, 'y');
  for (auto& [visitor, origin] : pairs) origin.send(piece);
  std::size_t whole = 0;
  for (auto& [visitor, origin] : pairs) whole += visitor.take() == piece ? 1 : 0;
  CHECK(whole == 1000);
  slow.read_again();
  CHECK(slow.take().size() == 4'000'000);
}

}  // namespace
}  // namespace weir::tunnel
