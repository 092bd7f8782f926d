#include "edge/edge_fixture.h"

#include <algorithm>
#include <map>
#include <set>

#include "auth/origin.h"
#include "tls/dial.h"

namespace weir::edge {
namespace {

TEST_CASE("a snapshot is taken when the last worker has it") {
  FakeEnv control;
  FakeEnv first;
  FakeEnv second;
  net::Env* workers[] = {&first.env, &second.env};
  Edge edge(control.env, workers, Fixture::with_address({}));
  Draft snapshot;
  edge.apply(snapshot.made());
  int taken = 0;
  edge.when_taken([&] { ++taken; });
  for (FakeEnv* env : {&control, &first, &control}) env->run_until_idle();
  CHECK(taken == 0);
  second.run_until_idle();
  CHECK(taken == 0);  // it is told where it asked
  control.run_until_idle();
  CHECK(taken == 1);
}

TEST_CASE("the origin gets what a proxy adds, and nothing of the client's hop") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send(
      "GET /a?b=c HTTP/1.1\r\nHost: web.example:8080\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\n"
      "X-Hop: 1\r\nTE: gzip\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nVia: 1.0 other\r\n"
      "X-Request-Id: r-1\r\nAccept: */*\r\nUpgrade: h2c\r\nCookie: k=v\r\n\r\n");
  Peer upstream = origin.accept();
  CHECK(upstream.take() ==
        "GET /a?b=c HTTP/1.1\r\nHost: web.example:8080\r\nAccept: */*\r\nCookie: k=v\r\n"
        "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: "
        "web.example:8080\r\n"
        "X-Request-Id: r-1\r\nVia: 1.0 other, 1.1 weir\r\n\r\n");
  upstream.send(
      "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: keep-alive\r\nKeep-Alive: 3\r\nContent-Length: 2\r\n"
      "Server: s\r\n\r\nhi");
  CHECK(client.take() ==
        "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\nServer: s\r\nVia: 1.1 weir\r\n\r\nhi");
  CHECK(client.open());
}

// An origin that came by tunnels to two edges.
struct Tunnelled : Fixture {
  Tunnelled() {
    origin.address = {config::Address::Family::kTunnel, "laptop", 0};
    origin.key = config::to_text(origin.address);
    origin.tunnels = {{.object = "web-1", .edge = "fra", .session = "a"},
                      {.object = "web-2", .edge = "ams", .session = "b"}};
    auto taken = fake.network.listen(auth::origin_address("web", "laptop"));
    REQUIRE(taken.has_value());
    listener = *std::move(taken);
    apply({origin});
  }
  Peer accept() {
    auto accepted = fake.run(listener->accept(), 1s);
    REQUIRE(accepted.has_value());
    REQUIRE(accepted->has_value());
    Peer served(fake, std::move((*accepted)->stream));
    fake.run_until_idle();
    return served;
  }
  config::Endpoint origin;
  std::unique_ptr<net::Listener> listener;
};

TEST_CASE("an origin that came by a tunnel is reached by what it is called") {
  Tunnelled world;
  Peer client(world.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer served = world.accept();
  CHECK(served.take().starts_with("GET / HTTP/1.1\r\n"));
}

TEST_CASE("a connection to a tunnelled origin is kept as long as the same sessions bring it") {
  Tunnelled world;
  Peer client(world.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer served = world.accept();
  served.send(kNoContent);
  CHECK(client.take().starts_with("HTTP/1.1 204"));
  bool kept = false;
  std::vector<config::TunnelEnd>& tunnels = world.origin.tunnels;
  SUBCASE("its weight changes") {
    world.origin.weight = 2;
    kept = true;
  }
  SUBCASE("they are told in another order") {
    std::swap(tunnels[0], tunnels[1]);
    kept = true;
  }
  SUBCASE("another session has come to one of the edges") { tunnels[1].session = "c"; }
  SUBCASE("one of them has left") { tunnels.pop_back(); }
  SUBCASE("one has moved to another edge") { tunnels[1].edge = "lon"; }
  world.apply({world.origin});
  CHECK(served.open() == kept);
  client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
  if (!kept) served = world.accept();
  CHECK(served.take().contains("GET /again HTTP/1.1\r\n"));
}

TEST_CASE("connections to the origin are kept and used again") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  fixture.apply({endpoint("10.0.0.1:80")});
  for (int i = 0; i < 10; ++i) CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  CHECK(fixture.fake.network.connects(*net::Address::parse("10.0.0.1:80")) == 1);
  CHECK(origin.answered() == 10);
  fixture.fake.advance(62s);  // the service's idle_timeout, and a sweep
  CHECK(fixture.fake.network.connected(*net::Address::parse("10.0.0.1:80")) == 0);
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
}

TEST_CASE("twenty requests over three equal origins are spread 7, 7, 6, whatever the connections") {
  Fixture fixture;
  std::vector<PeerListener> origins;
  for (const char* address : {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}) {
    origins.emplace_back(fixture.fake, address);
    origins.back().answer("\r\n\r\n", kNoContent);
  }
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80"), endpoint("10.0.0.3:80")});
  for (int i = 0; i < 20; ++i) CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  std::vector<std::size_t> counts{origins[0].answered(), origins[1].answered(), origins[2].answered()};
  std::ranges::sort(counts);
  CHECK(counts == std::vector<std::size_t>{6, 7, 7});
}

TEST_CASE("hosts and paths find their service; what nobody serves is 404, an empty service 503") {
  Fixture fixture;
  fixture.snapshot.services = {service("a", {endpoint("10.0.0.1:80")}),
                               service("b", {endpoint("10.0.0.2:80")}),
                               service("c", {endpoint("10.0.0.3:80")}), service("empty", {})};
  std::vector<PeerListener> origins;
  for (const char* letter : {"a", "b", "c"}) {
    origins.emplace_back(fixture.fake, "10.0.0." + std::to_string(letter[0] - 'a' + 1) + ":80");
    origins.back().answer("\r\n\r\n", answer_with(letter));
  }
  fixture.snapshot.load_balancers = {
      load_balancer("exact", {"x.example"}, "a"), load_balancer("path", {"x.example"}, "b", "/api"),
      load_balancer("wild", {"*.example"}, "c"), load_balancer("empty", {"empty.test"}, "empty")};
  fixture.apply();
  CHECK(content_of(fixture.get("/", "x.example")) == "a");
  CHECK(content_of(fixture.get("/", "X.Example.:8080")) == "a");
  CHECK(content_of(fixture.get("/api", "x.example")) == "b");
  CHECK(content_of(fixture.get("/api/v1?q", "x.example")) == "b");
  CHECK(content_of(fixture.get("/apiary", "x.example")) == "a");
  CHECK(content_of(fixture.get("/", "y.example")) == "c");
  CHECK(content_of(fixture.get("/", "deep.y.example")) == "c");
  CHECK(fixture.get("/", "other.test").starts_with("HTTP/1.1 404"));
  CHECK(fixture.get("/", "example").starts_with("HTTP/1.1 404"));
  const std::string none = fixture.get("/", "empty.test");
  CHECK(none.starts_with("HTTP/1.1 503"));
  CHECK(none.find("weir-reason: no_endpoint") != std::string::npos);
}

TEST_CASE("those who name a host best answer for all of it: what they don't serve is nobody else's") {
  Fixture fixture;
  fixture.snapshot.services = {service("a", {endpoint("10.0.0.1:80")}),
                               service("b", {endpoint("10.0.0.2:80")})};
  PeerListener a(fixture.fake, "10.0.0.1:80");
  PeerListener b(fixture.fake, "10.0.0.2:80");
  a.answer("\r\n\r\n", answer_with("a"));
  b.answer("\r\n\r\n", answer_with("b"));
  fixture.snapshot.load_balancers = {
      load_balancer("deep", {"*.deep.example"}, "a", "/a"), load_balancer("exact", {"x.example"}, "a", "/a"),
      load_balancer("more", {"x.example"}, "b", "/b"), load_balancer("rest", {}, "b"),
      load_balancer("wild", {"*.example"}, "b")};
  fixture.apply();
  CHECK(content_of(fixture.get("/a", "x.example")) == "a");
  CHECK(content_of(fixture.get("/b", "x.example")) == "b");
  CHECK(fixture.get("/c", "x.example").starts_with("HTTP/1.1 404"));
  CHECK(content_of(fixture.get("/a", "y.deep.example")) == "a");
  CHECK(fixture.get("/c", "y.deep.example").starts_with("HTTP/1.1 404"));
  CHECK(content_of(fixture.get("/c", "y.example")) == "b");
  CHECK(content_of(fixture.get("/c", "other.test")) == "b");
}

TEST_CASE(
    "a request that reached nobody goes to the next endpoint; one that may have been acted upon only if "
    "idempotent") {
  Fixture fixture;
  PeerListener good(fixture.fake, "10.0.0.2:80");
  good.answer("\r\n\r\n", kNoContent);
  SUBCASE("refused: also a POST") {
    fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
    for (int i = 0; i < 6; ++i) {
      Peer client(fixture.fake, kEdge);
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
      CHECK(client.take().starts_with("HTTP/1.1 204"));
    }
    // Set aside after the first failure: not tried for every second request.
    CHECK(fixture.fake.network.connects(*net::Address::parse("10.0.0.1:80")) == 1);
    fixture.fake.advance(1100ms);
    CHECK(fixture.get().starts_with("HTTP/1.1 204"));
    CHECK(fixture.get().starts_with("HTTP/1.1 204"));
    CHECK(fixture.fake.network.connects(*net::Address::parse("10.0.0.1:80")) == 2);
  }
  SUBCASE("closed without an answer: a GET goes on, a POST is told 502") {
    PeerListener bad(fixture.fake, "10.0.0.1:80");
    fixture.apply({endpoint("10.0.0.1:80", 1), endpoint("10.0.0.2:80", 1)});
    for (const char* method : {"GET", "POST"}) {
      Peer client(fixture.fake, kEdge);
      // The rotation decides who is asked first; the second request comes to the other.
      client.send(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
      if (!client.received().empty()) {
        client.take();
        client.send(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
      }
      Peer upstream = bad.accept();
      REQUIRE(upstream.connected());
      upstream.close();
      fixture.fake.run_until_idle();
      CHECK(client.take().starts_with(std::string_view(method) == "GET" ? "HTTP/1.1 204" : "HTTP/1.1 502"));
      fixture.fake.advance(31s);  // no longer set aside
    }
  }
}

TEST_CASE(
    "an idle connection that the origin closed is not used; one that it closes just then is tried again") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer first = origin.accept();
  first.send(kNoContent);
  CHECK(client.take().starts_with("HTTP/1.1 204"));
  client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(first.take().find("GET /2") != std::string::npos);
  first.close();  // instead of an answer
  fixture.fake.run_until_idle();
  Peer second = origin.accept();
  REQUIRE(second.connected());
  CHECK(second.take().find("GET /2") != std::string::npos);
  second.send(kNoContent);
  CHECK(client.take().starts_with("HTTP/1.1 204"));
}

TEST_CASE("what an origin may not send is 502, and its connection is not used again") {
  const std::string rows[] = {
      "garbage\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x') + "\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  };
  for (const std::string& row : rows) {
    CAPTURE(row.substr(0, 60));
    Fixture fixture;
    PeerListener origin(fixture.fake, "10.0.0.1:80");
    fixture.apply({endpoint("10.0.0.1:80")});
    Peer client(fixture.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    Peer upstream = origin.accept();
    upstream.send(row);
    CHECK(client.take().starts_with("HTTP/1.1 502"));
    CHECK(client.open());
    CHECK_FALSE(upstream.open());
  }
}

TEST_CASE("an origin that answers twice is used for one answer") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer upstream = origin.accept();
  upstream.send(answer_with("one") + answer_with("two"));
  CHECK(content_of(client.take()) == "one");
  CHECK_FALSE(upstream.open());
}

TEST_CASE("an origin that ends early cuts the client, who must not take a part for the whole") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer upstream = origin.accept();
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  upstream.close();
  fixture.fake.run_until_idle();
  CHECK(content_of(client.take()) == "half");
  CHECK(client.reset());
}

TEST_CASE("bodies stream both ways: chunks, trailers, until the end of the connection") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  Peer upstream = origin.accept();
  CHECK(upstream.take().ends_with("3\r\nabc\r\n"));
  client.send("2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
  CHECK(upstream.take() == "2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
  CHECK(client.take() ==
        "HTTP/1.1 200 OK\r\nDate: now\r\nVia: 1.1 weir\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
  upstream.send("1\r\ny\r\n0\r\nX-End: z\r\n\r\n");
  CHECK(client.take() == "1\r\ny\r\n0\r\nX-End: z\r\n\r\n");
  CHECK(client.open());

  client.send("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(upstream.take().starts_with("GET /old"));
  upstream.send("HTTP/1.0 200 OK\r\nDate: now\r\n\r\nuntil");
  upstream.finish();
  CHECK(client.take() ==
        "HTTP/1.1 200 OK\r\nDate: now\r\nVia: 1.0 weir\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nuntil\r\n0\r\n\r\n");
  CHECK(client.open());
}

TEST_CASE("100 (Continue) and other interim responses are passed on") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  Peer upstream = origin.accept();
  CHECK(upstream.take().find("Expect: 100-continue\r\n") != std::string::npos);
  CHECK(client.received().empty());
  upstream.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.take() == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  CHECK(upstream.take() == "ok");
  upstream.send(kNoContent);
  CHECK(client.take().starts_with("HTTP/1.1 204"));

  // An origin that says nothing about it gets the content after a second.
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.received().empty());
  fixture.fake.advance(1100ms);
  CHECK(client.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  CHECK(upstream.take().ends_with("\r\n\r\nok"));
  upstream.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.take().starts_with("HTTP/1.1 417"));
}

TEST_CASE("an answer that comes before the upload has ended is passed on, and ends both connections") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst bytes");
  Peer upstream = origin.accept();
  upstream.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
  const std::string answer = client.take();
  CHECK(answer.starts_with("HTTP/1.1 413"));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(content_of(answer) == "big");
  CHECK(client.ended());
  CHECK_FALSE(upstream.open());
}

TEST_CASE("a client that leaves closes its request at the origin") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  SUBCASE("while it waits") {
    Peer client(fixture.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    Peer upstream = origin.accept();
    client.close();
    fixture.fake.run_until_idle();
    CHECK_FALSE(upstream.open());
  }
  SUBCASE("while it uploads") {
    Peer client(fixture.fake, kEdge);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
    Peer upstream = origin.accept();
    client.abort();
    fixture.fake.run_until_idle();
    CHECK_FALSE(upstream.open());
  }
}

TEST_CASE("an origin that does not answer in time is 504") {
  Fixture fixture;
  fixture.spec().request_timeout = 3s;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.fake.advance(2900ms);
  CHECK(client.received().empty());
  fixture.fake.advance(200ms);
  CHECK(client.take().starts_with("HTTP/1.1 504"));
}

TEST_CASE("a route's body limit is 413, announced or not") {
  Fixture fixture;
  fixture.snapshot.load_balancers[0].spec.routes[0].request_body_bytes_max = 4;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer announced(fixture.fake, kEdge);
  announced.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(announced.take().starts_with("HTTP/1.1 413"));
  CHECK(announced.ended());
  CHECK_FALSE(origin.accept().connected());
  Peer chunked(fixture.fake, kEdge);
  chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  CHECK(chunked.take().starts_with("HTTP/1.1 413"));
  CHECK(chunked.ended());
}

TEST_CASE("with a health check, an endpoint serves after its first pass, leaves when it fails, and returns") {
  Fixture fixture;
  fixture.spec().health_check = config::HealthCheck{.http = config::HttpCheck{.path = "/healthz"}};
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  CHECK(fixture.get().starts_with("HTTP/1.1 503"));
  Peer check = origin.accept();
  CHECK(check.take() ==
        "GET /healthz HTTP/1.1\r\nHost: 10.0.0.1:80\r\nUser-Agent: weir-health\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n");
  check.send(kNoContent);
  fixture.fake.run_until_idle();
  origin.answer("\r\n\r\n", kNoContent);
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));

  fixture.fake.network.refuse(*net::Address::parse("10.0.0.1:80"));
  fixture.fake.advance(12s);  // two failures of a check every five seconds
  const std::string gone = fixture.get();
  CHECK(gone.starts_with("HTTP/1.1 503"));
  fixture.fake.network.refuse(*net::Address::parse("10.0.0.1:80"), false);
  fixture.fake.advance(6s);
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
}

TEST_CASE(
    "an endpoint that was ejected because it could not be reached is back with its next passing check") {
  Fixture fixture;
  fixture.spec().health_check = config::HealthCheck{.tcp = config::TcpCheck{}};
  fixture.spec().outlier_detection.consecutive_failures = 1;
  fixture.spec().outlier_detection.ejection_time = 1h;
  PeerListener first(fixture.fake, "10.0.0.1:80");
  first.answer("\r\n\r\n", answer_with("first"));
  PeerListener second(fixture.fake, "10.0.0.2:80");
  second.answer("\r\n\r\n", answer_with("second"));
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
  const auto answers = [&fixture] {
    const std::string one = content_of(fixture.get());
    return std::set<std::string>{one, content_of(fixture.get())};
  };
  fixture.fake.network.refuse(*net::Address::parse("10.0.0.1:80"));
  CHECK(answers() == std::set<std::string>{"second"});
  fixture.fake.network.refuse(*net::Address::parse("10.0.0.1:80"), false);
  fixture.fake.advance(6s);
  CHECK(answers().size() == 2);
}

TEST_CASE("a health check that is added to a service in use takes nothing out before its verdict") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  fixture.apply({endpoint("10.0.0.1:80")});
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  fixture.fake.network.blackhole(
      *net::Address::parse("10.0.0.1:80"));  // the check hangs; pooled connections work
  fixture.spec().health_check = config::HealthCheck{.tcp = config::TcpCheck{}};
  fixture.apply();
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
}

TEST_CASE("names are resolved, asked for again at their time to live, and kept while the resolver fails") {
  Fixture fixture;
  PeerListener first(fixture.fake, "10.0.0.1:80");
  first.answer("\r\n\r\n", answer_with("first"));
  PeerListener second(fixture.fake, "10.0.0.2:80");
  second.answer("\r\n\r\n", answer_with("second"));
  auto& network = fixture.fake.network;
  network.set_name("origin.test", {*net::Address::parse("10.0.0.1:0")}, 20s);
  fixture.apply({endpoint("origin.test:80")});
  CHECK(content_of(fixture.get()) == "first");
  network.set_name("origin.test", {*net::Address::parse("10.0.0.2:0")}, 20s);
  fixture.fake.advance(19s);
  CHECK(content_of(fixture.get()) == "first");
  fixture.fake.advance(2s);
  CHECK(content_of(fixture.get()) == "second");
  network.set_name("origin.test", {*net::Address::parse("10.0.0.1:0")}, 0s);  // asked for again in a second
  fixture.fake.advance(20s);
  CHECK(content_of(fixture.get()) == "first");
  network.set_name("origin.test", {*net::Address::parse("10.0.0.2:0")}, 0s);
  fixture.fake.advance(1100ms);
  CHECK(content_of(fixture.get()) == "second");
  network.remove_name("origin.test");
  fixture.fake.advance(60s);
  CHECK(content_of(fixture.get()) == "second");
}

TEST_CASE("a name with both families is reached by the one that answers, which goes first then") {
  Fixture fixture;
  auto& network = fixture.fake.network;
  const auto v4 = *net::Address::parse("10.0.0.1:80");
  const auto v6 = *net::Address::parse("[2001:db8::1]:80");
  constexpr const char* kAnswerAndClose = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
  PeerListener by_v4(fixture.fake, "10.0.0.1:80");
  by_v4.answer("\r\n\r\n", kAnswerAndClose);
  PeerListener by_v6(fixture.fake, "[2001:db8::1]:80");
  by_v6.answer("\r\n\r\n", kAnswerAndClose);
  network.set_name("origin.test", {v4, v6}, 5s);
  fixture.spec().health_check = config::HealthCheck{.interval = 1s, .tcp = config::TcpCheck{}};
  fixture.apply({endpoint("origin.test:80")});
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  CHECK(network.connects(v6) == 0);  // one host, not two

  network.blackhole(v4);
  fixture.fake.advance(10s);  // the checks find the other way
  Peer waiting(fixture.fake, kEdge);
  waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  fixture.fake.advance(tls::kNextAddressAfter - 1ms);
  CHECK(waiting.take().empty());
  fixture.fake.advance(1ms);
  CHECK(waiting.take().starts_with("HTTP/1.1 204"));
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));  // at once: by the way that answered last

  network.blackhole(v4, false);
  network.refuse(v6);
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  network.set_name("origin.test", {v4}, 5s);
  network.refuse(v6, false);
  fixture.fake.advance(5s);
  const auto checks = network.connects(v6);
  fixture.fake.advance(10s);
  CHECK(fixture.get().starts_with("HTTP/1.1 204"));
  CHECK(network.connects(v6) == checks);
}

TEST_CASE("a change touches only what it names: requests under way and idle connections go on") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer waiting(fixture.fake, kEdge);
  waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer upstream = origin.accept();
  Peer idle(fixture.fake, kEdge);
  for (int i = 0; i < 20; ++i) {
    fixture.snapshot.services.push_back(service("s" + std::to_string(i), {endpoint("10.0.1.1:80")}));
    fixture.apply();
  }
  fixture.snapshot.services[0].endpoints.clear();  // even its own endpoint is taken out
  fixture.apply();
  CHECK(upstream.open());
  upstream.send(answer_with("late"));
  CHECK(content_of(waiting.take()) == "late");
  CHECK(waiting.open());
  CHECK(idle.open());
  CHECK_FALSE(upstream.open());  // the endpoint is gone: its connection is not kept
}

TEST_CASE("a listener with a port of its own opens and closes with its load balancer") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", kNoContent);
  fixture.snapshot.load_balancers.push_back(load_balancer("own", {}, "web"));
  fixture.snapshot.load_balancers[1].spec.listeners[0].port = 9000;
  fixture.snapshot.load_balancers[0].spec.listeners[0].hostnames = {"only.this"};
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer own(fixture.fake, "127.0.0.1:9000");
  own.send("GET / HTTP/1.1\r\nHost: anything\r\n\r\n");
  CHECK(own.take().starts_with("HTTP/1.1 204"));
  CHECK(fixture.get().starts_with("HTTP/1.1 404"));
  fixture.snapshot.load_balancers.pop_back();
  fixture.apply();
  CHECK_FALSE(Peer(fixture.fake, "127.0.0.1:9000").connected());
  CHECK(own.open());
}

}  // namespace
}  // namespace weir::edge
