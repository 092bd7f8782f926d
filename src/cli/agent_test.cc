// An agent and edges as one: tunnel/'s side of a session and agent/'s, over the memory network.
#include "agent/agent.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "testing/fake_env.h"
#include "testing/peer.h"
#include "tls/authority.h"
#include "tls/certificate.h"
#include "tls/certificate_set.h"
#include "tunnel/port.h"

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
    return *tls::ServerContext::create({.protocols = {std::string(wire::kProtocol)}, .tls13_only = true},
                                       std::make_shared<const tls::CertificateSet>(std::move(all)),
                                       std::make_shared<tls::TicketKeys>());
  }
  std::shared_ptr<tls::ClientContext> client() const {
    return *tls::ClientContext::create({.authorities = *tls::TrustStore::parse(authority.root_pem()),
                                        .protocols = {std::string(wire::kProtocol)}});
  }
};

struct Edge final : tunnel::AgentGate {
  Edge(FakeEnv& env, const Trust& trust, std::string_view at, wire::Welcome welcome)
      : fake(env),
        listener(*env.network.listen(*net::Address::parse(at))),
        attachments(registry, env.env),
        port(env.env, attachments, *this,
             {.context = trust.server(), .welcome = std::move(welcome), .domain = "weir.test"}),
        tasks(env.loop) {
    tasks.spawn(port.serve(*listener));
  }
  ~Edge() override {
    tasks.cancel();
    CHECK(fake.run(stop(port), 60s));
    CHECK(fake.run(join(tasks), 60s));
    CHECK(here.empty());
    CHECK(sessions == 0);
  }
  static net::Task<void> stop(tunnel::Port& port) { co_await port.stop(); }
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
    return std::vector<std::string>{"http://" + wanted.origin.service + ".example"};
  }
  void unregistered(tunnel::AgentSession& session, const wire::Origin& origin) override {
    if (here[origin.service] == &session) here.erase(origin.service);
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

  FakeEnv& fake;
  std::unique_ptr<net::Listener> listener;
  tunnel::Registry registry;
  tunnel::Attachments attachments;
  tunnel::Port port;
  net::TaskGroup tasks;
  std::map<std::string, tunnel::AgentSession*> here;
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
