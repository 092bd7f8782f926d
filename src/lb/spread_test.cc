#include "lb/spread.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lb/hash.h"
#include "lb/policies.h"

namespace weir::lb {
namespace {

using enum Health;

// One letter per host: ? unknown, H healthy, U unhealthy, N never healthy, S healthy but set aside, E healthy
// but ejected, F unhealthy and set aside, D drained.
std::vector<Host> hosts_of(std::string_view letters, std::uint32_t priority = 0, std::uint32_t first = 0) {
  std::vector<Host> hosts;
  for (const char letter : letters) {
    Host host{.id = first, .index = first, .priority = priority, .health = kHealthy};
    ++first;
    if (letter == '?') host.health = kUnknown;
    if (letter == 'U' || letter == 'F') host.health = kUnhealthy;
    if (letter == 'N') host.health = kNeverHealthy;
    host.set_aside = letter == 'S' || letter == 'F';
    host.ejected = letter == 'E';
    if (letter == 'D') host.weight = 0;
    hosts.push_back(host);
  }
  return hosts;
}

// "HH|UH": the hosts of priority 0, then those of 1.
std::vector<Host> levels_of(std::string_view text) {
  std::vector<Host> hosts;
  std::uint32_t priority = 0;
  while (true) {
    const std::size_t end = std::min(text.find('|'), text.size());
    const auto level = hosts_of(text.substr(0, end), priority++, static_cast<std::uint32_t>(hosts.size()));
    hosts.insert(hosts.end(), level.begin(), level.end());
    if (end == text.size()) return hosts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::uint32_t> indexes(const Spread& spread) {
  std::vector<std::uint32_t> found;
  for (const Host& host : spread.hosts) found.push_back(host.index);
  return found;
}

// What each host gets, in percent, by index.
std::map<std::uint32_t, double> shares(const Spread& spread) {
  double sum = 0;
  for (const Host& host : spread.hosts) sum += host.weight;
  std::map<std::uint32_t, double> found;
  for (const Host& host : spread.hosts) found[host.index] = 100.0 * host.weight / sum;
  return found;
}

void check_shares(const Spread& spread, const std::map<std::uint32_t, double>& want) {
  const auto got = shares(spread);
  CHECK(got.size() == want.size());
  for (const auto& [index, share] : want) {
    CAPTURE(index);
    REQUIRE(got.contains(index));
    CHECK(got.at(index) == doctest::Approx(share).epsilon(0.001));
  }
}

TEST_CASE("which hosts may be picked") {
  struct Case {
    std::string_view hosts;
    bool check_configured;
    std::uint32_t panic_percent;
    std::vector<std::uint32_t> want;
  };
  const std::vector<Case> cases{
      {"", true, 50, {}},
      {"", false, 50, {}},
      {"D", false, 50, {}},
      {"DD|D", true, 50, {}},
      {"H", true, 50, {0}},
      {"?H", true, 50, {1}},      // unknown is not served when there is a check
      {"?U", false, 50, {0, 1}},  // without a check every endpoint serves
      {"HU", true, 50, {0}},
      {"?U", true, 0, {}},  // nothing healthy, no panic: nothing served
      {"DH", true, 50, {1}},
      {"HH|H", true, 50, {0, 1}},
      {"U|H", true, 0, {1}},
      {"D|H", true, 50, {1}},  // drained hosts don't hold a level
      {"?|H", true, 50, {1}},
      {"SH", true, 50, {1}},     // set aside gives way
      {"SSH", true, 50, {2}},    // and is no cause for panic
      {"S|H", true, 50, {1}},    // to the next level, too
      {"SS", true, 50, {0, 1}},  // all set aside, all serve
      {"S|S", true, 50, {0}},    // the first level serves
      {"S?", true, 0, {0}},
      {"EHH", true, 50, {1, 2}},       // ejected is out
      {"EUU", true, 0, {0}},           // but used when nothing else is left
      {"EUSU", true, 0, {2}},          // after the set-aside ones
      {"HUU", true, 50, {0, 1, 2}},    // panic: all
      {"HUU", true, 33, {0}},          // a third is fit
      {"HUU?N", true, 50, {0, 1, 2}},  // but those that never passed a check are not
      {"NN", true, 50, {}},
      {"N?|NU", true, 50, {3}},
      {"HFU", true, 50, {0, 2}},  // in panic, too, a set-aside host gives way
      {"FF", true, 50, {0, 1}},
      {"EE", true, 50, {0, 1}},
      {"UU|UU", true, 50, {0, 1, 2, 3}},
      {"UU|HH", true, 50, {2, 3}},                             // another level carries everything: no panic
      {"HHHHHHHH??????", true, 50, {0, 1, 2, 3, 4, 5, 6, 7}},  // new hosts don't make a level look ill
  };
  for (const Case& one : cases) {
    CAPTURE(one.hosts);
    CAPTURE(one.check_configured);
    CAPTURE(one.panic_percent);
    const SpreadSettings settings{.check_configured = one.check_configured,
                                  .panic_percent = one.panic_percent};
    CHECK(indexes(spread(levels_of(one.hosts), settings)) == one.want);
  }
}

// The table of Envoy's documentation on priorities, and what follows from its rules.
TEST_CASE("levels share the load by their health") {
  struct Case {
    std::string_view hosts;
    std::vector<std::uint32_t> loads;  // percent
    std::string_view panic;            // by level: + or -
  };
  const std::vector<Case> cases{
      {"HHHH|HHHH", {100, 0}, "--"},
      {"HHHU|HHHH", {100, 0}, "--"},  // 75 % x 1.4
      {"HHHHHHHUUU|HHHHHHHHHH", {98, 2}, "--"},
      {"HUUU|HHHH", {35, 65}, "--"},
      {"UUUU|HHHH", {0, 100}, "--"},
      {"HUUUHUUUHU|HHHHHHHHUU|HHHH", {42, 58, 0}, "---"},
      {"HUUU|HUUU|HUUU", {35, 35, 30}, "---"},
      {"HHHUUUUUUU|HHUUUUUUUU|HHHHHUUUUU", {42, 28, 30}, "---"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.hosts);
    const Spread result = spread(levels_of(one.hosts), {.check_configured = true});
    REQUIRE(result.levels.size() == one.loads.size());
    for (std::size_t i = 0; i < one.loads.size(); ++i) {
      CAPTURE(i);
      CHECK(result.levels[i].priority == i);
      CHECK(result.levels[i].load == one.loads[i] * 100);
      CHECK(result.levels[i].panic == (one.panic[i] == '+'));
    }
  }
}

TEST_CASE("levels that can't carry the load together: each takes its part of it, in panic where it must") {
  // 14 % and 28 % of health: a third and two thirds, and both are in panic, so it goes by weight.
  const Spread both = spread(levels_of("HUUUUUUUUU|HHUUUUUUUU"), {.check_configured = true});
  CHECK(both.levels[0].panic);
  CHECK(both.levels[1].panic);
  CHECK(both.levels[0].load == 5000);
  CHECK(both.hosts.size() == 20);
  // 14 % and 84 %: one seventh and six sevenths; the first uses all its hosts, the second its healthy ones.
  const Spread one = spread(levels_of("HUUUUUUUUU|HHHHHHUUUU"), {.check_configured = true});
  CHECK(one.levels[0].panic);
  CHECK_FALSE(one.levels[1].panic);
  CHECK(one.levels[0].load == 1429);  // with what rounding leaves over
  CHECK(one.levels[1].load == 8571);
  CHECK(one.hosts.size() == 16);
  CHECK(shares(one).at(0) == doctest::Approx(1.429).epsilon(0.001));
  CHECK(shares(one).at(10) == doctest::Approx(14.285).epsilon(0.001));
}

TEST_CASE("loads always sum up to everything") {
  for (unsigned bits = 1; bits < 1U << 9U; ++bits) {
    std::string text;
    for (unsigned i = 0; i < 9; ++i) {
      if (i == 3 || i == 6) text += '|';
      text += (bits >> i & 1U) != 0 ? 'H' : 'U';
    }
    for (const std::uint32_t panic : {0U, 50U, 100U}) {
      CAPTURE(text);
      CAPTURE(panic);
      const Spread result = spread(levels_of(text), {.check_configured = true, .panic_percent = panic});
      std::uint32_t sum = 0;
      for (const Level& level : result.levels) sum += level.load;
      CHECK(sum == kWholeLoad);
      CHECK_FALSE(result.hosts.empty());
    }
  }
}

TEST_CASE("health of a level is by weight") {
  std::vector<Host> hosts = levels_of("UHH|H");
  hosts[0].weight = 98;  // of 100: what is left is 2 % x 1.4
  const Spread result = spread(hosts, {.check_configured = true, .panic_percent = 0});
  CHECK(result.levels[0].load == 280);
  check_shares(result, {{1, 1.4}, {2, 1.4}, {3, 97.2}});
}

TEST_CASE("one group keeps the configured weights, ramps are parts of them") {
  std::vector<Host> hosts = levels_of("HHH|H");
  hosts[1].weight = 5;
  Spread result = spread(hosts, {.check_configured = true});
  CHECK(result.hosts[0].weight == 1);
  CHECK(result.hosts[1].weight == 5);
  hosts[1].ramp = 100;
  result = spread(hosts, {.check_configured = true});
  check_shares(result, {{0, 40}, {1, 20}, {2, 40}});
}

TEST_CASE("huge and tiny weights") {
  constexpr std::uint32_t kHuge = std::numeric_limits<std::uint32_t>::max();
  std::vector<Host> hosts = levels_of("HHH|H");
  hosts[0].weight = hosts[1].weight = kHuge;
  hosts[0].ramp = 500;
  const Spread result = spread(hosts, {.check_configured = true});
  REQUIRE(result.hosts.size() == 3);
  CHECK(shares(result).at(0) == doctest::Approx(100.0 / 3).epsilon(0.001));
  CHECK(result.hosts[2].weight >= 1);  // a host that serves is never rounded away

  std::vector<Host> many;
  for (std::uint32_t i = 0; i < 1000; ++i) many.push_back({.id = i, .index = i, .weight = kHuge});
  CHECK(spread(many, {}).hosts.size() == 1000);
}

// Hosts by zone: two in zone 1, two in 2, and so on.
struct ZoneCase {
  std::string_view name;
  std::string_view hosts;
  std::vector<std::uint32_t> zones;  // of each host
  std::vector<ZoneShare> edges;
  std::map<std::uint32_t, double> want;  // percent, by host
};

TEST_CASE("the own zone first, as long as a host there gets no more than a host elsewhere") {
  const std::vector<ZoneCase> cases{
      {"as many edges as hosts", "HHHH", {1, 1, 2, 2}, {}, {{0, 50}, {1, 50}}},
      {"a host of ours is down: it takes half of what it should",
       "HUHH",
       {1, 1, 2, 2},
       {},
       {{0, 200.0 / 3}, {2, 50.0 / 3}, {3, 50.0 / 3}}},
      {"another zone is down: ours serves us alone", "HHUU", {1, 1, 2, 2}, {}, {{0, 50}, {1, 50}}},
      {"ours is down: as if there were no zones", "UUHH", {1, 1, 2, 2}, {}, {{2, 50}, {3, 50}}},
      {"no host in our zone", "HHHH", {2, 2, 3, 3}, {}, {{0, 25}, {1, 25}, {2, 25}, {3, 25}}},
      {"all in our zone", "HH", {1, 1}, {}, {{0, 50}, {1, 50}}},
      {"zones that are not known are no zone of ours", "HH", {0, 0}, {}, {{0, 50}, {1, 50}}},
      {"all edges here, half of the hosts: half goes elsewhere",
       "HHHH",
       {1, 1, 2, 2},
       {{1, 3}},
       {{0, 25}, {1, 25}, {2, 25}, {3, 25}}},
      {"half of the edges, a quarter of the hosts",
       "HHHH",
       {1, 2, 2, 2},
       {{1, 1}, {2, 1}},
       {{0, 50}, {1, 50.0 / 3}, {2, 50.0 / 3}, {3, 50.0 / 3}}},
      {"what goes elsewhere goes where there is room",
       "HHHHHHHH",
       {1, 2, 2, 2, 2, 2, 3, 3},
       {{1, 2}, {2, 1}, {3, 1}},  // zone 3 is used up by its own edges
       {{0, 25}, {1, 15}, {2, 15}, {3, 15}, {4, 15}, {5, 15}}},
      {"edges that forget this one count it", "HHHH", {1, 2, 2, 2}, {{2, 3}}, {{0, 100}}},
  };
  for (const ZoneCase& one : cases) {
    CAPTURE(one.name);
    std::vector<Host> hosts = levels_of(one.hosts);
    for (std::size_t i = 0; i < hosts.size(); ++i) hosts[i].zone = one.zones[i];
    check_shares(spread(hosts, {.check_configured = true, .panic_percent = 0, .zone = 1, .edges = one.edges}),
                 one.want);
  }
}

TEST_CASE("no zone of our own, or panic: no preference") {
  std::vector<Host> hosts = levels_of("HUUU");
  for (std::size_t i = 0; i < hosts.size(); ++i) hosts[i].zone = static_cast<std::uint32_t>(1 + i / 2);
  CHECK(spread(hosts, {.check_configured = true, .zone = 1}).hosts.size() == 4);
  hosts = levels_of("HHHH");
  for (std::size_t i = 0; i < hosts.size(); ++i) hosts[i].zone = static_cast<std::uint32_t>(1 + i / 2);
  CHECK(spread(hosts, {.check_configured = true}).hosts.size() == 4);
}

TEST_CASE("over all edges together, zones balance: every host gets the same") {
  // Three zones of 4, 3 and 1 hosts; 2, 1 and 1 edges. Sum up what each edge sends.
  const std::vector<std::uint32_t> zones{1, 1, 1, 1, 2, 2, 2, 3};
  const std::vector<ZoneShare> edges{{1, 2}, {2, 1}, {3, 1}};
  std::vector<double> sums(zones.size());
  for (const ZoneShare& edge : edges) {
    std::vector<Host> hosts = levels_of("HHHHHHHH");
    for (std::size_t i = 0; i < hosts.size(); ++i) hosts[i].zone = zones[i];
    for (const auto& [index, share] : shares(spread(hosts, {.zone = edge.zone, .edges = edges})))
      sums[index] += share * edge.edges / 4;
  }
  for (const double sum : sums) CHECK(sum == doctest::Approx(12.5).epsilon(0.001));
}

TEST_CASE("zones within levels: the preference holds for what each level gets") {
  std::vector<Host> hosts = levels_of("HUUU|HHHH");  // 35 % and 65 %
  for (std::size_t i = 0; i < hosts.size(); ++i) hosts[i].zone = static_cast<std::uint32_t>(1 + i % 2);
  check_shares(spread(hosts, {.check_configured = true, .panic_percent = 0, .zone = 1}),
               {{0, 35}, {4, 32.5}, {6, 32.5}});
}

TEST_CASE("whatever the hosts are, the outcome is sound") {
  Random random(4);
  for (int round = 0; round < 5000; ++round) {
    std::vector<Host> hosts(random.below(12));
    for (std::uint32_t i = 0; i < hosts.size(); ++i) {
      Host& host = hosts[i];
      host.index = i;
      host.weight = std::vector<std::uint32_t>{0, 1, 1, 7, 1000, 4'294'967'295}[random.below(6)];
      host.priority = static_cast<std::uint32_t>(random.below(3) * 5);
      host.health = static_cast<Health>(random.below(4));
      host.set_aside = random.below(4) == 0;
      host.ejected = random.below(6) == 0;
      host.zone = static_cast<std::uint32_t>(random.below(4));
      host.ramp = random.below(3) == 0 ? 100 : kRampFull;
    }
    SpreadSettings settings{.check_configured = random.below(3) > 0,
                            .panic_percent = static_cast<std::uint32_t>(random.below(3) * 50),
                            .zone = static_cast<std::uint32_t>(random.below(3))};
    if (random.below(2) == 0) settings.edges = {{1, 2}, {2, 3}, {9, 1}};
    const Spread result = spread(hosts, settings);

    CHECK(std::ranges::is_sorted(result.hosts, {}, &Host::index));
    std::map<std::uint32_t, double> by_level;
    double sum = 0;
    for (const Host& host : result.hosts) {
      const Host& given = hosts[host.index];
      REQUIRE(given.weight > 0);
      REQUIRE(host.weight > 0);
      if (settings.check_configured) {
        REQUIRE(given.health != kUnknown);
        REQUIRE(given.health != kNeverHealthy);
        if (settings.panic_percent == 0) REQUIRE(given.health == kHealthy);
      }
      by_level[host.priority] += host.weight;
      sum += host.weight;
    }
    // Somebody serves whenever somebody may.
    const bool any = std::ranges::any_of(hosts, [&](const Host& host) {
      return host.weight > 0 && may_serve(host.health, settings.check_configured);
    });
    if (any) REQUIRE_FALSE(result.hosts.empty());
    if (result.hosts.empty()) continue;
    for (const Level& level : result.levels)
      CHECK(by_level[level.priority] / sum == doctest::Approx(1.0 * level.load / kWholeLoad).epsilon(0.001));
  }
}

TEST_CASE("every policy keeps to what was spread") {
  const std::vector<Host> hosts = [] {
    std::vector<Host> all = levels_of("HUUU|HHHH");  // 35 % and 65 %
    for (Host& host : all) host.id = mix(host.index);
    all[5].weight = 2;
    return all;
  }();
  const Spread result = spread(hosts, {.check_configured = true, .panic_percent = 0});
  for (const PolicyKind& kind : kPolicies) {
    CAPTURE(kind.name);
    const HashTablePointer table = kind.make_table == nullptr ? nullptr : kind.make_table(hosts);
    const auto policy = kind.make(result.hosts, {.table = table});
    Rotation rotation;
    Random random(3);
    std::map<std::uint32_t, double> got;
    constexpr int kPicks = 50'000;
    for (int i = 0; i < kPicks; ++i)
      got[policy->pick({.rotation = rotation, .random = random}).value()] += 100.0 / kPicks;
    CHECK(got.size() == 5);
    CHECK(got[0] == doctest::Approx(35).epsilon(0.1));
    for (const std::uint32_t index : {4U, 5U, 6U, 7U}) {
      CAPTURE(index);
      CHECK(got[index] == doctest::Approx(index == 5 ? 26 : 13).epsilon(0.15));
    }
  }
}

}  // namespace
}  // namespace weir::lb
