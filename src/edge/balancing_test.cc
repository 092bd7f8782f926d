// How the parts of balancing are wired: that the edge asks lb/ with what is configured and with what it
// knows.
#include <algorithm>

#include "edge/edge_fixture.h"

namespace weir::edge {
namespace {

using Counts = std::map<std::string, int>;

Peer ask(Fixture& fixture, const std::string& fields = "") {
  Peer client(fixture.fake, kEdge);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  return client;
}

bool overloaded(Peer& client) {
  const std::string response = client.take();
  return response.starts_with("HTTP/1.1 503") && response.contains("\r\nweir-reason: overloaded\r\n");
}

TEST_CASE("a service takes no more requests at a time than its circuit breakers allow") {
  Fixture fixture;
  PeerListener origin(fixture.fake, "10.0.0.1:80");
  SUBCASE("requests") { fixture.spec().circuit_breakers.requests_max = 2; }
  SUBCASE("connections") { fixture.spec().circuit_breakers.connections_max = 2; }
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer one = ask(fixture);
  Peer two = ask(fixture);
  Peer three = ask(fixture);
  CHECK(overloaded(three));
  CHECK(one.received().empty());
  Peer upstream = origin.accept();
  upstream.send(kNoContent);
  CHECK(one.take().starts_with("HTTP/1.1 204"));
  Peer four = ask(fixture);  // in the place of the first
  upstream.send(kNoContent);
  CHECK(four.take().starts_with("HTTP/1.1 204"));
  CHECK(two.received().empty());
}

TEST_CASE("no more requests wait for a connection than the circuit breakers allow") {
  Fixture fixture;
  fixture.fake.network.blackhole(*net::Address::parse("10.0.0.1:80"));
  fixture.spec().circuit_breakers.pending_max = 1;
  fixture.spec().retries.attempts = 0;
  fixture.apply({endpoint("10.0.0.1:80")});
  Peer one = ask(fixture);
  Peer two = ask(fixture);
  CHECK(overloaded(two));
  CHECK(one.received().empty());
  fixture.fake.advance(2100ms);  // connect_timeout
  CHECK_FALSE(one.take().empty());
  Peer three = ask(fixture);
  CHECK(three.received().empty());
}

TEST_CASE("no more retries are under way than the circuit breakers allow") {
  Fixture fixture;
  PeerListener good(fixture.fake, "10.0.0.2:80");
  good.answer("\r\n\r\n", kNoContent);
  std::uint32_t retries_max = 0;
  SUBCASE("none") { retries_max = 0; }
  SUBCASE("one") { retries_max = 1; }
  fixture.spec().circuit_breakers.retries_max = retries_max;
  fixture.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
  CHECK(fixture.get().starts_with(retries_max == 0 ? "HTTP/1.1 502" : "HTTP/1.1 204"));
}

TEST_CASE("a new endpoint comes to its share over the time of slow start") {
  Pool pool;
  pool.spec().slow_start = 32s;
  pool.apply({endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")});
  CHECK(pool.spread(20) == Counts{{"a", 10}, {"b", 10}});  // all are new: none has less
  pool.fake.advance(60s);
  pool.start();
  CHECK(pool.spread(210)["c"] == doctest::Approx(10).epsilon(0.15));  // a tenth of a share
  pool.fake.advance(16s);
  CHECK(pool.spread(255)["c"] == doctest::Approx(55).epsilon(0.05));
  pool.fake.advance(16s);
  CHECK(pool.spread(300)["c"] == doctest::Approx(100).epsilon(0.02));
}

config::HealthCheck expecting_200() {
  config::HealthCheck check{.interval = 1s, .unhealthy_threshold = 1};
  check.http = config::HttpCheck{.expected_statuses = {{200, 200}}};
  return check;
}

TEST_CASE("an endpoint that recovers starts slowly, too") {
  Pool pool;
  pool.spec().slow_start = 32s;
  pool.spec().health_check = expecting_200();
  pool.start();
  pool.fake.advance(60s);
  pool.fail_checks('c');
  pool.fake.advance(2s);
  CHECK(pool.spread(20) == Counts{{"a", 10}, {"b", 10}});
  pool.fail_checks('c', false);
  pool.fake.advance(1200ms);
  const int share = pool.spread(210)["c"];
  CHECK(share > 5);
  CHECK(share < 25);
}

TEST_CASE("when too few are healthy, all that ever passed are used again, if so configured") {
  Pool pool;
  pool.spec().health_check = expecting_200();
  SUBCASE("panic") { pool.spec().panic_percent = 50; }
  SUBCASE("no panic") { pool.spec().panic_percent = 0; }
  pool.start();
  pool.fake.advance(2s);
  pool.fail_checks('a');
  pool.fake.advance(2s);
  CHECK(pool.spread(30) == Counts{{"b", 15}, {"c", 15}});
  pool.fail_checks('b');
  pool.fake.advance(2s);
  const bool panics = pool.spec().panic_percent > 0;
  CHECK(pool.spread(30) == (panics ? Counts{{"a", 10}, {"b", 10}, {"c", 10}} : Counts{{"c", 30}}));
}

TEST_CASE("a priority serves when the ones before it can't carry everything, and in that part") {
  Pool pool;
  pool.spec().health_check = expecting_200();
  auto endpoints = Pool::all();
  endpoints[2].priority = 1;
  pool.apply(endpoints);
  pool.fake.advance(2s);
  CHECK(pool.spread(30) == Counts{{"a", 15}, {"b", 15}});
  pool.fail_checks('a');
  pool.fake.advance(2s);
  const Counts spilled = pool.spread(100);  // half of the level is left: it takes 1.4 times that
  CHECK(spilled.at("b") == doctest::Approx(70).epsilon(0.02));
  CHECK(spilled.at("c") == doctest::Approx(30).epsilon(0.05));
  pool.fail_checks('b');
  pool.fake.advance(2s);
  CHECK(pool.spread(10) == Counts{{"c", 10}});
  pool.fail_checks('a', false);
  pool.fail_checks('b', false);
  pool.fake.advance(2s);
  CHECK(pool.spread(30) == Counts{{"a", 15}, {"b", 15}});
}

TEST_CASE("an edge prefers the endpoints of its own zone while they can serve") {
  for (const char* zone : {"eu", "us", ""}) {
    CAPTURE(zone);
    Pool pool(zone);
    pool.spec().health_check = expecting_200();
    auto endpoints = Pool::all();
    endpoints[0].zone = "eu";
    endpoints[1].zone = endpoints[2].zone = "us";
    pool.apply(endpoints);
    pool.fake.advance(2s);
    const Counts counts = pool.spread(30);
    if (std::string_view(zone) == "eu") CHECK(counts == Counts{{"a", 30}});
    if (std::string_view(zone) == "us") CHECK(counts == Counts{{"b", 15}, {"c", 15}});
    if (std::string_view(zone).empty()) CHECK(counts == Counts{{"a", 10}, {"b", 10}, {"c", 10}});
    pool.fail_checks('a');
    pool.fake.advance(2s);
    CHECK(pool.spread(30) == Counts{{"b", 15}, {"c", 15}});
  }
}

TEST_CASE("a hot key fills its endpoint to the bound, and goes on to the next ones") {
  struct Case {
    const char* policy;
    std::uint32_t load_percent_max;
    std::vector<std::uint64_t> most_first;
  };
  for (const Case& one :
       {Case{"RING_HASH", 125, {5, 5, 2}}, Case{"MAGLEV", 125, {5, 5, 2}}, Case{"RING_HASH", 200, {8, 4, 0}},
        Case{"RING_HASH", 0, {12, 0, 0}}, Case{"MAGLEV", 0, {12, 0, 0}}}) {
    CAPTURE(one.policy);
    CAPTURE(one.load_percent_max);
    Fixture fixture;
    PeerListener origins[] = {PeerListener(fixture.fake, "10.0.0.1:80"),
                              PeerListener(fixture.fake, "10.0.0.2:80"),
                              PeerListener(fixture.fake, "10.0.0.3:80")};
    fixture.spec().balance = static_cast<config::Balance>(*lb::find_policy(one.policy));
    fixture.spec().hash_on = config::HashOn{.header = "X-Key", .load_percent_max = one.load_percent_max};
    fixture.apply(Pool::all());
    std::vector<Peer> clients;
    for (int i = 0; i < 12; ++i) clients.push_back(ask(fixture, "X-Key: hot\r\n"));
    std::vector<std::uint64_t> counts;
    for (const PeerListener& origin : origins)
      counts.push_back(fixture.fake.network.connects(origin.address()));
    std::ranges::sort(counts, std::greater());
    CHECK(counts == one.most_first);
  }
}

TEST_CASE("load is bounded where requests are hashed, unless the configuration says otherwise") {
  CHECK(config::HashOn().load_percent_max == lb::kBoundedLoadPercent);
}

}  // namespace
}  // namespace weir::edge
