// An agent and edges as one: tunnel/'s side of a session and agent/'s, over the memory network.
#include "agent/agent.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auth/origin.h"
#include "testing/fake_env.h"
#include "testing/peer.h"
#include "tls/authority.h"
#include "tls/certificate.h"
#include "tls/certificate_request.h"
#include "tls/certificate_set.h"
#include "tunnel/network.h"
#include "tunnel/port.h"
#include "tunnel/relay.h"

namespace weir {
namespace {

using namespace std::chrono_literals;
using testing::FakeEnv;
using testing::Peer;
using testing::PeerListener;
using StreamResult = Result<std::unique_ptr<net::Stream>>;

// What all edges and agents of a test trust.
struct Trust {
  tls::Authority authority =
      *tls::Authority::load(*tls::Authority::create("weir test authority", testing::ManualClock::kWallStart));
  std::shared_ptr<tls::ServerContext> server() const {
    const auto pair = *authority.issue(std::vector{std::string(wire::kServerName)}, tls::Usage::kServer,
                                       testing::ManualClock::kWallStart, tls::Authority::kLeafValidity);
    std::vector<std::shared_ptr<const tls::Certificate>> all = {
        *tls::Certificate::load(pair.certificate, pair.private_key)};
    return *tls::ServerContext::create(
        {.protocols = {std::string(wire::kProtocol), std::string(wire::kRelayProtocol)},
         .client_certificates = tls::ClientCertificates::kRequested,
         .client_authorities = roots(),
         .tls13_only = true},
        std::make_shared<const tls::CertificateSet>(std::move(all)), std::make_shared<tls::TicketKeys>());
  }
  std::shared_ptr<tls::ClientContext> client() const {
    return *tls::ClientContext::create({.authorities = roots(), .protocols = {std::string(wire::kProtocol)}});
  }
  std::shared_ptr<tls::ClientContext> edge_as_client(const std::string& name) const {
    const auto own = *tls::make_request();
    const auto chain =
        *authority.certify(own.request, "spiffe://weir.test/edge/" + name, testing::ManualClock::kWallStart);
    return *tls::ClientContext::create({.authorities = roots(),
                                        .protocols = {std::string(wire::kRelayProtocol)},
                                        .certificate = *tls::Certificate::load(chain, own.private_key)});
  }
  std::shared_ptr<const tls::TrustStore> roots() const {
    return *tls::TrustStore::parse(authority.root_pem());
  }
};

// The way to an origin of a session, which is gone when the session is.
struct SessionWay final : tunnel::Way {
  SessionWay(tunnel::AgentSession& in, std::string of) : session(&in), service(std::move(of)) {}
  net::Task<StreamResult> open(net::Address client, Duration timeout) override {
    if (session != nullptr) co_return co_await session->open(service, client, timeout);
    co_return fail({Code::kConnectFailed, Side::kUpstream, Retry::kSafe, 0, "gone"});
  }
  tunnel::AgentSession* session;
  std::string service;
};

struct Edge final : tunnel::AgentGate {
  Edge(FakeEnv& env, const Trust& trust, std::string_view at, const wire::Welcome& welcome)
      : fake(env),
        name(welcome.edge),
        listener(*env.network.listen(*net::Address::parse(at))),
        attachments(registry, env.env),
        relay(env.env, origins),
        network(env.network, attachments, &relay),
        port(env.env, attachments, *this,
             {.context = trust.server(), .welcome = welcome, .domain = "weir.test"}),
        tasks(env.loop) {
    relay.begin({.edge = welcome.edge, .provider = welcome.provider, .region = welcome.region});
    relay.use(trust.edge_as_client(welcome.edge));
    tasks.spawn(port.serve(*listener));
  }
  ~Edge() override {
    tasks.cancel();
    CHECK(fake.run(stop(*this), 60s));
    CHECK(fake.run(join(tasks), 60s));
    CHECK(here.empty());
    CHECK(sessions == 0);
  }
  static net::Task<void> stop(Edge& edge) {
    co_await edge.relay.stop();
    co_await edge.port.stop();
    co_await edge.attachments.stop();
  }
  static net::Task<void> join(net::TaskGroup& group) { co_await group.join(); }

  std::expected<std::string, std::string> hello(tunnel::AgentSession& session,
                                                const tunnel::AgentCredential& credential) override {
    if (credential.token != "good") return std::unexpected("the token is not valid");
    ++sessions;
    last = &session;
    return "anna";
  }
  std::expected<std::vector<std::string>, std::string> registered(tunnel::AgentSession& session,
                                                                  const wire::Register& wanted) override {
    CHECK(session.account() == "anna");
    if (wanted.origin.service == "taken") return std::unexpected("the name is somebody else's");
    here[wanted.origin.service] = &session;
    const auto way = std::make_shared<SessionWay>(session, wanted.origin.service);
    ways[{&session, wanted.origin}] = way;
    CHECK(attachments.attach(auth::origin_address(wanted.origin.service, wanted.origin.instance), way));
    return std::vector<std::string>{"http://" + wanted.origin.service + ".example"};
  }
  void unregistered(tunnel::AgentSession& session, const wire::Origin& origin) override {
    if (here[origin.service] == &session) here.erase(origin.service);
    const auto way = ways.extract({&session, origin}).mapped();
    way->session = nullptr;
    attachments.detach(auth::origin_address(origin.service, origin.instance), *way);
  }
  void health(tunnel::AgentSession& /*session*/, const wire::Health& health) override {
    if (health.up) {
      down.erase(health.origin.service);
    } else {
      down.insert(health.origin.service);
    }
  }
  void ended(tunnel::AgentSession& session, std::string_view why) override {
    --sessions;
    ends.emplace_back(why);
    if (last == &session) last = nullptr;
  }
  StreamResult open(const std::string& service) {
    const auto found = here.find(service);
    if (found == here.end()) return fail(Code::kConnectFailed, "not here");
    auto opened = fake.run(found->second->open(service, *net::Address::parse("9.9.9.9:99"), 3s), 5s);
    REQUIRE(opened);
    return std::move(*opened);
  }

  // A visitor of this edge, for an origin of "web" at whichever edge.
  StreamResult visit(const std::string& instance) {
    auto opened = fake.run(
        network.connect_for(*net::Address::parse("9.9.9.9:99"), auth::origin_address("web", instance), 3s),
        5s);
    REQUIRE(opened);
    return std::move(*opened);
  }
  // Where origins of "web" are: both at each of these edges.
  void tell(std::initializer_list<const Edge*> edges) {
    auto service = std::make_shared<config::Service>();
    service->name = "web";
    for (const std::string instance : {"m", "n"}) {
      config::Endpoint endpoint{.address = {config::Address::Family::kTunnel, instance, 0}};
      for (const Edge* edge : edges) {
        endpoint.tunnels.push_back({.edge = edge->name, .relay = edge->listener->address().to_string()});
      }
      service->endpoints.push_back(std::move(endpoint));
    }
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->services.push_back(std::move(service));
    origins.apply(snapshot);
  }

  FakeEnv& fake;
  std::string name;
  std::unique_ptr<net::Listener> listener;
  tunnel::Registry registry;
  tunnel::Attachments attachments;
  tunnel::Origins origins;
  tunnel::Relay relay;
  tunnel::Network network;  // of visitors
  tunnel::Port port;
  net::TaskGroup tasks;
  std::map<std::string, tunnel::AgentSession*> here;
  std::map<std::pair<tunnel::AgentSession*, wire::Origin>, std::shared_ptr<SessionWay>> ways;
  std::set<std::string> down;
  int sessions = 0;
  tunnel::AgentSession* last = nullptr;
  std::vector<std::string> ends;
};

struct Watch final : agent::AgentWatch {
  void attached(const wire::Welcome& edge) override { said += "+" + edge.edge + " "; }
  void detached(const std::string& host, std::string_view why) override {
    said += "-" + host + " (" + std::string(why) + ") ";
  }
  void registered(const wire::Welcome& edge, const wire::Registered& answer) override {
    said += edge.edge + ":" + answer.origin.service + "=" +
            (answer.refused.empty() ? answer.urls.at(0) : answer.refused) + " ";
  }
  std::string take() { return std::exchange(said, {}); }
  std::string said;
};

struct World {
  explicit World(std::vector<agent::EdgeAddress> edges = {{{"10.1.0.1", 8444}, "", ""},
                                                          {{"10.1.0.2", 8444}, "", ""}})
      : origin(fake, "10.0.0.1:80"),
        agent(fake.env, watch,
              {.hello = {.agent = "m", .version = "1", .credential = "good"},
               .tls = trust.client(),
               .edges = std::move(edges)}),
        tasks(fake.loop) {
    agent.offer({.wanted = {.origin = {"web", "m"}, .type = "http"}, .target = {"10.0.0.1", 80}});
  }
  ~World() {
    tasks.cancel();
    fake.run_until_idle();
    fake.advance(10s);
    CHECK(tasks.size() == 0);
  }
  void start() {
    tasks.spawn(agent.run());
    fake.run_until_idle();
  }
  std::unique_ptr<Edge> edge(int number, std::string provider = "aws", std::string region = "eu") {
    return std::make_unique<Edge>(
        fake, trust, "10.1.0." + std::to_string(number) + ":8444",
        wire::Welcome{"e" + std::to_string(number), std::move(provider), std::move(region), ""});
  }
  static net::Task<void> leave(agent::Agent& agent) { co_await agent.leave(30s); }

  FakeEnv fake;
  Trust trust;
  PeerListener origin;
  Watch watch;
  agent::Agent agent;
  net::TaskGroup tasks;
};

TEST_CASE("an agent attaches to two edges, and visitors of both reach its origin") {
  World world;
  const auto one = world.edge(1);
  const auto two = world.edge(2);
  world.start();
  CHECK(world.agent.attached() == 2);
  CHECK(world.watch.take() == "+e1 +e2 e1:web=http://web.example e2:web=http://web.example ");
  for (Edge* edge : {one.get(), two.get()}) {
    StreamResult opened = edge->open("web");
    REQUIRE(opened);
    Peer visitor(world.fake, *std::move(opened));
    Peer origin = world.origin.accept();
    visitor.send("hello");
    CHECK(origin.take() == "hello");
    origin.send("world");
    CHECK(visitor.take() == "world");
  }
  world.fake.advance(10min);  // they know of each other by their keepalives
  CHECK(world.agent.attached() == 2);
}

TEST_CASE("an edge that restarts is attached to again, within a second") {
  World world;
  auto one = world.edge(1);
  const auto two = world.edge(2);
  world.start();
  (void)world.watch.take();
  one.reset();
  world.fake.run_until_idle();
  CHECK(world.agent.attached() == 1);
  one = world.edge(1);
  world.fake.advance(1s);
  CHECK(world.agent.attached() == 2);
  CHECK(one->open("web"));
}

TEST_CASE("a connection that has gone silent is given up by both sides within 10 s") {
  World world;
  const auto one = world.edge(1);
  const auto two = world.edge(2);
  world.start();
  const auto at = *net::Address::parse("10.1.0.1:8444");
  world.fake.network.pause(at, testing::Way::kToListener);
  world.fake.network.pause(at, testing::Way::kFromListener);
  world.fake.network.blackhole(at);
  const StreamResult opened = one->open("web");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().retry == Retry::kSafe);
  world.fake.advance(5s);
  CHECK(one->here.empty());
  CHECK(one->sessions == 0);
  CHECK(world.agent.attached() == 1);
  world.fake.network.blackhole(at, false);
  world.fake.advance(20s);
  CHECK(world.agent.attached() == 2);
}

TEST_CASE("leaving: every edge has acknowledged before it ends, and what is open goes on") {
  World world;
  const auto one = world.edge(1);
  const auto two = world.edge(2);
  world.start();
  StreamResult opened = one->open("web");
  REQUIRE(opened);
  Peer visitor(world.fake, *std::move(opened));
  Peer origin = world.origin.accept();
  world.tasks.spawn(World::leave(world.agent));
  world.fake.run_until_idle();
  CHECK(one->here.empty());
  CHECK(two->here.empty());
  CHECK(one->sessions == 1);  // for the visitor
  CHECK(two->sessions == 0);
  CHECK(two->ends == std::vector<std::string>{"the agent has left"});
  visitor.send("more");
  CHECK(origin.take() == "more");
  SUBCASE("until it has ended") {
    origin.send("all");
    origin.close();
    CHECK(visitor.take() == "all");
    visitor.close();
    world.fake.advance(1s);
  }
  SUBCASE("or at the limit") {
    world.fake.advance(31s);
    CHECK((visitor.ended() || visitor.reset()));
  }
  CHECK(one->sessions == 0);
  CHECK(world.tasks.size() == 0);
}

TEST_CASE("a visitor at an edge that the agent has no link to gets to its origin by another") {
  World world({{{"10.1.0.1", 8444}, "", ""}});
  const auto one = world.edge(1);
  const auto two = world.edge(2);
  two->tell({one.get()});
  world.start();
  StreamResult opened = two->visit("m");
  REQUIRE(opened);
  Peer visitor(world.fake, *std::move(opened));
  Peer origin = world.origin.accept();
  visitor.send("hello");
  CHECK(origin.take() == "hello");
  origin.send("world");
  CHECK(visitor.take() == "world");
  SUBCASE("either side may say that it has said all") {
    origin.finish();
    CHECK(visitor.ended());
    visitor.send("and more");
    CHECK(origin.take() == "and more");
    visitor.finish();
    CHECK(origin.ended());
  }
  SUBCASE("the agent is cut off, which is seen at once") {
    world.fake.network.cut(*net::Address::parse("10.1.0.1:8444"));
    world.fake.run_until_idle();
    CHECK(visitor.reset());
    CHECK(origin.reset());
  }
  SUBCASE("or the edge between") {
    one->tasks.cancel();
    CHECK(world.fake.run(Edge::stop(*one), 5s));
    CHECK(visitor.reset());
  }
}

TEST_CASE("an agent leaves while requests go on: each is answered, by it or by another") {
  World world;
  const auto one = world.edge(1);
  const auto two = world.edge(2);
  Watch watch;
  agent::Agent second(world.fake.env, watch,
                      {.hello = {.agent = "n", .version = "1", .credential = "good"},
                       .tls = world.trust.client(),
                       .edges = {{{"10.1.0.1", 8444}, "", ""}, {{"10.1.0.2", 8444}, "", ""}}});
  second.offer({.wanted = {.origin = {"web", "n"}, .type = "http"}, .target = {"10.0.0.2", 80}});
  PeerListener other(world.fake, "10.0.0.2:80");
  world.origin.answer("ping", "pong");
  other.answer("ping", "pong");
  one->tell({one.get(), two.get()});
  two->tell({one.get(), two.get()});
  world.start();
  world.tasks.spawn(second.run());
  world.fake.run_until_idle();

  // As a proxy would: the first endpoint, and the other one when it is sure that the first got nothing.
  int answered = 0;
  const auto request = [&](Edge& edge) {
    StreamResult opened = edge.visit("m");
    if (!opened) {
      CHECK(opened.error().retry == Retry::kSafe);
      opened = edge.visit("n");
    }
    REQUIRE(opened);
    Peer visitor(world.fake, *std::move(opened));
    visitor.send("ping");
    answered += visitor.take() == "pong" ? 1 : 0;
  };
  constexpr int kRequests = 400;
  for (int i = 0; i < kRequests; ++i) {
    if (i == kRequests / 2) world.tasks.spawn(World::leave(world.agent));
    request(i % 2 == 0 ? *one : *two);
    if (i % 4 == 0) world.fake.advance(5ms);
  }
  CHECK(answered == kRequests);
  CHECK(world.origin.answered() + other.answered() == kRequests);
  CHECK(world.origin.answered() <= kRequests / 2 + 1);  // the one of the turn in which it begins to leave
  CHECK(world.agent.attached() == 0);
  world.tasks.spawn(World::leave(second));
  world.fake.advance(1s);
}

TEST_CASE("an origin that does not answer is an error that may be tried elsewhere") {
  World world;
  const auto one = world.edge(1);
  world.start();
  world.fake.network.refuse(*net::Address::parse("10.0.0.1:80"));
  const StreamResult opened = one->open("web");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::kConnectFailed);
  CHECK(opened.error().retry == Retry::kSafe);
}

TEST_CASE("the agent's own check takes an origin out, and back in") {
  World world;
  const auto one = world.edge(1);
  world.agent.offer({.wanted = {.origin = {"checked", "m"}, .type = "http"},
                     .target = {"10.0.0.1", 80},
                     .check = health::Check{.interval = 1s, .timeout = 500ms}});
  world.start();
  world.fake.advance(1s);
  CHECK(one->down.empty());
  world.fake.network.refuse(*net::Address::parse("10.0.0.1:80"));
  world.fake.advance(3s);
  CHECK(one->down.contains("checked"));
  world.fake.network.refuse(*net::Address::parse("10.0.0.1:80"), false);
  world.fake.advance(3s);
  CHECK(one->down.empty());
}

TEST_CASE("what is refused is told, and tried again with patience") {
  SUBCASE("a name") {
    World world;
    const auto one = world.edge(1);
    world.agent.offer({.wanted = {.origin = {"taken", "m"}, .type = "http"}, .target = {"10.0.0.1", 80}});
    world.start();
    CHECK(world.watch.take().contains("e1:taken=the name is somebody else's"));
    CHECK(world.agent.attached() == 1);
  }
  SUBCASE("two addresses of one edge count as one") {
    World world;
    const auto one = world.edge(1);
    const Edge same(world.fake, world.trust, "10.1.0.2:8444", {"e1", "aws", "eu", ""});
    world.start();
    world.fake.advance(5s);
    CHECK(world.agent.attached() == 1);
  }
}

TEST_CASE("a third edge takes the place of one that leaves") {
  World world({{{"10.1.0.1", 8444}, "aws", "eu"},
               {{"10.1.0.2", 8444}, "gcp", "eu"},
               {{"10.1.0.3", 8444}, "aws", "us"}});
  const auto one = world.edge(1, "aws", "eu");
  const auto two = world.edge(2, "gcp", "eu");
  const auto three = world.edge(3, "aws", "us");
  world.start();
  CHECK(one->here.contains("web"));
  CHECK(two->here.contains("web"));
  CHECK(three->here.empty());
  one->port.drain();
  world.fake.run_until_idle();
  CHECK(three->here.contains("web"));
  world.fake.advance(1s);
  CHECK(one->here.empty());
  CHECK(one->sessions == 0);
  CHECK(world.agent.attached() == 2);
}

TEST_CASE("two edges of one site: others are tried until there are two providers, and back after a failure") {
  std::vector<agent::EdgeAddress> edges;
  for (const char* at : {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"})
    edges.push_back({{at, 8444}, "", ""});
  World world(std::move(edges));
  const auto one = world.edge(1, "aws", "eu");
  const auto two = world.edge(2, "aws", "eu");
  const auto three = world.edge(3, "aws", "us");
  auto four = world.edge(4, "gcp", "eu");
  world.start();
  world.fake.advance(1s);
  CHECK(world.agent.attached() == 2);
  CHECK(four->here.contains("web"));
  CHECK(one->here.size() + two->here.size() + three->here.size() == 1);
  CHECK(world.watch.take().contains("+e4 "));
  world.fake.advance(10min);  // and there is no more to try
  CHECK(world.watch.take() == "");
  four.reset();
  world.fake.advance(1min);
  CHECK(world.agent.attached() == 2);  // of one provider, as that is what there is
  CHECK(three->here.contains("web"));
  CHECK(one->here.size() + two->here.size() == 1);
  four = world.edge(4, "gcp", "eu");
  world.fake.advance(20s);
  CHECK(world.agent.attached() == 2);
  CHECK(four->here.contains("web"));
  CHECK(one->here.size() + two->here.size() + three->here.size() == 1);
}

TEST_CASE("strangers have little time") {
  FakeEnv fake;
  const Trust trust;
  Edge edge(fake, trust, "10.1.0.1:8444", {"e1", "aws", "eu", ""});
  Peer silent(fake, "10.1.0.1:8444");
  CHECK(edge.port.strangers() == 1);
  fake.advance(6s);
  CHECK(edge.port.strangers() == 0);
  CHECK_FALSE(silent.open());
}

}  // namespace
}  // namespace weir
