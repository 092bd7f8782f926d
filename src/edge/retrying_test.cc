#include "upstream/retrying.h"

#include "auth/origin.h"
#include "edge/edge_fixture.h"

namespace weir::edge {
namespace {

constexpr const char* kUnavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno";

// Two origins: the first is asked first.
struct Pair : Fixture {
  Pair() {
    spec().outlier_detection.enabled = false;
    second.answer("\r\n\r\n", answer_with("second"));
  }
  void start() { apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")}); }
  std::string send(std::string_view head) {
    Peer client(fake, kEdge);
    client.send(std::string(head) + "\r\nHost: a\r\n\r\n");
    return client.take();
  }
  config::Route& route() { return snapshot.load_balancers[0].spec.routes[0]; }
  std::uint64_t connects(const char* address) const {
    return fake.network.connects(*net::Address::parse(address));
  }

  PeerListener first{fake, "10.0.0.1:80"};
  PeerListener second{fake, "10.0.0.2:80"};
};

TEST_CASE("an answer is passed on, whatever its status, unless the configuration lists it") {
  Pair pair;
  pair.first.answer("\r\n\r\n", kUnavailable);
  SUBCASE("by default") {
    pair.start();
    CHECK(pair.get().starts_with("HTTP/1.1 503"));
    CHECK(content_of(pair.get()) == "second");
  }
  SUBCASE("listed, by the service") { pair.spec().retries.on_statuses = {{500, 500}, {502, 504}}; }
  SUBCASE("listed, by the route") {
    pair.spec().retries.attempts = 0;
    pair.route().retries = config::Retries{.on_statuses = {{503, 503}}};
  }
  SUBCASE("another is listed") {
    pair.spec().retries.on_statuses = {{502, 502}, {504, 599}};
    pair.start();
    CHECK(pair.get().starts_with("HTTP/1.1 503"));
    CHECK(content_of(pair.get()) == "second");
  }
  if (pair.snapshot.revision > 0) return;
  pair.start();
  for (int i = 0; i < 6; ++i) CHECK(content_of(pair.get()) == "second");
  CHECK(pair.first.answered() >= 3);
  CHECK(pair.connects("10.0.0.1:80") == 1);  // what was not passed on has left its connection as it should be
}

TEST_CASE("a status is tried again for idempotent methods, whose content is still to be had") {
  Pair pair;
  pair.first.answer("\r\n\r\n", kUnavailable);
  pair.spec().retries.on_statuses = {{503, 503}};
  SUBCASE("POST") {
    pair.start();
    CHECK(pair.send("POST / HTTP/1.1\r\nContent-Length: 0").starts_with("HTTP/1.1 503"));
  }
  SUBCASE("PUT with content that came piece by piece") {
    pair.start();
    Peer client(pair.fake, kEdge);
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    client.send("x");
    CHECK(client.take().starts_with("HTTP/1.1 503"));
  }
  SUBCASE("PUT without content") {
    pair.start();
    CHECK(content_of(pair.send("PUT / HTTP/1.1\r\nContent-Length: 0")) == "second");
  }
  SUBCASE("POST, when that is allowed") {
    pair.spec().retries.non_idempotent = true;
    pair.start();
    CHECK(content_of(pair.send("POST / HTTP/1.1\r\nContent-Length: 0")) == "second");
  }
}

TEST_CASE("when all answer with a listed status, the client gets the last answer") {
  Pair pair;
  pair.first.answer("\r\n\r\n", kUnavailable);
  pair.second.answer("\r\n\r\n", kUnavailable);
  pair.spec().retries.on_statuses = {{503, 503}};
  pair.start();
  const std::string response = pair.get();
  CHECK(response.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(content_of(response) == "no");
  CHECK(pair.first.answered() + pair.second.answered() == 2);
}

TEST_CASE("a connection that breaks is no reason to send a POST again, unless that is allowed") {
  for (const bool allowed : {false, true}) {
    CAPTURE(allowed);
    Pair pair;
    pair.spec().retries.non_idempotent = allowed;
    pair.start();
    Peer client(pair.fake, kEdge);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    Peer upstream = pair.first.accept();
    REQUIRE(upstream.connected());
    upstream.close();
    CHECK(client.take().starts_with(allowed ? "HTTP/1.1 200" : "HTTP/1.1 502"));
  }
}

TEST_CASE("a try that takes too long is the last one, unless tries have a time of their own") {
  Pair pair;
  SUBCASE("none") {
    pair.spec().request_timeout = 5s;
    pair.start();
    Peer client(pair.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.fake.advance(4900ms);
    CHECK(client.received().empty());
    pair.fake.advance(200ms);
    CHECK(client.take().starts_with("HTTP/1.1 504"));
    CHECK(pair.second.answered() == 0);
  }
  SUBCASE("its own: the next endpoint is asked") {
    pair.spec().retries.per_try_timeout = 1s;
    pair.start();
    Peer client(pair.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    Peer slow = pair.first.accept();
    pair.fake.advance(900ms);
    CHECK(client.received().empty());
    CHECK(slow.open());
    pair.fake.advance(200ms);
    CHECK(content_of(client.take()) == "second");
    CHECK_FALSE(slow.open());
  }
  SUBCASE("its own: a POST is not sent again") {
    pair.spec().retries.per_try_timeout = 1s;
    pair.start();
    Peer client(pair.fake, kEdge);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    pair.fake.advance(1100ms);
    CHECK(client.take().starts_with("HTTP/1.1 504"));
    CHECK(pair.second.answered() == 0);
  }
  SUBCASE("its own, and no connection can be made") {
    pair.fake.network.blackhole(*net::Address::parse("10.0.0.1:80"));
    pair.route().retries = config::Retries{.per_try_timeout = 100ms};
    pair.start();
    Peer client(pair.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.fake.advance(110ms);
    CHECK(content_of(client.take()) == "second");
  }
}

TEST_CASE("request_timeout holds for all tries together") {
  Fixture fixture;
  PeerListener silent[] = {PeerListener(fixture.fake, "10.0.0.1:80"),
                           PeerListener(fixture.fake, "10.0.0.2:80"),
                           PeerListener(fixture.fake, "10.0.0.3:80")};
  fixture.spec().request_timeout = 1500ms;
  fixture.spec().retries.per_try_timeout = 1s;
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80"), endpoint("10.0.0.3:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.fake.advance(1400ms);
  CHECK(client.received().empty());
  fixture.fake.advance(200ms);
  CHECK(client.take().starts_with("HTTP/1.1 504"));
  CHECK_FALSE(silent[2].accept().connected());
}

TEST_CASE("an origin at two edges is asked again by the other way, when the connection broke") {
  Fixture fixture;
  config::Endpoint origin;
  origin.address = {config::Address::Family::kTunnel, "laptop", 0};
  origin.key = config::to_text(origin.address);
  origin.tunnels = {{.object = "web-1", .edge = "fra"}, {.object = "web-2", .edge = "ams"}};
  std::size_t tries = 2;
  SUBCASE("at two") {}
  SUBCASE("at one only") {
    origin.tunnels.pop_back();
    tries = 1;
  }
  const net::Address address = auth::origin_address("web", "laptop");
  const auto listener = fixture.fake.network.listen(address);
  REQUIRE(listener.has_value());
  fixture.apply({origin});
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (std::size_t i = 0; i < tries; ++i) {
    CHECK(client.received().empty());
    auto accepted = fixture.fake.run((*listener)->accept(), 1s);
    REQUIRE(accepted.has_value());
    REQUIRE(accepted->has_value());
    Peer served(fixture.fake, std::move((*accepted)->stream));
    served.abort();
  }
  CHECK(client.take().starts_with("HTTP/1.1 502"));
  CHECK(fixture.fake.network.connects(address) == tries);
}

TEST_CASE("an endpoint that was ejected gets what all others have failed") {
  Pair pair;
  const auto set_dead = [&pair](const char* address, bool dead) {
    pair.fake.network.refuse(*net::Address::parse(address), dead);
    if (dead) pair.fake.network.cut(*net::Address::parse(address));
  };
  pair.first.answer("\r\n\r\n", answer_with("first"));
  pair.spec().outlier_detection = {.consecutive_failures = 1, .ejected_percent_max = 50};
  pair.start();
  set_dead("10.0.0.1:80", true);
  for (int i = 0; i < 4; ++i) CHECK(content_of(pair.get()) == "second");
  CHECK(pair.connects("10.0.0.1:80") == 1);
  set_dead("10.0.0.1:80", false);
  pair.fake.advance(3s);
  CHECK(content_of(pair.get()) == "second");
  set_dead("10.0.0.2:80", true);
  CHECK(content_of(pair.get()) == "first");
}

// Both pass their checks, and the first one is found to be down when the test says so.
struct Checked : Pair {
  Checked() {
    spec().health_check = config::HealthCheck{.interval = 1h, .tcp = config::TcpCheck{}};
    start();
    fake.advance(1s);
    while (first.accept().connected()) continue;
  }
  void first_is_down() {
    edge.set_verdict("web", {"10.0.0.1:80"});
    fake.run_until_idle();
  }
};

TEST_CASE("a request that waits at an endpoint that goes down is answered by another at once") {
  Checked pair;
  Peer client(pair.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const Peer dead = pair.first.accept();
  REQUIRE(dead.connected());
  CHECK(client.received().empty());
  pair.first_is_down();
  CHECK(content_of(client.take()) == "second");
  CHECK_FALSE(dead.open());
}

TEST_CASE("what may not be sent again, or has been answered in part, waits on") {
  Checked pair;
  Peer client(pair.fake, kEdge);
  SUBCASE("a POST") { client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"); }
  SUBCASE("content") { client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"); }
  SUBCASE("no tries are left") {
    pair.spec().retries.attempts = 0;
    pair.apply();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  SUBCASE("the other one is drained") {
    pair.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80", 0)});
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  SUBCASE("a part of its head") { client.send("GET /part HTTP/1.1\r\nHost: a\r\n\r\n"); }
  SUBCASE("an interim response") { client.send("GET /hints HTTP/1.1\r\nHost: a\r\n\r\n"); }
  Peer slow = pair.first.accept();
  REQUIRE(slow.connected());
  const std::string request = slow.take();
  if (request.starts_with("GET /part")) slow.send("HTTP/1.1 200 OK\r\n");
  if (request.starts_with("GET /hints")) slow.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  pair.first_is_down();
  CHECK(slow.open());
  CHECK(pair.second.answered() == 0);
  const std::string rest = request.starts_with("GET /part") ? "" : "HTTP/1.1 200 OK\r\n";
  slow.send(rest + "Content-Length: 5\r\n\r\nfirst");
  CHECK(client.take().ends_with("first"));
}

TEST_CASE("whatever waits for a connection to an endpoint that goes down is taken elsewhere") {
  Checked pair;
  pair.fake.network.blackhole(*net::Address::parse("10.0.0.1:80"));
  Peer client(pair.fake, kEdge);
  SUBCASE("a GET") { client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); }
  SUBCASE("a POST") { client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"); }
  pair.fake.advance(10ms);
  CHECK(client.received().empty());
  pair.first_is_down();
  CHECK(content_of(client.take()) == "second");
}

TEST_CASE("those that go elsewhere come out of the budget, and the others wait on") {
  Checked pair;
  constexpr int kRequests = 30;
  std::vector<Peer> clients;
  for (int i = 0; i < kRequests; ++i) {
    clients.emplace_back(pair.fake, kEdge);
    clients.back().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  std::vector<Peer> waiting;
  for (Peer peer = pair.first.accept(); peer.connected(); peer = pair.first.accept()) {
    waiting.push_back(std::move(peer));
  }
  REQUIRE(waiting.size() == kRequests / 2);
  pair.first_is_down();
  const auto moved = std::ranges::count_if(waiting, [](const Peer& peer) { return !peer.open(); });
  CHECK(moved == 10);  // what any second has
  for (Peer& peer : waiting) {
    if (peer.open()) peer.send(answer_with("first"));
  }
  for (Peer& client : clients) CHECK(client.take().starts_with("HTTP/1.1 200"));
}

TEST_CASE("the budget is the route's, where the route has one") {
  Pair pair;
  pair.first.answer("\r\n\r\n", kUnavailable);
  pair.second.answer("\r\n\r\n", kUnavailable);
  // Each of 40 requests wants one retry, all at one time: 10 go without a budget.
  const auto retries = [&pair] {
    for (int i = 0; i < 40; ++i) CHECK(pair.get().starts_with("HTTP/1.1 503"));
    return pair.first.answered() + pair.second.answered() - 40;
  };
  const config::Retries none{.attempts = 1, .budget_percent = 0, .on_statuses = {{503, 503}}};
  const config::Retries all{.attempts = 1, .budget_percent = 100, .on_statuses = {{503, 503}}};
  SUBCASE("less than the service's") {
    pair.spec().retries = all;
    pair.route().retries = none;
    pair.start();
    CHECK(retries() == 10);
  }
  SUBCASE("more than the service's") {
    pair.spec().retries = none;
    pair.route().retries = all;
    pair.start();
    CHECK(retries() == 40);
  }
}

}  // namespace
}  // namespace weir::edge
