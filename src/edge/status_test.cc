// What an edge tells of its endpoints and listeners.
#include "edge/edge_fixture.h"

namespace weir::edge {
namespace {

using config::EndpointHealth;

config::HealthCheck check() {
  return {.interval = 5s, .timeout = 1s, .unhealthy_threshold = 2, .healthy_threshold = 1, .http = {}};
}

const config::EndpointStatus& endpoint_of(const config::ServiceStatus& status, std::string_view address) {
  const auto found = std::ranges::find(status.endpoints, address, &config::EndpointStatus::address);
  REQUIRE(found != status.endpoints.end());
  return *found;
}

TEST_CASE("an endpoint's status says its health, since when, and why") {
  Fixture fixture;
  const WallTime begin = fixture.fake.clock.wall_now();
  auto origin = std::make_unique<PeerListener>(fixture.fake, "10.0.0.1:80");
  fixture.spec().health_check = check();
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80"), endpoint("origin.test:80")});
  config::ServiceStatus status = fixture.edge.status_of("web");
  CHECK(status.total == 3);
  CHECK(status.serving == 1);
  CHECK(endpoint_of(status, "10.0.0.1:80").health == EndpointHealth::kHealthy);
  CHECK(endpoint_of(status, "10.0.0.1:80").reason.empty());
  CHECK(endpoint_of(status, "10.0.0.1:80").since == begin);
  CHECK(endpoint_of(status, "10.0.0.2:80").health == EndpointHealth::kUnknown);  // failed once
  CHECK(endpoint_of(status, "origin.test:80").reason == "its name has no address so far");

  origin.reset();
  fixture.fake.network.set_name("origin.test", {*net::Address::parse("10.0.0.3:80")}, 1h);
  fixture.fake.advance(12s);
  status = fixture.edge.status_of("web");
  CHECK(status.serving == 0);
  const config::EndpointStatus& gone = endpoint_of(status, "10.0.0.1:80");
  CHECK(gone.health == EndpointHealth::kUnhealthy);
  CHECK_FALSE(gone.reason.empty());
  CHECK(*gone.since > begin);
  CHECK(endpoint_of(status, "10.0.0.2:80").health == EndpointHealth::kUnhealthy);
  CHECK(endpoint_of(status, "10.0.0.3:80").name == "origin.test");
  CHECK(fixture.edge.status_of("nothing").total == 0);
}

TEST_CASE("what nothing checks is unchecked and serves") {
  Fixture fixture;
  fixture.apply({endpoint("10.0.0.1:80")});
  const config::ServiceStatus status = fixture.edge.status_of("web");
  CHECK(status.serving == 1);
  CHECK(status.endpoints.at(0) ==
        config::EndpointStatus{.address = "10.0.0.1:80", .health = EndpointHealth::kUnchecked});
}

TEST_CASE("an Endpoint that joined has the status of its address") {
  Fixture fixture;
  const PeerListener origin(fixture.fake, "10.0.0.1:80");
  fixture.spec().health_check = check();
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.11:80")});
  CHECK(fixture.edge.status_of(config::EndpointSpec{.service = "web", .address = "10.0.0.1:80"}).health ==
        EndpointHealth::kHealthy);
  CHECK(fixture.edge.status_of(config::EndpointSpec{.service = "web", .address = "10.0.0.11:80"}).address ==
        "10.0.0.11:80");
  CHECK(fixture.edge.status_of(config::EndpointSpec{.service = "web", .address = "a.test:80"}).reason ==
        "its name has no address so far");
}

TEST_CASE("a port that another program has is told, tried again, and then ours") {
  Fixture fixture;
  const net::Address own = *net::Address::parse("127.0.0.1:9000");
  fixture.fake.network.occupy(own);
  fixture.snapshot.load_balancers.push_back(load_balancer("own", {}, "web"));
  const config::LoadBalancerSpec& spec = fixture.snapshot.load_balancers[1].spec;
  fixture.snapshot.load_balancers[1].spec.listeners[0].port = 9000;
  fixture.apply();
  const auto seen = [&] { return fixture.edge.status_of(spec).listeners.at(0); };
  CHECK(seen() == config::ListenerStatus{.address = "127.0.0.1:9000",
                                         .listening = false,
                                         .reason = "cannot bind: address already in use"});
  fixture.fake.advance(10s);
  CHECK_FALSE(seen().listening);
  CHECK(fixture.fake.log.count("cannot listen") == 1);
  CHECK_FALSE(Peer(fixture.fake, "127.0.0.1:9000").connected());

  fixture.fake.network.occupy(own, false);
  fixture.fake.advance(1s);
  CHECK(seen() == config::ListenerStatus{.address = "127.0.0.1:9000", .listening = true});
  CHECK(Peer(fixture.fake, "127.0.0.1:9000").connected());

  fixture.snapshot.load_balancers.pop_back();
  fixture.apply();
  CHECK_FALSE(Peer(fixture.fake, "127.0.0.1:9000").connected());
}

TEST_CASE("a listener that names the shared HTTP port is the shared one; TLS has no place there") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  origin.answer("\r\n\r\n", answer_with("x"));
  fixture.snapshot.load_balancers.clear();
  fixture.snapshot.load_balancers.push_back(load_balancer("own", {"own.example"}, "web"));
  config::LoadBalancerSpec& spec = fixture.snapshot.load_balancers[0].spec;
  spec.listeners[0].port = 8080;
  fixture.apply({endpoint("10.0.0.1:80")});
  CHECK(content_of(fixture.get("/", "own.example")) == "x");
  CHECK(fixture.get("/", "other.example").starts_with("HTTP/1.1 404"));
  CHECK(fixture.edge.status_of(spec).listeners.at(0) ==
        config::ListenerStatus{.address = std::string(kEdge), .listening = true});

  spec.listeners[0].protocol = config::ListenerProtocol::kHttps;
  fixture.apply();
  CHECK(fixture.edge.status_of(spec).listeners.at(0) ==
        config::ListenerStatus{.address = std::string(kEdge),
                               .listening = false,
                               .reason = "it is the shared HTTP port, which has no TLS"});
  CHECK(fixture.get("/", "own.example").starts_with("HTTP/1.1 404"));
}

TEST_CASE("shared listeners have a status too") {
  Fixture fixture;
  config::LoadBalancerSpec& spec = fixture.snapshot.load_balancers[0].spec;
  spec.listeners.push_back({.protocol = config::ListenerProtocol::kHttps});
  fixture.apply();
  const auto listeners = fixture.edge.status_of(spec).listeners;
  REQUIRE(listeners.size() == 2);
  CHECK(listeners[0] == config::ListenerStatus{.address = std::string(kEdge), .listening = true});
  CHECK_FALSE(listeners[1].listening);
  CHECK(listeners[1].reason.find("no shared HTTPS port") != std::string::npos);
}

}  // namespace
}  // namespace weir::edge
