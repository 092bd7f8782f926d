// What the endpoints of each zone are given, and have in flight: counted where requests, calls and
// connections go to.
#include <string>
#include <utility>
#include <vector>

#include "edge/edge_fixture.h"
#include "lb/policies.h"

namespace weir::edge {
namespace {

using Sum = record::ServiceLoads::Sum;

config::Endpoint in_zone(std::string_view address, std::string zone, std::uint32_t priority = 0) {
  config::Endpoint made = endpoint(address);
  made.zone = std::move(zone);
  made.priority = priority;
  return made;
}

Sum load_of(const Fixture& fixture, const std::string& zone, const std::string& service = "web") {
  const auto sums = fixture.edge.service_loads();
  CHECK(sums.all);
  const auto found = sums.of.find({service, zone});
  return found == sums.of.end() ? Sum{} : found->second;
}

TEST_CASE("requests count for the zone of the endpoint that they are given to, until they have ended") {
  Pool pool("fra");
  pool.origins[1].answer("\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12");  // and no more
  pool.snapshot.load_balancers[0].spec.routes[0].stream_idle_timeout = 1h;
  pool.apply({in_zone("10.0.0.1:80", "fra"), in_zone("10.0.0.2:80", "ams", 1)});
  CHECK(pool.spread(3) == std::map<std::string, int>{{"a", 3}});
  CHECK(load_of(pool, "fra") == Sum{.requests = 3, .in_flight = 0});
  CHECK(load_of(pool, "ams") == Sum{});
  pool.apply({in_zone("10.0.0.2:80", "ams")});
  Peer client(pool.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.take().ends_with("12"));
  CHECK(load_of(pool, "ams") == Sum{.requests = 1, .in_flight = 1});
  pool.apply({});
  pool.fake.advance(2min);
  pool.apply();  // nobody holds its counts but the request itself
  CHECK(load_of(pool, "ams") == Sum{.requests = 1, .in_flight = 1});
  client.abort();
  pool.fake.run_until_idle();
  CHECK(load_of(pool, "ams") == Sum{.requests = 1, .in_flight = 0});
  pool.apply();
  pool.fake.advance(2min);
  pool.apply();
  CHECK_FALSE(pool.edge.service_loads().of.contains({"web", "ams"}));
}

TEST_CASE("what is carried is told by name: requests, contents, and what has not ended") {
  using Sort = record::Traffic::Sort;
  Pool pool;
  // Which goes by what endpoints have in flight: of the others it is not counted.
  pool.spec().balance = static_cast<config::Balance>(*lb::find_policy("LEAST_REQUEST"));
  pool.origins[1].answer("\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12");  // and no more
  pool.snapshot.load_balancers[0].spec.routes[0].stream_idle_timeout = 1h;
  pool.apply({endpoint("10.0.0.1:80")});
  CHECK(pool.spread(3) == std::map<std::string, int>{{"a", 3}});
  pool.apply({endpoint("10.0.0.2:80")});
  Peer client(pool.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.take().ends_with("12"));
  const record::Traffic::Sum service = pool.edge.traffic(Sort::kService).at("web");
  CHECK(service.responses[2] == 3);
  CHECK(service.bytes_sent == 3);
  CHECK(service.under_way == 1);
  CHECK(pool.edge.traffic(Sort::kEndpoint).at("web/10.0.0.2:80").under_way == 1);
  const record::Traffic::Sum total = pool.edge.traffic_total();
  CHECK(total.responses[2] == 3);
  CHECK(total.under_way == 1);
  client.abort();
  pool.fake.run_until_idle();
  CHECK(pool.edge.traffic_total().under_way == 0);
  CHECK(pool.edge.traffic(Sort::kEndpoint).at("web/10.0.0.2:80").under_way == 0);
}

TEST_CASE("an endpoint that moves to another zone is counted there, on the connections that it has") {
  Pool pool;
  pool.apply({in_zone("10.0.0.1:80", "fra")});
  pool.spread(1);
  pool.apply({in_zone("10.0.0.1:80", "ams")});
  pool.spread(2);
  pool.apply({endpoint("10.0.0.1:80")});
  pool.spread(1);
  CHECK(load_of(pool, "ams") == Sum{.requests = 2, .in_flight = 0});
  CHECK(load_of(pool, "") == Sum{.requests = 1, .in_flight = 0});
}

TEST_CASE("a retry counts where it goes, too") {
  Pool pool;
  pool.spec().retries.attempts = 2;
  pool.apply({in_zone("10.0.9.9:80", "ams"), in_zone("10.0.0.1:80", "fra", 1)});  // nobody is at the first
  CHECK(content_of(pool.get()) == "a");
  CHECK(load_of(pool, "ams") == Sum{.requests = 1, .in_flight = 0});
  CHECK(load_of(pool, "fra") == Sum{.requests = 1, .in_flight = 0});
}

TEST_CASE("a request that finds no endpoint counts for the edge's own zone, where one may be missing") {
  Pool pool("fra");
  pool.apply({});
  CHECK(pool.get().starts_with("HTTP/1.1 503"));
  CHECK(load_of(pool, "fra") == Sum{.requests = 1, .in_flight = 0});
}

TEST_CASE("a service is served from near while an endpoint of the edge's zone can be used") {
  Pool pool("fra");
  CHECK_FALSE(pool.edge.serves_near("web"));
  CHECK_FALSE(pool.edge.serves_near("none"));
  pool.spec().health_check = config::HealthCheck{.http = config::HttpCheck{.path = "/"}};
  pool.spec().health_check->http->expected_statuses = {{200, 200}};
  pool.apply({in_zone("10.0.0.1:80", "fra"), in_zone("10.0.0.2:80", "ams")});
  pool.fake.advance(1s);
  CHECK(pool.edge.serves_near("web"));
  pool.fail_checks('a');
  pool.fake.advance(60s);
  CHECK(pool.edge.status_of("web").serving == 1);
  CHECK_FALSE(pool.edge.serves_near("web"));
  pool.fail_checks('a', false);
  pool.fake.advance(60s);
  CHECK(pool.edge.serves_near("web"));
  auto drained = in_zone("10.0.0.1:80", "fra");
  drained.weight = 0;
  pool.apply({drained, in_zone("10.0.0.2:80", "ams")});
  CHECK_FALSE(pool.edge.serves_near("web"));
}

TEST_CASE("what is counted is shown, with zones as they are written") {
  Pool pool;
  pool.apply({in_zone("10.0.0.1:80", "a \"b\\\n")});
  pool.spread(2);
  std::string metrics;
  pool.edge.write_metrics(metrics);
  CHECK(metrics.contains("\nweir_service_zone_requests_total{service=\"web\",zone=\"a \\\"b\\\\ \"} 2\n"));
  CHECK(metrics.contains("\nweir_service_in_flight{service=\"web\",zone=\"a \\\"b\\\\ \"} 0\n"));
}

// A load balancer of TCP on port 15432.
struct Tcp : Fixture {
  static constexpr std::string_view kPort = "127.0.0.1:15432";
  Tcp() : Fixture(EdgeOptions{.http = {}, .server = {}, .zone = "fra"}) {
    spec().protocol = config::Protocol::kTcp;
    snapshot.load_balancers[0].spec.listeners[0] = {
        .protocol = config::ListenerProtocol::kTcp, .hostnames = {}, .port = 15432};
  }
};

TEST_CASE("connections of TCP count like requests") {
  Tcp tcp;
  PeerListener origin(tcp.fake, "10.0.0.1:5432");
  tcp.apply({in_zone("10.0.9.9:5432", "ams"), in_zone("10.0.0.1:5432", "fra", 1)});
  Peer client(tcp.fake, Tcp::kPort);
  Peer server = origin.accept();
  CHECK(load_of(tcp, "ams") == Sum{.requests = 1, .in_flight = 0});  // nobody is there
  CHECK(load_of(tcp, "fra") == Sum{.requests = 1, .in_flight = 1});
  client.finish();
  server.finish();
  tcp.fake.run_until_idle();
  CHECK(load_of(tcp, "fra") == Sum{.requests = 1, .in_flight = 0});
  tcp.apply({});
  Peer lost(tcp.fake, Tcp::kPort);
  tcp.fake.run_until_idle();
  CHECK(load_of(tcp, "fra") == Sum{.requests = 2, .in_flight = 0});
}

TEST_CASE("a connection that another process has carried is in flight, and no new one") {
  Tcp tcp;
  PeerListener origin(tcp.fake, "10.0.0.1:5432");
  PeerListener visitor(tcp.fake, "10.0.0.7:1000");
  tcp.apply({in_zone("10.0.0.1:5432", "fra")});
  const auto connected = [&tcp](std::string_view to) {
    auto stream = tcp.fake.run(tcp.fake.env.network.connect(*net::Address::parse(to), 1s));
    REQUIRE((stream && *stream));
    return std::move(**stream);
  };
  tcp.edge.adopt(0, MovedConnection{.near = connected("10.0.0.7:1000"),
                                    .far = connected("10.0.0.1:5432"),
                                    .carried = {},
                                    .peer = *net::Address::parse("10.0.0.7:1000"),
                                    .local_port = 15432,
                                    .id = "1",
                                    .listener = "web/0",
                                    .server_name = {},
                                    .service = "web",
                                    .endpoint = "10.0.0.1:5432",
                                    .tries = 1});
  tcp.fake.run_until_idle();
  CHECK(load_of(tcp, "fra") == Sum{.requests = 0, .in_flight = 1});
  visitor.accept().finish();
  origin.accept().finish();
  tcp.fake.run_until_idle();
  CHECK(load_of(tcp, "fra") == Sum{.requests = 0, .in_flight = 0});
}

}  // namespace
}  // namespace weir::edge
