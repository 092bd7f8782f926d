#include "report/service_rates.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace weir::report {
namespace {

using namespace std::chrono_literals;

// Edges that report every five seconds, one second apart.
struct World {
  ServiceRates rates;
  Instant now{1h};

  void pass(Duration span) {
    now += span;
    rates.tidy(now);
  }
  void come(const std::string& edge) { rates.come(edge, now); }
  void say(const std::string& edge, std::vector<ServiceLoad> services, Duration span = 5s,
           bool left_out = false) {
    rates.say(edge, {.span = span, .services = ServiceLoads{std::move(services), left_out}}, now);
  }
  ServiceRates::Rate of(std::string_view service, std::optional<std::string_view> zone,
                        Duration span = 20s) const {
    return rates.of(service, zone, span, now);
  }
};

ServiceLoad web(std::uint64_t requests, std::uint64_t in_flight, std::string zone = "fra") {
  return {.service = "web", .zones = {{std::move(zone), requests, in_flight}}};
}

void settle(World& world) {
  world.come("a");
  world.come("b");
  for (int i = 0; i < 6; ++i) {
    world.pass(5s);
    world.say("a", {web(50, 3)});
    world.say("b", {{"api", {{"fra", 5, 1}}}, {"web", {{"ams", 100, 4}, {"fra", 25, 2}}}});
  }
}

TEST_CASE("what edges give to endpoints of a zone is added up") {
  World world;
  settle(world);
  const auto fra = world.of("web", "fra");
  CHECK(fra.unknown.empty());
  CHECK(fra.requests_per_second == doctest::Approx(15));
  CHECK(fra.in_flight == 5);
  CHECK(world.of("web", "ams").requests_per_second == doctest::Approx(20));
  CHECK(world.of("web", {}).requests_per_second == doctest::Approx(35));
  CHECK(world.of("web", {}).in_flight == 9);
  CHECK(world.of("api", "fra").requests_per_second == doctest::Approx(1));
  for (const auto& none : {world.of("web", "lon"), world.of("we", {}), world.of("webs", {})}) {
    CHECK(none.unknown.empty());
    CHECK(none.requests_per_second == 0);
    CHECK(none.in_flight == 0);
  }
}

TEST_CASE("a rate is that of the span, as far as edges have reported it") {
  World world;
  settle(world);
  for (int i = 0; i < 2; ++i) {
    world.pass(5s);
    world.say("a", {});
    world.say("b", {web(500, 7)});
  }
  CHECK(world.of("web", "fra").in_flight == 7);
  CHECK(world.of("web", "ams").in_flight == 0);
  world.pass(1s);
  // Of the last ten seconds, five are counted: those before are of 15 a second.
  CHECK(world.of("web", "fra", 5s).requests_per_second == doctest::Approx(100));
  CHECK(world.of("web", "fra", 10s).requests_per_second == doctest::Approx((15 * 5 + 500) / 10.0));
  CHECK(world.of("web", "fra", 1h).requests_per_second ==
        doctest::Approx((15 * 30 + 500) / 120.0).epsilon(0.001));
}

TEST_CASE("what was carried for long is spread over that time") {
  World world;
  settle(world);
  world.pass(5s);
  world.say("a", {web(6000, 0)}, 60s);
  world.say("b", {});
  world.pass(6s);
  CHECK(world.of("web", "fra", 5s).requests_per_second == doctest::Approx(100));
  world.say("a", {web(36'000'000, 0)}, 1000h);  // far more than is remembered
  CHECK(world.of("web", "fra", 5s).requests_per_second == doctest::Approx(110).epsilon(0.001));
  world.say("a", {web(10, 0)}, 0s);
  world.pass(7s);
  CHECK(world.of("web", "fra", 1s).requests_per_second == doctest::Approx(10).epsilon(0.001));
}

TEST_CASE("nothing is known before edges have come, and when none is left") {
  World world;
  CHECK(world.of("web", "fra").unknown == "no edge has come so far");
  world.come("a");
  world.say("a", {});
  CHECK(world.of("web", "fra").unknown == "edges have only just begun to come");
  world.pass(15s);
  CHECK(world.of("web", "fra").unknown.empty());
  world.rates.go("a", world.now);
  world.pass(40s);
  CHECK(world.of("web", "fra").unknown == "no edge is there that would say it");
}

TEST_CASE("one edge that does not say it makes it unknown") {
  World world;
  settle(world);
  world.come("old");
  CHECK(world.of("web", "fra").unknown == "the edge old does not say what it carries of each service");
  world.rates.say("old", {.requests = 7, .span = 5s}, world.now);
  CHECK(world.of("web", "fra").unknown == "the edge old does not say what it carries of each service");
  world.say("old", {});
  CHECK(world.of("web", "fra").unknown.empty());
  world.say("old", {{"api", {}}}, 5s, true);
  CHECK(world.of("web", "fra").unknown == "the edge old carries more than it can tell of");
  world.say("old", {web(1, 1)}, 5s, true);
  CHECK(world.of("web", "fra").unknown.empty());
  CHECK(world.of("web", "ams").unknown.empty());
  ServiceLoad many{.service = "web", .zones = {}};
  for (std::size_t i = 0; i < kReportZonesMax; ++i) many.zones.push_back({.zone = std::to_string(i)});
  world.say("old", {many}, 5s, true);
  CHECK(world.of("web", "7").unknown.empty());
  CHECK(world.of("web", "fra").unknown == "the edge old carries more than it can tell of");
  CHECK(world.of("web", {}).unknown == "the edge old carries more than it can tell of");
  world.say("old", {});
  world.pass(15s);
  CHECK(world.of("web", "fra").unknown.empty());
  world.pass(1s);
  CHECK(world.of("web", "fra").unknown == "the edge a has not said for 15 s what it carries");
}

TEST_CASE("an edge that has gone may have been cut off only") {
  World world;
  settle(world);
  world.rates.go("a", world.now);
  world.rates.go("nobody", world.now);
  CHECK(world.of("web", "fra").unknown ==
        "the edge a, which carried it, has gone, and may have been cut off only");
  CHECK(world.of("api", "fra").unknown.empty());
  world.say("a", {web(1000, 1000)});  // nobody who is not there says anything
  for (int i = 0; i < 6; ++i) {
    world.pass(5s);
    world.say("b", {web(25, 2)});
  }
  const auto left = world.of("web", "fra");
  CHECK(left.unknown.empty());
  CHECK(left.in_flight == 2);
  CHECK(left.requests_per_second == doctest::Approx(5).epsilon(0.5));
  world.come("a");  // what it carried is not counted twice
  world.say("a", {web(25, 2)});
  CHECK(world.of("web", "fra").in_flight == 4);
  world.come("a");
  world.say("a", {web(25, 1)});
  CHECK(world.of("web", "fra").in_flight == 3);
}

TEST_CASE("what is named twice counts once in flight") {
  World world;
  settle(world);
  world.say("a", {web(0, 3), web(0, 9)});
  CHECK(world.of("web", "fra").in_flight == 5);
  world.say("a", {});
  CHECK(world.of("web", "fra").in_flight == 2);
}

TEST_CASE("names are bounded, and those that nobody says any more are forgotten") {
  World world;
  settle(world);
  std::vector<ServiceLoad> many;
  for (std::size_t i = 0; i < ServiceRates::kNamesMax; ++i) {
    many.push_back({.service = "s" + std::to_string(i), .zones = {{"fra", 1, 0}}});
  }
  world.say("a", many);
  CHECK(world.of("web", "fra").unknown.empty());
  CHECK(world.of("more", "fra").unknown == "edges carry more services than are counted here");
  CHECK(world.of("more", {}).unknown == "edges carry more services than are counted here");
  for (int i = 0; i < 40; ++i) {
    world.pass(5s);
    world.say("a", {});
    world.say("b", {});
  }
  CHECK(world.of("more", "fra").unknown.empty());
  CHECK(world.of("web", "fra").requests_per_second == 0);
  world.say("a", {{"more", {{"fra", 1, 1}}}});
  CHECK(world.of("more", "fra").in_flight == 1);
}

}  // namespace
}  // namespace weir::report
