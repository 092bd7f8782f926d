// Connections of TCP listeners: where they go, what ends them, and what is told of them.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/edge_fixture.h"

namespace weir::edge {
namespace {

constexpr std::string_view kPort = "127.0.0.1:15432";
constexpr std::string_view kFirst = "10.0.0.1:5432";
constexpr std::string_view kSecond = "10.0.0.2:5432";

// A load balancer of TCP on port 15432, and its service.
struct Tcp : Fixture {
  Tcp() {
    snapshot.services[0].spec.protocol = config::Protocol::kTcp;
    config::LoadBalancer& made = snapshot.load_balancers[0];
    made.name = "db";
    made.spec.listeners[0] = {.protocol = config::ListenerProtocol::kTcp, .hostnames = {}, .port = 15432};
  }
  config::Listener& listener() { return snapshot.load_balancers[0].spec.listeners[0]; }
  config::Route& route() { return snapshot.load_balancers[0].spec.routes[0]; }
  void start() { apply({endpoint(kFirst)}); }
  void pass(Duration time) { fake.advance(time); }
  std::string metrics() const {
    std::string text;
    edge.write_metrics(text);
    return text;
  }
  bool shows(const std::string& line) const { return metrics().contains("\n" + line + "\n"); }
};

TEST_CASE("bytes go both ways, whoever speaks first, and an end of one side is passed on") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  tcp.start();
  Peer client(tcp.fake, kPort);
  Peer server = origin.accept();
  REQUIRE(server.connected());  // before the client has said anything
  server.send("220 ready\r\n");
  CHECK(client.take() == "220 ready\r\n");
  client.send("HELO a\r\n");
  CHECK(server.take() == "HELO a\r\n");
  client.finish();
  CHECK(server.ended());
  server.send("250 the rest\r\n");
  CHECK(client.take() == "250 the rest\r\n");
  CHECK_FALSE(client.ended());
  server.finish();
  CHECK(client.ended());
  CHECK_FALSE(client.reset());
  CHECK(tcp.shows("weir_load_balancer_connections_total{load_balancer=\"db\"} 1"));
  CHECK(tcp.shows("weir_service_connections_failed_total{service=\"web\"} 0"));
  CHECK(tcp.shows("weir_load_balancer_received_bytes_total{load_balancer=\"db\"} 8"));
  CHECK(tcp.shows("weir_load_balancer_sent_bytes_total{load_balancer=\"db\"} 25"));
  CHECK(tcp.shows("weir_tcp_connections 0"));
}

TEST_CASE("much goes through as it came") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  tcp.start();
  Peer client(tcp.fake, kPort);
  Peer server = origin.accept();
  std::string much;
  for (int i = 0; much.size() < 3'000'000; ++i) much += std::to_string(i);
  server.stop_reading();
  client.send(much);
  server.read_again();
  CHECK((server.take() == much));
  server.send(much);
  server.finish();
  CHECK((client.take() == much));
  CHECK(client.ended());
}

TEST_CASE("an endpoint that can't be reached costs nothing: the next one gets every byte") {
  Tcp tcp;
  PeerListener second(tcp.fake, kSecond);
  tcp.apply({endpoint(kFirst), endpoint(kSecond)});
  for (int i = 0; i < 4; ++i) {
    Peer client(tcp.fake, kPort);
    client.send("early");
    Peer server = second.accept();
    REQUIRE(server.connected());
    CHECK(server.take() == "early");
  }
  CHECK(tcp.shows("weir_service_connections_failed_total{service=\"web\"} 0"));
}

TEST_CASE("a connection that no endpoint takes is cut at once, and told why") {
  Tcp tcp;
  tcp.start();
  Peer client(tcp.fake, kPort);
  CHECK(client.reset());
  CHECK(tcp.shows("weir_service_connections_failed_total{service=\"web\"} 1"));
  CHECK(tcp.shows("weir_tcp_connections_unreached_total 1"));
  tcp.apply({});
  Peer another(tcp.fake, kPort);
  CHECK(another.reset());
}

TEST_CASE("an endpoint that is a listener of this edge is refused: it would go in a circle") {
  Tcp tcp;
  tcp.apply({endpoint(kPort)});
  Peer client(tcp.fake, kPort);
  CHECK(client.reset());
  CHECK(tcp.shows("weir_load_balancer_connections_total{load_balancer=\"db\"} 1"));
}

TEST_CASE("who may not come, and what is over a limit, is cut before an endpoint hears of it") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  SUBCASE("by address") {
    tcp.route().ip_access.emplace().deny = {"127.0.0.0/8"};
    tcp.start();
    CHECK(Peer(tcp.fake, kPort).reset());
  }
  SUBCASE("by the rate of an address") {
    tcp.route().rate_limits = {{.requests = 1, .per = 1s, .by_address = true, .by_header = {}}};
    tcp.start();
    Peer first(tcp.fake, kPort);
    CHECK(first.open());
    CHECK(origin.accept().connected());
    CHECK(Peer(tcp.fake, kPort).reset());
  }
  const auto two_at_a_time = [&] {
    tcp.start();
    std::optional<Peer> first(std::in_place, tcp.fake, kPort);
    Peer second(tcp.fake, kPort);
    CHECK(origin.accept().connected());
    CHECK(origin.accept().connected());
    CHECK(Peer(tcp.fake, kPort).reset());
    first.reset();  // makes room
    Peer third(tcp.fake, kPort);
    CHECK(third.open());
    CHECK(origin.accept().connected());
  };
  SUBCASE("by number") {
    tcp.listener().connections_max = 2;
    two_at_a_time();
  }
  SUBCASE("by number of one source") {
    tcp.listener().connections_per_source_max = 2;
    two_at_a_time();
  }
  CHECK_FALSE(origin.accept().connected());
}

TEST_CASE("silence ends a connection, sooner when one side has ended; what lasts too long ends in any case") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  tcp.route().stream_idle_timeout = 60s;
  tcp.route().half_close_timeout = 10s;
  tcp.start();
  Peer client(tcp.fake, kPort);
  Peer server = origin.accept();
  SUBCASE("both ways count") {
    for (int i = 0; i < 5; ++i) {
      tcp.pass(50s);
      server.send("tick");
      CHECK(client.take() == "tick");
    }
    tcp.pass(61s);
    CHECK(client.reset());
    CHECK(server.reset());
  }
  SUBCASE("half closed") {
    client.finish();
    tcp.pass(9s);
    server.send("tick");
    CHECK(client.take() == "tick");
    tcp.pass(9s);
    CHECK_FALSE(client.reset());
    tcp.pass(2s);
    CHECK(client.reset());
  }
}

TEST_CASE("a connection lasts as long as its route allows") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  tcp.route().stream_duration_max = 30s;
  tcp.start();
  Peer client(tcp.fake, kPort);
  Peer server = origin.accept();
  for (int i = 0; i < 3; ++i) {
    tcp.pass(9s);
    server.send("tick");
  }
  CHECK(client.open());
  tcp.pass(4s);
  CHECK(client.reset());
  CHECK(server.reset());
}

TEST_CASE("an endpoint that is taken out keeps its connections as long as its service says") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  tcp.spec().drain_timeout = 20s;
  tcp.start();
  Peer client(tcp.fake, kPort);
  Peer server = origin.accept();
  tcp.apply({endpoint(kSecond)});
  tcp.pass(19s);
  client.send("still");
  CHECK(server.take() == "still");
  tcp.pass(2s);
  CHECK(client.reset());
  CHECK(server.reset());
}

TEST_CASE("a side that breaks cuts the other") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  tcp.start();
  Peer client(tcp.fake, kPort);
  Peer server = origin.accept();
  SUBCASE("the client") {
    client.abort();
    CHECK(server.reset());
  }
  SUBCASE("the endpoint") {
    server.abort();
    CHECK(client.reset());
    CHECK(tcp.shows("weir_service_connections_failed_total{service=\"web\"} 1"));
  }
}

TEST_CASE("PROXY headers say whose connection it is, in from who is listed and out to endpoints") {
  Tcp tcp;
  PeerListener origin(tcp.fake, kFirst);
  tcp.listener().proxy_protocol_from = {"127.0.0.0/8"};
  tcp.spec().proxy_protocol = config::ProxyProtocol::kV1;
  tcp.start();
  Peer client(tcp.fake, kPort);
  client.send("PROXY TCP4 192.0.2.7 192.0.2.8 4711 5432\r\nhel");
  client.send("lo");
  Peer server = origin.accept();
  CHECK(server.take() == "PROXY TCP4 192.0.2.7 0.0.0.0 4711 15432\r\nhello");
  Peer liar(tcp.fake, kPort);
  liar.send("no header at all, but long enough to be seen as none\r\n");
  CHECK_FALSE(liar.open());
}

TEST_CASE("the source decides the endpoint where the service says so") {
  Tcp tcp;
  PeerListener first(tcp.fake, kFirst);
  PeerListener second(tcp.fake, kSecond);
  tcp.spec().balance = static_cast<config::Balance>(4);  // MAGLEV
  tcp.spec().hash_on.emplace().source = true;
  tcp.spec().hash_on->load_percent_max = 0;
  tcp.apply({endpoint(kFirst), endpoint(kSecond)});
  std::vector<Peer> clients;
  for (int i = 0; i < 6; ++i) clients.emplace_back(tcp.fake, kPort);
  int at_first = 0;
  while (first.accept().connected()) ++at_first;
  CHECK((at_first == 0 || at_first == 6));
}

TEST_CASE("backends share a listener's connections by weight") {
  Tcp tcp;
  PeerListener first(tcp.fake, kFirst);
  PeerListener second(tcp.fake, kSecond);
  config::Service other = service("other", {endpoint(kSecond)});
  other.spec.protocol = config::Protocol::kTcp;
  tcp.snapshot.services.push_back(other);
  tcp.route().backends.push_back({"other", 1});
  tcp.start();
  std::vector<Peer> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(tcp.fake, kPort);
  for (int i = 0; i < 2; ++i) {
    CHECK(first.accept().connected());
    CHECK(second.accept().connected());
  }
}

}  // namespace
}  // namespace weir::edge
