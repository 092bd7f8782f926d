#include "nameserver/places.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "config/formats.h"
#include "dns/rdata.h"
#include "dns/zone.h"
#include "nameserver/geo_file_fixture.h"
#include "nameserver/steered_set.h"

namespace weir::nameserver {
namespace {

using Texts = std::vector<std::string>;

dns::Client client(const std::string& address) {
  const auto network = *config::parse_network(address);
  return {.ip = {.octets = network.bytes, .size = static_cast<std::uint8_t>(network.v6 ? 16 : 4)},
          .bits = network.prefix_bits};
}

Geography geography(std::vector<config::Site> sites, const GeoFile* countries = nullptr) {
  Geography made;
  made.sites = std::make_shared<const std::vector<config::Site>>(std::move(sites));
  if (countries != nullptr) {
    const FileOfTest file(countries->bytes());
    made.countries = *GeoDatabase::read(file.path);
  }
  return made;
}

struct Given {
  Texts places;
  bool healthy = true;
  std::uint32_t weight = 1;
};

// The first is 192.0.2.0, the next .1, and so on.
struct World {
  explicit World(Geography to) : geo(std::move(to)) {}
  config::RecordSetSpec spec{.zone = "a.example", .policy = config::RecordPolicy::kGeo};
  Geography geo;
  std::vector<Given> given;

  SteeredSet set() const {
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < given.size(); ++i) {
      Answer answer{.rdata = {192, 0, 2, static_cast<std::uint8_t>(i)}, .weight = given[i].weight, .why = {}};
      answer.healthy = given[i].healthy;
      answer.places = given[i].places;
      answers.push_back(std::move(answer));
    }
    std::vector<std::vector<std::uint8_t>> fallback;
    if (!spec.fallback.empty()) fallback.push_back({192, 0, 2, 99});
    return {spec, 60, std::move(answers), fallback, std::make_shared<std::atomic<std::uint32_t>>(0), geo};
  }
};

// "0 1/24"
std::string shown(const dns::Chosen& chosen) {
  std::string text;
  dns::Bytes rest = chosen.packed;
  for (std::uint16_t i = 0; i < chosen.count; ++i) {
    const std::size_t bytes = dns::kPackedHeadBytes + dns::packed_rdata_bytes(rest);
    text += (text.empty() ? "" : " ") + std::to_string(rest[bytes - 1]);
    rest = rest.subspan(bytes);
  }
  CHECK(rest.empty());
  return text + '/' + std::to_string(chosen.scope_bits);
}
std::string ask(const SteeredSet& set, const std::string& from) { return shown(set.choose(client(from))); }

GeoFile europe() {
  GeoFile file;
  file.add("20.0.0.0/8", "DE", "EU").add("21.0.0.0/8", "FR", "EU").add("22.0.0.0/8", "", "EU");
  file.add("30.0.0.0/8", "US", "NA").add("2001:db8::/32", "DE", "EU");
  return file;
}

TEST_CASE("the closest place counts: networks, sites, country, continent, everywhere else") {
  const GeoFile file = europe();
  World world(geography({{"home", {"10.0.0.0/8", "2001:db8:1::/48"}}, {"lab", {"10.1.0.0/16"}}}, &file));
  world.given = {{{"10.1.2.0/24"}}, {{"site/home"}},    {{"site/lab"}},
                 {{"country/DE"}},  {{"continent/EU"}}, {{}},
                 {{"10.0.0.0/7"}}};
  const SteeredSet set = world.set();
  CHECK(ask(set, "10.1.2.3") == "0/24");
  CHECK(ask(set, "10.1.3.3") == "6/24");  // a network counts before any site
  world.given.pop_back();
  const SteeredSet without = world.set();
  CHECK(ask(without, "10.1.3.3") == "2/24");
  CHECK(ask(without, "10.2.0.1") == "1/15");
  CHECK(ask(without, "20.1.1.1") == "3/8");
  CHECK(ask(without, "21.1.1.1") == "4/8");
  CHECK(ask(without, "22.1.1.1") == "4/8");
  CHECK(ask(without, "30.1.1.1") == "5/8");
  CHECK(ask(without, "200.1.1.1") == "5/1");
  CHECK(ask(without, "2001:db8:1::1") == "1/48");
  CHECK(ask(without, "2001:db8:2::1") == "3/47");
  CHECK(ask(without, "2001:db9::1") == "5/32");
  CHECK(without.reason() == "6 of 6 are healthy; those of the place that is closest to the client are given");
}

TEST_CASE("when none of a place is healthy, the next wider place counts") {
  const GeoFile file = europe();
  World world(geography({{"home", {"20.1.0.0/16"}}}, &file));
  world.given = {{{"20.1.1.0/24"}}, {{"site/home"}}, {{"country/DE"}}, {{"continent/EU"}}, {{}}};
  for (const char* expected : {"0/24", "1/16", "2/8", "3/6", "4/1", "0 1 2 3 4/0"}) {
    CAPTURE(expected);
    const std::string got = ask(world.set(), "20.1.1.1");
    CHECK(got.substr(0, got.find('/')) == std::string(expected).substr(0, std::string(expected).find('/')));
    for (Given& one : world.given) {
      if (std::exchange(one.healthy, false)) break;
    }
  }
  world.spec.all_down = config::AllDown::kServeNone;
  CHECK(ask(world.set(), "20.1.1.1") == "/0");
  world.spec.all_down = config::AllDown::kFallback;
  world.spec.fallback = {"192.0.2.99"};
  CHECK(ask(world.set(), "20.1.1.1") == "99/0");
}

TEST_CASE("who is in no place gets what all_down says, but nothing that is down while others are healthy") {
  World world(geography({}));
  world.given = {{{"10.0.0.0/8"}}, {{"10.0.0.0/8"}, false}, {{"11.0.0.0/8"}}};
  CHECK(ask(world.set(), "192.0.2.1") == "0 2/1");
  world.spec.all_down = config::AllDown::kServeNone;
  CHECK(ask(world.set(), "192.0.2.1") == "/1");
  CHECK(ask(world.set(), "10.0.0.1") == "0/8");
  world.spec.all_down = config::AllDown::kFallback;
  world.spec.fallback = {"192.0.2.99"};
  CHECK(ask(world.set(), "192.0.2.1") == "99/1");
}

TEST_CASE("answers of one place take turns, those of another have their own; weight 0 drains") {
  World world(geography({{"home", {"10.0.0.0/8"}}}));
  world.given = {{{"site/home"}}, {{"site/home", "11.0.0.0/8"}}, {{"site/home"}, true, 0}, {{}}, {{}}};
  const SteeredSet set = world.set();
  CHECK(ask(set, "10.0.0.1") == "0 1/8");
  CHECK(ask(set, "192.0.2.1") == "3 4/1");
  CHECK(ask(set, "10.0.0.1") == "1 0/8");
  CHECK(shown(set.peek(client("10.0.0.1"))) == "0 1/8");
  CHECK(ask(set, "192.0.2.1") == "4 3/1");
  CHECK(ask(set, "10.0.0.1") == "0 1/8");
  CHECK(ask(set, "11.0.0.1") == "1/8");
}

TEST_CASE("sticky: a network of a place keeps its answer while that is healthy") {
  World world(geography({{"home", {"10.0.0.0/8"}}}));
  world.spec.sticky = true;
  world.given = {{{"site/home"}}, {{"site/home"}}, {{"site/home"}}};
  const SteeredSet before = world.set();
  world.given[1].healthy = false;
  const SteeredSet after = world.set();
  int moved = 0;
  for (int i = 0; i < 256; ++i) {
    const std::string from = "10.0." + std::to_string(i) + ".1";
    const std::string given = ask(before, from);
    CHECK(given == ask(before, "10.0." + std::to_string(i) + ".200"));
    CHECK(given.ends_with("/24"));
    const char first = given.front();
    if (first == '1') {
      ++moved;
    } else {
      CHECK(ask(after, from).front() == first);
    }
  }
  CHECK(moved > 40);
  CHECK(moved < 130);
}

TEST_CASE("without a file of countries, no country and no continent is the place of anybody") {
  World world(geography({}));
  world.given = {{{"country/DE"}}, {{"continent/EU"}}, {{}}};
  const SteeredSet set = world.set();
  CHECK(ask(set, "20.1.1.1") == "2/0");
  CHECK(set.reason().ends_with("; no country and no continent is known here (--geoip)"));
}

TEST_CASE("places that there are not are said") {
  config::RecordSetSpec spec;
  spec.answers = {{.value = "192.0.2.1", .service = {}, .places = {"10.0.0.0/8", "site/home"}}};
  CHECK(Places::problem(spec, geography({{"home", {"10.0.0.0/8"}}})).empty());
  CHECK(Places::problem(spec, geography({{"lab", {"10.0.0.0/8"}}})) == "the zone has no site/home");
  CHECK(Places::problem(spec, {}) == "the zone has no site/home");
  std::vector<config::Site> sites(250);
  spec.answers[0].places.clear();
  for (std::size_t i = 0; i < sites.size(); ++i) {
    sites[i] = {std::to_string(i), Texts(1000, "10.0.0.0/8")};
    spec.answers[0].places.push_back("site/" + std::to_string(i));
  }
  CHECK(Places::problem(spec, geography(sites)) == "its places are more than 200000 networks");
  spec.answers[0].places.clear();
  for (int i = 0; i < 10'001; ++i) spec.answers[0].places.push_back("c" + std::to_string(i));
  CHECK(Places::problem(spec, geography({})) == "its answers name more than 10000 places");
}

// The same rules once more, for one client, without tables.
std::string naive(const World& world, const std::string& from) {
  std::vector<Texts> places;
  for (const Given& one : world.given) places.push_back(one.places);
  for (const std::string& place : places_around(places, world.geo, client(from).ip)) {
    std::string given;
    for (std::size_t i = 0; i < world.given.size(); ++i) {
      const Given& one = world.given[i];
      if (!one.healthy || one.weight == 0 || std::ranges::find(one.places, place) == one.places.end())
        continue;
      given += (given.empty() ? "" : " ") + std::to_string(i);
    }
    if (!given.empty()) return given;
  }
  return "else";
}

TEST_CASE("random sets give what the rules give one by one") {
  const GeoFile file = europe();
  Random random(5);
  const Texts places{"20.0.0.0/8", "20.0.0.0/9",   "20.1.0.0/16",  "30.0.0.0/7",
                     "site/a",     "site/b",       "site/c",       "country/DE",
                     "country/FR", "continent/EU", "continent/NA", "2001:db8::/33"};
  const Texts clients{"20.0.0.1", "20.1.0.1",   "20.200.0.1", "21.0.0.1",    "22.0.0.1",
                      "30.0.0.1", "31.255.0.1", "99.0.0.1",   "2001:db8::1", "2001:db8:8000::1"};
  const Geography geo = geography(
      {{"a", {"20.0.0.0/10", "30.0.0.0/8"}}, {"b", {"20.1.0.0/17", "21.0.0.0/8"}}, {"c", {"2001:db8::/40"}}},
      &file);
  for (int round = 0; round < 400; ++round) {
    World world(geo);
    world.spec.all_down = config::AllDown::kServeNone;
    for (std::size_t i = random.next() % 6; i < 7; ++i) {
      Given one;
      for (std::size_t j = random.next() % 3; j < 3; ++j) {
        const std::string& place = places[random.next() % places.size()];
        if (std::ranges::find(one.places, place) == one.places.end()) one.places.push_back(place);
      }
      one.healthy = random.next() % 3 != 0;
      one.weight = random.next() % 5 == 0 ? 0 : 1;
      world.given.push_back(one);
    }
    const SteeredSet set = world.set();
    for (const std::string& from : clients) {
      std::string expected = naive(world, from);
      const Places::Spot spot = set.places()->find(client(from).ip);
      std::string given = spot.group == Places::kElsewhere ? "else" : "";
      if (given.empty()) {
        for (const std::size_t one : set.places()->groups()[spot.group]) {
          given += (given.empty() ? "" : " ") + std::to_string(one);
        }
      }
      CAPTURE(from);
      REQUIRE(given == expected);
    }
  }
}

TEST_CASE("places: of sets that are alike are one, as long as somebody has them") {
  PlacesPool pool;
  const std::vector<Texts> places{{"10.0.0.0/8"}, {"site/a"}};
  Geography geo = geography({{"a", {"20.0.0.0/8"}}});
  auto one = pool.get(places, {0, 1}, geo);
  CHECK(pool.get(places, {0, 1}, geo) == one);
  CHECK(pool.get(places, {0}, geo) != one);
  CHECK(pool.get({{"11.0.0.0/8"}, {"site/a"}}, {0, 1}, geo) != one);
  // Another zone, or the same with other sites
  geo = geography({{"a", {"30.0.0.0/8"}}});
  const auto other = pool.get(places, {0, 1}, geo);
  CHECK(other->find(client("20.0.0.1").ip).group == Places::kElsewhere);
  CHECK(one->find(client("20.0.0.1").ip).group != Places::kElsewhere);
  one.reset();
  for (int i = 0; i < 1000; ++i) pool.get({{std::to_string(i % 256) + ".0.0.0/8"}}, {0}, geo);
  CHECK(pool.size() < 40);
}

}  // namespace
}  // namespace weir::nameserver
