// What edges know of each other's view of endpoints, and what this one tells of its own: verdicts, findings,
// what was carried, and what it has from those who hold the authority.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "edge/edge_fixture.h"
#include "tls/certificate.h"

namespace weir::edge {
namespace {

using Keys = std::set<std::string>;

std::string would(Fixture& fixture) {
  std::optional<std::expected<std::string, std::string>> answer;
  fixture.edge.explain_request({.line = "GET http://a/", .fields = {}, .peer = {}},
                               [&answer](auto found) { answer = std::move(found); });
  fixture.fake.run_until_idle();
  REQUIRE(answer.has_value());
  return answer->value_or("error");
}

config::HealthCheck quick_check() {
  config::HealthCheck check{.http = config::HttpCheck{.path = "/"}};
  check.http->expected_statuses = {{200, 200}};
  return check;
}

// Three origins that pass their checks.
struct Checked : Pool {
  Checked() {
    spec().health_check = quick_check();
    edge.on_finding([this](const Finding& finding) {
      findings.push_back(std::string(finding.service) + " " + std::string(finding.endpoint) + " " +
                         (finding.health ? std::string(lb::name_of(*finding.health)) : "gone") +
                         (finding.reason.empty() ? "" : ": " + finding.reason));
    });
    start();
    fake.advance(1s);
  }
  std::vector<std::string> take() { return std::exchange(findings, {}); }
  std::vector<std::string> findings;
};

TEST_CASE("an endpoint that the other edges find unhealthy is not used, and the reason is named") {
  Checked pool;
  CHECK(pool.spread(6) == std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 2}});
  pool.edge.set_verdict("web", Keys{"10.0.0.2:80", "10.9.9.9:80"});
  CHECK(pool.spread(6) == std::map<std::string, int>{{"a", 3}, {"c", 3}});
  const config::ServiceStatus status = pool.edge.status_of("web");
  CHECK(status.serving == 2);
  CHECK(status.endpoints[1].health == config::EndpointHealth::kUnhealthy);
  CHECK(status.endpoints[1].reason == "found unhealthy by the other edges");
  CHECK(would(pool).contains(R"("endpoint":"10.0.0.2:80","weight":1,"priority":0,"health":"unhealthy")"));
  CHECK(would(pool).contains(R"("why_not":"it is found unhealthy by the other edges")"));
  pool.edge.set_verdict("web", {});
  CHECK(pool.spread(6) == std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 2}});
  CHECK(pool.edge.status_of("web").serving == 3);
}

TEST_CASE("an edge begins with what the one before it knew of endpoints, and looks for itself from then on") {
  std::string known;
  {
    Checked pool;
    pool.fail_checks('b');
    pool.fake.advance(60s);
    known = pool.edge.remembered();
  }
  CHECK(known == "health 1 web/10.0.0.1:80\nhealth 2 web/10.0.0.2:80\nhealth 1 web/10.0.0.3:80\n");

  Pool blank;
  blank.spec().health_check = quick_check();
  for (char letter = 'a'; letter <= 'c'; ++letter) blank.fail_checks(letter);
  blank.start();
  CHECK(blank.get().starts_with("HTTP/1.1 503"));

  Pool next;
  next.spec().health_check = quick_check();
  for (char letter = 'a'; letter <= 'c'; ++letter) next.fail_checks(letter);
  next.edge.recall("nonsense\nhealth 9 web/10.0.0.1:80\nname\nname a.example:80\nhealth\n" + known);
  next.start();
  CHECK(next.spread(6) == std::map<std::string, int>{{"a", 3}, {"c", 3}});
  next.fake.advance(60s);
  CHECK(next.get().starts_with("HTTP/1.1 503"));
}

TEST_CASE("a verdict outlives changes of the service, and comes into force with one that is not there yet") {
  Checked pool;
  pool.edge.set_verdict("next", Keys{"10.0.0.1:80"});
  pool.edge.set_verdict("web", Keys{"10.0.0.2:80"});
  pool.spec().balance = config::Balance{1};
  pool.snapshot.services.push_back(service("next", Pool::all()));
  pool.snapshot.services.back().spec.health_check = quick_check();
  pool.snapshot.load_balancers.push_back(load_balancer("next", {"next"}, "next"));
  pool.apply();
  pool.fake.advance(1s);
  CHECK(pool.spread(20).count("b") == 0);
  CHECK(content_of(pool.get("/", "next")) == "b");
  CHECK(content_of(pool.get("/", "next")) == "c");
  CHECK(content_of(pool.get("/", "next")) == "b");
}

TEST_CASE("an own check that fails counts whatever the others say, and too few are a panic as ever") {
  Checked pool;
  pool.fail_checks('a');
  pool.fake.advance(60s);
  pool.edge.set_verdict("web", {});
  CHECK(pool.spread(6).count("a") == 0);
  pool.spec().panic_percent = 50;
  pool.apply();
  pool.edge.set_verdict("web", Keys{"10.0.0.2:80"});  // one of three is left: all that ever passed are used
  CHECK(pool.spread(9).size() == 3);
  CHECK(pool.edge.status_of("web").serving == 1);
}

TEST_CASE("a service without checks has no use for verdicts") {
  Pool pool;
  pool.start();
  pool.edge.set_verdict("web", Keys{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"});
  CHECK(pool.spread(6) == std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 2}});
  CHECK(pool.edge.status_of("web").serving == 3);
}

TEST_CASE("verdicts that are not heeded rest, and count again when they are") {
  Checked pool;
  pool.edge.set_verdict("web", Keys{"10.0.0.2:80"});
  pool.edge.heed_verdicts(false);
  CHECK(pool.spread(6).size() == 3);
  pool.edge.set_verdict("web", Keys{"10.0.0.3:80"});
  CHECK(pool.spread(6).size() == 3);
  pool.edge.heed_verdicts(true);
  CHECK(pool.spread(6) == std::map<std::string, int>{{"a", 3}, {"b", 3}});
}

TEST_CASE("findings: each endpoint that is checked, each change of it, and its end") {
  Checked pool;
  using Lines = std::vector<std::string>;
  Lines begin = pool.take();
  std::ranges::sort(begin);
  CHECK(begin == Lines{"web 10.0.0.1:80 healthy", "web 10.0.0.1:80 unknown", "web 10.0.0.2:80 healthy",
                       "web 10.0.0.2:80 unknown", "web 10.0.0.3:80 healthy", "web 10.0.0.3:80 unknown"});
  pool.edge.set_verdict("web", Keys{"10.0.0.3:80"});  // not what this edge finds
  pool.fail_checks('b');
  pool.fake.advance(60s);
  CHECK(pool.take() == Lines{"web 10.0.0.2:80 unhealthy: an unexpected status"});
  pool.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
  CHECK(pool.take() == Lines{"web 10.0.0.3:80 gone"});
  pool.spec().health_check.reset();
  pool.apply();
  Lines end = pool.take();
  std::ranges::sort(end);
  CHECK(end == Lines{"web 10.0.0.1:80 gone", "web 10.0.0.2:80 gone"});
}

TEST_CASE(
    "what was carried: requests, those that failed, their durations; a load balancer's end takes none back") {
  Pool pool;
  pool.start();
  pool.spread(3);
  pool.snapshot.load_balancers.push_back(load_balancer("none", {"none"}, "none"));
  pool.snapshot.services.push_back(service("none", {}));
  pool.apply();
  CHECK(pool.get("/", "none").starts_with("HTTP/1.1 503"));
  const Carried carried = pool.edge.carried();
  CHECK(carried.requests == 4);
  CHECK(carried.errors_5xx == 1);
  CHECK(carried.connections == 0);
  CHECK(carried.durations[0] == 4);
  pool.snapshot.load_balancers.pop_back();
  pool.apply();
  Peer client(pool.fake, kEdge);
  pool.fake.run_until_idle();
  CHECK(pool.edge.carried().requests == 4);
  CHECK(pool.edge.carried().errors_5xx == 1);
  CHECK(pool.edge.carried().connections == 1);
}

TEST_CASE("another key for sticky cookies makes others, and leaves what has none alone") {
  Pool pool;
  pool.spec().sticky.emplace();
  pool.start();
  const auto cookie = [&pool] {
    const std::string response = pool.get();
    const std::size_t at = response.find("weir-endpoint-web=");
    return at == std::string::npos ? std::string() : response.substr(at, 34);
  };
  std::set<std::string> before{cookie(), cookie(), cookie()};
  CHECK(before.size() == 3);
  EdgeSecrets secrets{.cookie_key = {}, .domain = "weir.example", .issued = {}};
  secrets.cookie_key.fill(std::byte{7});
  pool.edge.set_secrets(secrets);
  pool.apply();
  for (int i = 0; i < 3; ++i) CHECK_FALSE(before.contains(cookie()));
}

TEST_CASE(
    "without the authority, hosts have what was issued for this edge, or it is said that they have none") {
  const tls::Authority authority =
      *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart));
  const auto issue = [&authority](std::string host) {
    const std::vector<std::string> names{std::move(host)};
    return *authority.issue(names, tls::Usage::kServer, testing::ManualClock::kWallStart);
  };
  const tls::PemPair pem = issue("a.example");
  Fixture fixture;
  config::LoadBalancer& balancer = fixture.snapshot.load_balancers[0];
  balancer.spec.listeners = {{.protocol = config::ListenerProtocol::kHttps,
                              .hostnames = {"a.example", "b.example"},
                              .port = std::nullopt}};
  fixture.edge.set_secrets({.cookie_key = {}, .domain = "weir.example", .issued = {{"a.example", pem}}});
  fixture.apply();
  REQUIRE(fixture.edge.unmet().size() == 1);
  CHECK(fixture.edge.unmet()[0].load_balancer == "web");
  CHECK(fixture.edge.unmet()[0].reason ==
        "b.example has no Certificate, and this edge has none of the authority of its weir");
  fixture.edge.set_secrets({.cookie_key = {},
                            .domain = "weir.example",
                            .issued = {{"a.example", pem}, {"b.example", issue("b.example")}}});
  fixture.apply();
  CHECK(fixture.edge.unmet().empty());
}

}  // namespace
}  // namespace weir::edge
