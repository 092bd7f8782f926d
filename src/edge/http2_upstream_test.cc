// Services of protocol HTTP2: what their endpoints get, and what becomes of it.
#include <string>
#include <string_view>
#include <vector>

#include "edge/edge_fixture.h"
#include "h2/server_fixture.h"

namespace weir::edge {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kOrigin = "10.0.0.1:80";

// An origin that does what a path says.
struct Origin {
  Origin(FakeEnv& env, std::string_view address)
      : fake(env), service(env.loop), server(env.env, service, {.h2 = h2::make_connection}) {
    server.listen(*fake.network.listen(*net::Address::parse(address)),
                  std::make_shared<h2::PriorKnowledge>());
  }
  ~Origin() {
    server.drain();
    server.cut();
    CHECK(fake.run(server.join(), 60s));
  }
  FakeEnv& fake;
  h2::PathService service;
  http::Server server;
};

// --- frames, for an origin that the test plays itself
constexpr std::string_view kSettings = "\0\0\0\4\0\0\0\0\0"sv;
constexpr std::string_view kOneStream = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\1"sv;  // MAX_CONCURRENT_STREAMS 1
constexpr std::string_view kOk1 = "\0\0\1\1\5\0\0\0\1\x88"sv;                // HEADERS 1 end :status=200
constexpr std::string_view kOk3 = "\0\0\1\1\5\0\0\0\3\x88"sv;
constexpr std::string_view kRefused1 = "\0\0\4\3\0\0\0\0\1\0\0\0\7"sv;          // RST_STREAM 1 REFUSED_STREAM
constexpr std::string_view kInternal1 = "\0\0\4\3\0\0\0\0\1\0\0\0\2"sv;         // RST_STREAM 1 INTERNAL_ERROR
constexpr std::string_view kGoaway1 = "\0\0\x8\7\0\0\0\0\0\0\0\0\1\0\0\0\0"sv;  // GOAWAY, last stream 1

// "HEADERS 1 DATA 1 RST_STREAM 1 8": what concerns streams.
std::string streams(std::string bytes) {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  if (bytes.starts_with(kPreface)) bytes.erase(0, kPreface.size());
  std::string text;
  while (bytes.size() >= 9) {
    const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::size_t length = (at(0) * 256U + at(1)) * 256U + at(2);
    const std::string id = std::to_string(at(7) * 256 + at(8)) + " ";
    if (at(3) == 0) text += "DATA " + id;
    if (at(3) == 1) text += "HEADERS " + id;
    if (at(3) == 3) text += "RST_STREAM " + id + std::to_string(at(12)) + " ";
    if (at(3) == 7) text += "GOAWAY ";
    bytes.erase(0, 9 + length);
  }
  return text;
}

struct Http2Fixture : Fixture {
  explicit Http2Fixture(EdgeOptions options = {}) : Fixture(std::move(options)) {
    spec().protocol = config::Protocol::kHttp2;
    apply({endpoint(kOrigin)});
  }
  std::size_t connects() { return fake.network.connects(*net::Address::parse(kOrigin)); }
};

TEST_CASE("requests share a connection of HTTP/2, and the origin gets what a proxy adds") {
  Http2Fixture test;
  const Origin origin(test.fake, kOrigin);
  Peer slow(test.fake, kEdge);
  slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(test.get("/a?b=c", "web.example").ends_with("GET /a"));
  CHECK(origin.service.last_head.starts_with("GET web.example /a b=c 0 0 "));
  for (const std::string_view field : {"x-forwarded-for=127.0.0.1", "x-forwarded-proto=http",
                                       "x-forwarded-host=web.example", "via=1.1 weir", "x-request-id="}) {
    CHECK(origin.service.last_head.find(field) != std::string::npos);
  }
  test.fake.advance(6s);
  CHECK(slow.take().ends_with("GET /slow"));
  CHECK(test.connects() == 1);
}

TEST_CASE("contents and trailers go both ways over HTTP/2") {
  Http2Fixture test;
  const Origin origin(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nx-end: "
      "yes\r\n\r\n");
  CHECK(client.take().find("POST /echo one x-end=yes") != std::string::npos);
  client.send("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n");
  test.fake.advance(4s);
  const std::string response = client.take();
  CHECK(response.find("Transfer-Encoding: chunked") != std::string::npos);
  CHECK(response.find("Via: 2 weir") != std::string::npos);
  CHECK(response.ends_with("5\r\npiece\r\n5\r\npiece\r\n5\r\npiece\r\n0\r\ngrpc-status: 0\r\n\r\n"));
}

TEST_CASE("a refused stream goes to another endpoint, with its content") {
  Http2Fixture test;
  PeerListener refusing(test.fake, "10.0.0.1:80");
  const Origin other(test.fake, "10.0.0.2:80");
  test.apply({endpoint("10.0.0.1:80", 1000), endpoint("10.0.0.2:80", 1)});
  Peer client(test.fake, kEdge);
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  Peer origin = refusing.accept();
  REQUIRE(origin.connected());
  origin.send(std::string(kSettings) + std::string(kRefused1));
  CHECK(streams(origin.take()) == "HEADERS 1 DATA 1 ");
  CHECK(client.take().ends_with("POST /p hello"));
  CHECK(origin.open());
}

TEST_CASE(
    "a stream that waits at an endpoint that goes down is answered by another, and no other stream ends") {
  Http2Fixture test;
  PeerListener dying(test.fake, "10.0.0.1:80");
  const Origin other(test.fake, "10.0.0.2:80");
  test.spec().health_check = config::HealthCheck{.interval = 1h, .tcp = config::TcpCheck{}};
  test.apply({endpoint("10.0.0.1:80", 1000), endpoint("10.0.0.2:80", 1)});
  test.fake.advance(1s);
  while (dying.accept().connected()) continue;
  Peer client(test.fake, kEdge);
  client.send("GET /p HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer origin = dying.accept();
  REQUIRE(origin.connected());
  origin.send(kSettings);
  Peer stays(test.fake, kEdge);
  stays.send("POST /q HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  CHECK(streams(origin.take()) == "HEADERS 1 HEADERS 3 ");
  test.edge.set_verdict("web", {"10.0.0.1:80"});
  test.fake.run_until_idle();
  CHECK(client.take().ends_with("GET /p"));
  CHECK(streams(origin.take()).starts_with("RST_STREAM 1 "));
  origin.send(kOk3);
  CHECK(stays.take().starts_with("HTTP/1.1 200"));
}

TEST_CASE("an origin that says goodbye gets what it did not take over a new connection") {
  Http2Fixture test;
  PeerListener listener(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer first = listener.accept();
  first.send(std::string(kSettings) + std::string(kOk1));
  CHECK(client.take().starts_with("HTTP/1.1 200"));
  (void)first.take();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nagain");
  CHECK(streams(first.take()) == "HEADERS 3 DATA 3 ");
  first.send(kGoaway1);
  CHECK(first.ended());
  Peer second = listener.accept();
  REQUIRE(second.connected());
  CHECK(streams(second.take()) == "HEADERS 1 DATA 1 ");
  second.send(std::string(kSettings) + std::string(kOk1));
  CHECK(client.take().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a stream that is reset is a bad gateway, and says nothing about the connection") {
  Http2Fixture test;
  PeerListener listener(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  Peer origin = listener.accept();
  origin.send(std::string(kSettings) + std::string(kInternal1));
  CHECK(client.take().starts_with("HTTP/1.1 502"));
  Peer next(test.fake, kEdge);
  next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  origin.send(kOk3);
  CHECK(next.take().starts_with("HTTP/1.1 200"));
  CHECK(test.connects() == 1);
}

TEST_CASE(
    "beyond the streams that an origin allows there are more connections, up to the circuit breaker's") {
  Http2Fixture test;
  test.spec().circuit_breakers.connections_max = 2;
  test.apply();
  PeerListener listener(test.fake, kOrigin);
  std::vector<Peer> clients;
  std::vector<Peer> origins;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back(test.fake, kEdge).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    origins.push_back(listener.accept());
    REQUIRE(origins.back().connected());
    origins.back().send(kOneStream);
  }
  CHECK(test.get().starts_with("HTTP/1.1 503"));
  for (int i = 0; i < 2; ++i) {
    origins[i].send(kOk1);
    CHECK(clients[i].take().starts_with("HTTP/1.1 200"));
  }
  Peer third(test.fake, kEdge);
  third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(streams(origins[0].take()).ends_with("HEADERS 3 "));
}

TEST_CASE("a client that leaves resets its stream; an idle connection is closed") {
  Http2Fixture test;
  PeerListener listener(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer origin = listener.accept();
  origin.send(kSettings);
  (void)origin.take();
  client.close();
  CHECK(streams(origin.take()) == "RST_STREAM 1 8 ");
  CHECK(origin.open());
  test.fake.advance(62s);
  CHECK(streams(origin.take()) == "GOAWAY ");
  CHECK(origin.ended());
}

TEST_CASE("an origin that speaks no HTTP/2 is a bad gateway") {
  Http2Fixture test;
  PeerListener listener(test.fake, kOrigin);
  listener.answer("\r\n\r\n", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  CHECK(test.get().starts_with("HTTP/1.1 502"));
}

TEST_CASE("a service that changes its protocol uses none of the old connections") {
  Http2Fixture test;
  PeerListener listener(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer first = listener.accept();
  first.send(std::string(kSettings) + std::string(kOk1));
  CHECK(client.take().starts_with("HTTP/1.1 200"));
  test.spec().protocol = config::Protocol::kHttp;
  test.apply();
  CHECK(first.ended());
  client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  Peer second = listener.accept();
  REQUIRE(second.connected());
  CHECK(second.take().starts_with("GET /b HTTP/1.1\r\n"));
}

TEST_CASE("requests that wait for a connection share the one that is being opened, and its failure") {
  Http2Fixture test;
  test.fake.network.blackhole(*net::Address::parse(kOrigin));
  Peer first(test.fake, kEdge);
  Peer second(test.fake, kEdge);
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(test.connects() == 1);
  test.fake.advance(20s);
  CHECK(first.take().starts_with("HTTP/1.1 504"));
  CHECK(second.take().starts_with("HTTP/1.1 504"));
}

TEST_CASE("a route says how long a stream may be silent, and how long it may last") {
  Http2Fixture test;
  config::Route& route = test.snapshot.load_balancers[0].spec.routes[0];
  PeerListener listener(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  constexpr std::string_view kHead1 = "\0\0\1\1\4\0\0\0\1\x88"sv;  // HEADERS 1 :status=200
  const auto begin = [&] {
    test.apply();
    client = Peer(test.fake, kEdge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    Peer origin = listener.accept();
    origin.send(std::string(kSettings) + std::string(kHead1));
    CHECK(client.take().starts_with("HTTP/1.1 200"));
    CHECK(client.open());
    return origin;
  };
  SUBCASE("silence") {
    route.stream_idle_timeout = 10min;
    Peer origin = begin();
    test.fake.advance(9min);
    CHECK(client.open());
    test.fake.advance(2min);
    CHECK_FALSE(client.open());
  }
  SUBCASE("silence, where nothing is said about it") {
    Peer origin = begin();
    test.fake.advance(61s);
    CHECK_FALSE(client.open());
  }
  SUBCASE("duration") {
    route.stream_duration_max = 5s;
    Peer origin = begin();
    test.fake.advance(4s);
    CHECK(client.open());
    test.fake.advance(2s);
    CHECK_FALSE(client.open());
    CHECK(streams(origin.take()).ends_with("RST_STREAM 1 8 "));
  }
}

TEST_CASE("an upload may be silent while the origin speaks") {
  Http2Fixture test;
  test.snapshot.load_balancers[0].spec.routes[0].stream_idle_timeout = 10s;
  test.apply();
  PeerListener listener(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  Peer origin = listener.accept();
  origin.send(std::string(kSettings) + std::string("\0\0\1\1\4\0\0\0\1\x88"sv));
  for (int i = 0; i < 5; ++i) {
    test.fake.advance(7s);
    origin.send("\0\0\1\0\0\0\0\0\1x"sv);  // DATA 1
    CHECK(client.take().ends_with("1\r\nx\r\n"));
  }
  test.fake.advance(20s);
  CHECK_FALSE(client.open());
}

TEST_CASE("a call of gRPC may drip") {
  Http2Fixture test({.http = {}, .server = {.h2 = h2::make_connection}});
  test.snapshot.load_balancers[0].spec.listeners[0].h2c = true;
  test.apply();
  PeerListener listener(test.fake, kOrigin);
  Peer client(test.fake, kEdge);
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(kSettings) +
              std::string("\0\0\x19\1\4\0\0\0\1\x83\x86\x84\x41\1a\xf\x10\x10"sv) + "application/grpc");
  Peer origin = listener.accept();
  origin.send(std::string(kSettings));
  for (int second = 0; second < 100; ++second) {
    client.send("\0\0\1\0\0\0\0\0\1x"sv);  // DATA 1
    test.fake.advance(1s);
  }
  CHECK(streams(origin.take()).ends_with("DATA 1 DATA 1 "));
}

TEST_CASE("a client of gRPC may keep its stream silent; other content has to come") {
  for (const bool grpc : {true, false}) {
    CAPTURE(grpc);
    Http2Fixture test({.http = {}, .server = {.h2 = h2::make_connection}});
    test.snapshot.load_balancers[0].spec.listeners[0].h2c = true;
    test.apply();
    PeerListener listener(test.fake, kOrigin);
    Peer client(test.fake, kEdge);
    // HEADERS 1: POST http / a, and the content's type
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(kSettings) +
                std::string("\0\0\x19\1\4\0\0\0\1\x83\x86\x84\x41\1a\xf\x10\x10"sv) +
                (grpc ? "application/grpc" : "application/json"));
    Peer origin = listener.accept();
    origin.send(std::string(kSettings));
    test.fake.advance(10min);
    client.send("\0\0\1\0\0\0\0\0\1x"sv);  // DATA 1
    CHECK(streams(origin.take()).starts_with(grpc ? "HEADERS 1 DATA 1 " : "HEADERS 1 RST_STREAM 1 8 "));
    CHECK(client.open() == grpc);
  }
}

}  // namespace
}  // namespace weir::edge
