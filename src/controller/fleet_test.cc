#include "controller/fleet.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "controller/views.h"
#include "mirror/records.h"
#include "store/engine.h"
#include "store/engine_store.h"
#include "testing/fake_env.h"

namespace weir::controller {
namespace {

using config::EndpointHealth;
using report::EndpointState;

config::Object parsed(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
  return *object;
}

config::Object web(std::uint32_t percent = 51) {
  return parsed(
      R"({"kind":"Service","metadata":{"name":"web"},"spec":{"endpoints":[{"address":"192.0.2.1:80"},
    {"address":"192.0.2.2:80"}],"health_check":{"tcp":{},"quorum_percent":)" +
      std::to_string(percent) + "}}}");
}

net::Task<void> stop(Fleet& fleet) { co_await fleet.stop(); }

struct World {
  testing::FakeEnv fake;
  std::unique_ptr<store::Engine> engine = *store::Engine::open({.directory = {}, .threaded = false});
  store::EngineStore store{*engine, fake.loop};
  mirror::Mirror mirror{store, fake.log};
  Fleet fleet{fake.env, store, mirror};
  std::map<std::string, std::set<std::string>> verdicts;
  std::vector<std::string> changed;

  World() {
    fleet.on_verdict([this](const std::string& service, const std::set<std::string>& unhealthy) {
      verdicts[service] = unhealthy;
    });
    fleet.on_change([this](const std::string& edge) { changed.push_back(edge); });
    fleet.start();
    fake.run_until_idle();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { CHECK(fake.run(stop(fleet))); }

  void write(const config::Object& object) {
    store::Transaction transaction;
    transaction.put(mirror::key_of(object.kind(), object.metadata.name), mirror::encode(object));
    CHECK(fake.run(store.commit(std::move(transaction))));
    fake.run_until_idle();
  }
  void attach(const std::string& name) {
    fleet.attach({.node = name, .version = "1", .provider = "acme", .labels = {{"tier", "gold"}}});
  }
  // Attached for long enough for verdicts to count.
  void settle(const std::vector<std::string>& names) {
    for (const std::string& name : names) attach(name);
    fake.advance(kVoteGrace + std::chrono::seconds(2));
    CHECK(fleet.settled());
  }
  void see(const std::string& edge, EndpointState state, const std::string& endpoint = "192.0.2.1:80") {
    fleet.report(edge, {.hello = {}, .endpoints = {{"web", endpoint, state, "connection refused"}}});
  }
  void apply(const std::string& edge, std::uint64_t revision) {
    fleet.report(edge, {.hello = {}, .endpoints = {}, .load = report::Load{.applied_revision = revision}});
  }
};

const std::set<std::string> kFirst{"192.0.2.1:80"};

TEST_CASE("a report moves the verdict at once") {
  World world;
  world.settle({"a", "b", "c"});
  for (const char* edge : {"a", "b", "c"}) world.see(edge, EndpointState::kHealthy);
  world.see("a", EndpointState::kUnhealthy);
  CHECK(world.verdicts.empty());
  world.see("b", EndpointState::kUnhealthy);
  CHECK(world.verdicts.at("web") == kFirst);
  world.see("a", EndpointState::kHealthy);
  CHECK(world.verdicts.at("web").empty());
  world.see("b", EndpointState::kGone);
  world.see("c", EndpointState::kGone);
  world.see("c", EndpointState::kGone);  // said twice
  CHECK(world.fleet.find("a")->endpoints.healthy == 1);
  CHECK(world.fleet.find("b")->endpoints.all() == 0);
}

TEST_CASE("the quorum of a service follows its object") {
  World world;
  world.settle({"a", "b"});
  world.see("a", EndpointState::kHealthy);
  world.see("b", EndpointState::kUnhealthy);
  CHECK(world.verdicts.empty());
  world.write(web(50));
  CHECK(world.verdicts.at("web") == kFirst);
  world.write(web(51));
  CHECK(world.verdicts.at("web").empty());
}

TEST_CASE("the first edge to come has no say over the others until they had the time to") {
  World world;
  world.attach("a");
  world.see("a", EndpointState::kUnhealthy);
  CHECK_FALSE(world.fleet.settled());
  CHECK(world.verdicts.empty());
  world.fake.advance(std::chrono::seconds(2));
  world.attach("b");
  world.see("b", EndpointState::kHealthy);
  world.fake.advance(kVoteGrace);
  CHECK(world.fleet.settled());
  CHECK(world.verdicts.empty());
  world.see("b", EndpointState::kUnhealthy);
  CHECK(world.verdicts.at("web") == kFirst);
}

TEST_CASE("what an edge said outlives its stream for a moment, and no longer") {
  World world;
  world.settle({"a", "b"});
  world.see("a", EndpointState::kUnhealthy);
  world.see("b", EndpointState::kUnhealthy);
  world.see("a", EndpointState::kUnhealthy, "192.0.2.2:80");
  world.see("b", EndpointState::kHealthy, "192.0.2.2:80");
  CHECK(world.verdicts.at("web") == kFirst);

  SUBCASE("it comes again and says the same") {
    world.fleet.detach("a");
    world.fleet.detach("b");
    world.fake.advance(std::chrono::seconds(3));
    world.attach("a");
    world.attach("b");
    CHECK(world.fleet.settled());
    CHECK(world.verdicts.at("web") == kFirst);
    world.see("a", EndpointState::kUnhealthy);
    world.see("b", EndpointState::kUnhealthy);
    world.fake.advance(kVoteGrace + std::chrono::seconds(2));
    CHECK(world.verdicts.at("web") == kFirst);
    CHECK(world.fleet.find("a")->endpoints.all() == 1);  // what it did not say again
  }
  SUBCASE("it stays away") {
    world.fleet.detach("b");
    CHECK_FALSE(world.fleet.find("b")->attached);
    world.fake.advance(kVoteGrace + std::chrono::seconds(2));
    CHECK(world.verdicts.at("web") == std::set<std::string>{"192.0.2.1:80", "192.0.2.2:80"});
    world.fleet.detach("a");
    world.fake.advance(kVoteGrace + std::chrono::seconds(2));
    CHECK(world.verdicts.at("web").empty());
    CHECK(world.fleet.edges().empty());  // neither has an object
  }
  SUBCASE("its new stream begins before the old one is known to be lost") {
    world.attach("b");
    world.fake.advance(kVoteGrace + std::chrono::seconds(2));
    CHECK(world.fleet.find("b")->attached);
    CHECK(world.fleet.attached() == 2);
    CHECK(world.fleet.find("b")->endpoints.all() == 0);
  }
}

TEST_CASE("an edge is told of as it comes, applies, refuses and goes") {
  World world;
  world.write(parsed(R"({"kind":"Edge","metadata":{"name":"a","labels":{"tier":"silver"}},
                         "spec":{"provider":"bolt"}})"));
  world.settle({"a"});
  CHECK(world.fleet.labels_of("a") == config::Labels{{"tier", "silver"}, {"provider", "bolt"}});
  world.attach("b");  // has no object
  CHECK(world.fleet.labels_of("b") == config::Labels{{"tier", "gold"}, {"provider", "acme"}});
  world.fleet.attach({.node = "ns", .capabilities = {"dns"}});
  CHECK(world.fleet.labels_of("ns") == config::Labels{{kNoTrafficKey, ""}});
  world.fleet.attach({.node = "both", .capabilities = {"http", "https", "h2", "dns"}});
  CHECK(world.fleet.labels_of("both").empty());
  world.changed.clear();
  world.apply("a", 7);
  world.apply("a", 7);
  CHECK(world.changed == std::vector<std::string>{"a"});
  world.see("a", EndpointState::kHealthy);
  world.see("a", EndpointState::kUnhealthy, "192.0.2.2:80");
  world.fleet.report("a", {.hello = {}, .endpoints = {}, .load = {}, .refused = {{{"services/web", "why"}}}});
  auto status = world.fleet.status_of("a");
  CHECK(status.attached);
  CHECK(status.applied_revision == 7);
  CHECK(status.applied_at == world.fake.clock.wall_now());
  CHECK(status.endpoints == "1/2");
  world.fleet.report(
      "a", {.hello = {}, .anycast = {{{"203.0.113.10/32", report::AnycastRoute::kPrepended, true, "why"}}}});
  const config::EdgeStatus announcing = world.fleet.status_of("a");
  REQUIRE(announcing.anycast.size() == 1);
  CHECK(announcing.anycast[0].network == "203.0.113.10/32");
  CHECK(announcing.anycast[0].route == "prepended");
  CHECK(announcing.anycast[0].reason == "why");
  REQUIRE(status.refused.size() == 1);
  CHECK(status.refused[0].object == "Service/web");
  world.fleet.detach("a");
  CHECK(world.changed == std::vector<std::string>{"a", "a", "a"});
  status = world.fleet.status_of("a");
  CHECK_FALSE(status.attached);
  CHECK(status.since == world.fake.clock.wall_now());
  CHECK(status.applied_revision == 7);
  world.fake.advance(std::chrono::minutes(1));
  CHECK(world.fleet.find("a") != nullptr);  // its object is there
  CHECK_FALSE(world.fleet.status_of("unknown").attached);
}

TEST_CASE("an object is applied where its revision is served and it was not refused") {
  World world;
  world.settle({"a", "b", "c"});
  config::Object object = web();
  object.metadata.revision = 5;
  for (const char* edge : {"a", "b", "c"}) world.apply(edge, edge[0] == 'c' ? 4 : 5);
  const auto everywhere = [](const std::string&) { return Fleet::Share::kWhole; };
  CHECK(world.fleet.applied(object, everywhere) == "2/3");
  CHECK(world.fleet.applied(object, [](const std::string& edge) {
    return edge == "a" ? Fleet::Share::kWhole : Fleet::Share::kNone;
  }) == "1/1");
  CHECK(world.fleet.applied(object, [](const std::string& edge) {
    return edge == "a" ? Fleet::Share::kHeldBack : Fleet::Share::kWhole;
  }) == "1/3");
  CHECK(world.fleet.applied(object, [](const std::string&) { return Fleet::Share::kNone; }).empty());
  world.fleet.report("b", {.hello = {}, .endpoints = {}, .load = {}, .refused = {{{"services/web", "why"}}}});
  CHECK(world.fleet.applied(object, everywhere) == "1/3");
  CHECK(world.fleet.refused(object) == std::vector<config::RefusedBy>{{"b", "why"}});
  world.fleet.detach("c");
  CHECK(world.fleet.applied(object, everywhere) == "1/2");
}

TEST_CASE("an endpoint's status is what all edges find") {
  World world;
  world.write(web());
  world.settle({"a", "b", "c"});
  for (const char* edge : {"a", "b", "c"}) world.see(edge, EndpointState::kUnhealthy);
  world.see("c", EndpointState::kHealthy);
  config::ServiceStatus status;
  world.fleet.complete(status, web());
  REQUIRE(status.endpoints.size() == 2);
  CHECK(status.endpoints[0].health == EndpointHealth::kUnhealthy);
  CHECK(status.endpoints[0].reason == "unhealthy for 2 of 3 edges: connection refused");
  CHECK(status.endpoints[0].since.has_value());
  CHECK(status.endpoints[1].address == "192.0.2.2:80");
  CHECK(status.endpoints[1].health == EndpointHealth::kUnknown);
  CHECK(status.total == 2);
  CHECK(status.serving == 0);

  // Beside an edge in this process, which sees it otherwise and knows the name of another.
  world.see("a", EndpointState::kHealthy, "x.example:80/192.0.2.9:80");
  status = {};
  status.endpoints = {{.address = "192.0.2.1:80", .health = EndpointHealth::kHealthy},
                      {.address = "192.0.2.2:80", .health = EndpointHealth::kEjected},
                      {.address = "192.0.2.9:80", .name = "x.example", .health = EndpointHealth::kUnhealthy}};
  world.fleet.complete(status, web());
  REQUIRE(status.endpoints.size() == 3);
  CHECK(status.endpoints[0].health == EndpointHealth::kUnhealthy);
  CHECK(status.endpoints[1].health == EndpointHealth::kEjected);
  CHECK(status.endpoints[2].health == EndpointHealth::kUnhealthy);  // one vote is no more than its own

  config::EndpointStatus one;
  world.fleet.complete(one, {.service = "web", .address = "192.0.2.1:80"});
  CHECK(one.address == "192.0.2.1:80");
  CHECK(one.health == EndpointHealth::kUnhealthy);
  one = {};
  world.fleet.complete(one, {.service = "web", .address = "x.example:80"});
  CHECK(one.name == "x.example");
  CHECK(one.health == EndpointHealth::kHealthy);
}

TEST_CASE("a service's health is told as each edge sees it") {
  World world;
  world.write(web());
  CHECK(world.fleet.vantage_points("web") == R"({"vantage_points":[],"more":0})");
  world.settle({"a", "b", "c"});
  world.see("a", EndpointState::kHealthy);
  world.see("a", EndpointState::kUnknown, "192.0.2.2:80");
  world.see("b", EndpointState::kUnhealthy);
  const std::string both =
      R"({"vantage_points":[{"edge":"a","attached":true,"healthy":1,"unhealthy":0,"unknown":1,"out":[]},)"
      R"({"edge":"b","attached":true,"healthy":0,"unhealthy":1,"unknown":0,"out":["192.0.2.1:80"]}],)"
      R"("more":0})";
  CHECK(world.fleet.vantage_points("web") == both);
  CHECK(world.fleet.vantage_points("other") == R"({"vantage_points":[],"more":0})");
  for (int i = 0; i < 40; ++i) {
    world.see("b", EndpointState::kUnhealthy, "198.51.100." + std::to_string(i + 1) + ":80");
  }
  const std::string many = world.fleet.vantage_points("web");
  CHECK(many.find(R"("unhealthy":41)") != std::string::npos);
  CHECK(std::ranges::count(many, '.') == 3 * static_cast<std::ptrdiff_t>(kVantageOutMax));
}

TEST_CASE("an edge that says too much is passed over, and the others are not") {
  World world;
  world.settle({"a", "b"});
  report::Report report;
  for (std::size_t i = 0; i <= kVotesOfEdgeMax; ++i) {
    report.endpoints.push_back({"web", std::to_string(i), EndpointState::kUnhealthy, {}});
  }
  world.fleet.report("a", report);
  CHECK(world.fleet.find("a")->endpoints.unhealthy == kVotesOfEdgeMax);
  CHECK(world.fake.log.count("what an edge reports is passed over") == 1);
  world.see("b", EndpointState::kHealthy);
  CHECK(world.fleet.find("b")->endpoints.healthy == 1);
  world.fleet.report("nobody", report);
}

TEST_CASE("load is summed up and seen through a window") {
  World world;
  world.settle({"a"});
  report::Load load{.requests = 10, .errors_5xx = 1, .connections = 3};
  load.latency_counts = {4, 3, 0, 0, 0, 0, 0, 2, 1};  // one more than is known
  for (int i = 0; i < 100; ++i) {
    world.fleet.report("a", {.hello = {}, .endpoints = {}, .load = load});
    world.fake.advance(std::chrono::seconds(5));
  }
  const LoadWindow& seen = world.fleet.find("a")->load;
  CHECK(seen.total().requests == 1000);
  CHECK(seen.total().durations.back() == 300);
  CHECK(seen.recent(world.fake.loop.now()).requests == 600);
  CHECK(world.fleet.status_of("a").connections == 3);
  world.fake.advance(std::chrono::hours(1));
  CHECK(seen.recent(world.fake.loop.now()).requests == 0);
}

TEST_CASE("what the edges of a provider carry is known as long as all of them say so") {
  static constexpr Duration kInterval = std::chrono::seconds(5);
  World world;
  world.settle({"a", "b"});
  world.fleet.attach({.node = "other", .version = "1", .provider = "bolt"});
  world.fleet.attach({.node = "nowhere", .version = "1"});
  const auto say = [&world](const std::string& edge, std::uint64_t requests) {
    report::Load load{.requests = requests};
    load.span = kInterval;
    world.fleet.report(edge, {.hello = {}, .endpoints = {}, .load = load});
  };
  const auto carried = [&world](Duration span) { return world.fleet.carried_by_provider(span); };
  CHECK(carried(kInterval).size() == 2);
  CHECK(carried(kInterval).at("acme").unknown == "the edge b does not say what it carries");
  for (int i = 0; i < 10; ++i) {
    say("a", i < 5 ? 1000 : 100);
    say("b", 50);
    say("other", 5);
    world.fake.advance(kInterval);
  }
  CHECK(carried(4 * kInterval).at("acme").unknown.empty());
  CHECK(carried(4 * kInterval).at("acme").requests_per_second == doctest::Approx(30));
  CHECK(carried(10 * kInterval).at("acme").requests_per_second == doctest::Approx(120));
  CHECK(carried(4 * kInterval).at("bolt").requests_per_second == doctest::Approx(1));
  world.fake.advance(kLoadStale - kInterval);
  CHECK(carried(4 * kInterval).at("acme").unknown.empty());
  world.fake.advance(std::chrono::milliseconds(1));
  CHECK(carried(4 * kInterval).at("acme").unknown == "the edge b has not said for 15 s what it carries");
  world.fleet.detach("b");
  say("a", 0);
  CHECK(carried(4 * kInterval).at("acme").unknown.empty());
  // Right after it came, a moment tells nothing.
  world.attach("c");
  report::Load first{.requests = 1000};
  first.span = std::chrono::milliseconds(10);
  world.fleet.report("c", {.hello = {}, .endpoints = {}, .load = first});
  CHECK(carried(4 * kInterval).at("acme").unknown == "the edge c has only just come");
  world.fleet.detach("other");
  CHECK(!carried(kInterval).contains("bolt"));
}

TEST_CASE("what edges give to a service is known as long as all that carry traffic say so") {
  static constexpr Duration kInterval = std::chrono::seconds(5);
  World world;
  world.fleet.attach({.node = "a", .capabilities = {"http"}});
  world.fleet.attach({.node = "b", .capabilities = {"http", "dns"}});
  world.fleet.attach({.node = "names", .capabilities = {"dns"}});
  const auto say = [&world](const std::string& edge, std::uint64_t requests) {
    report::Load load{.span = kInterval, .services = report::ServiceLoads{}};
    load.services->of = {{.service = "web", .zones = {{"fra", requests, 2}}}};
    world.fleet.report(edge, {.load = std::move(load)});
  };
  const auto seen = [&world] { return world.fleet.service_load("web", "fra", 2 * kInterval); };
  for (int i = 0; i < 6; ++i) {
    world.fake.advance(kInterval);
    say("a", 50);
    say("b", 10);
  }
  CHECK(seen().unknown.empty());
  CHECK(seen().requests_per_second == doctest::Approx(12));
  CHECK(seen().in_flight == 4);
  CHECK(world.fleet.service_load("web", "ams", kInterval).requests_per_second == 0);
  CHECK(world.fleet.service_load("web", {}, kInterval).in_flight == 4);
  world.fleet.detach("b");
  CHECK(seen().unknown == "the edge b, which carried it, has gone, and may have been cut off only");
  for (int i = 0; i < 7; ++i) {
    world.fake.advance(kInterval);
    say("a", 50);
  }
  CHECK(seen().unknown.empty());
  CHECK(seen().requests_per_second == doctest::Approx(10));
  CHECK(seen().in_flight == 2);
  world.fleet.attach({.node = "envoy"});
  CHECK(seen().unknown == "the edge envoy does not say what it carries of each service");
}

}  // namespace
}  // namespace weir::controller
