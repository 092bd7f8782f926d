#include "nameserver/computed_weights.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nameserver/catalogue_fixture.h"
#include "nameserver/explain.h"

namespace weir::nameserver {
namespace {

struct Written {
  const char* provider;
  std::uint32_t weight;
  bool healthy = true;
};

std::vector<std::uint32_t> weighed(const std::vector<Written>& written,
                                   const std::map<std::string, std::uint32_t>& shares) {
  std::vector<Answer> answers;
  for (const Written& one : written) {
    answers.push_back({.rdata = {}, .weight = one.weight, .healthy = one.healthy, .why = {}});
    answers.back().provider = one.provider;
  }
  config::DnsWeightsSpec computed;
  for (const auto& [provider, weight] : shares) {
    computed.providers.push_back({.provider = provider, .weight = weight, .price = {}});
  }
  weigh(computed, answers);
  std::vector<std::uint32_t> weights;
  for (const Answer& answer : answers) weights.push_back(answer.weight);
  return weights;
}

TEST_CASE("an answer has the share of its provider") {
  const std::map<std::string, std::uint32_t> shares{{"aws", 720}, {"bolt", 280}};
  using Weights = std::vector<std::uint32_t>;
  CHECK(weighed({{"aws", 1}, {"bolt", 1}}, shares) == Weights{720, 280});
  CHECK(weighed({{"aws", 10}, {"bolt", 1}}, shares) == Weights{7200, 2800});  // whatever it weighs alone
  CHECK(weighed({{"aws", 1}, {"aws", 3}, {"bolt", 1}}, shares) == Weights{720, 2160, 1120});
  CHECK(weighed({{"aws", 1}, {"aws", 0}, {"bolt", 1}}, shares) == Weights{720, 0, 280});
  // A dead one leaves the share to the other of its provider.
  CHECK(weighed({{"aws", 1, false}, {"aws", 1}, {"bolt", 1}}, shares) == Weights{720, 720, 280});
  CHECK(weighed({{"aws", 1, false}, {"bolt", 1}}, shares) == Weights{720, 280});
  CHECK(weighed({{"aws", 0}, {"bolt", 1}}, shares) == Weights{0, 280});
  // Beyond sixteenths it is rounded, and nobody is rounded away.
  CHECK(weighed({{"aws", 999}, {"aws", 1}, {"bolt", 1}}, shares) == Weights{11508, 12, 4480});
  CHECK(weighed({{"aws", 1}, {"aws", 100'000}, {"bolt", 1}}, {{"aws", 10}, {"bolt", 990}})[0] == 1);
  CHECK(weighed({{"aws", 1}, {"bolt", 1}}, {{"aws", 0}, {"bolt", 1000}}) == Weights{0, 1000});
  // No share is none for as long as somebody has one.
  CHECK(weighed({{"aws", 3}, {"bolt", 4, false}}, {{"aws", 0}, {"bolt", 1000}}) == Weights{3, 4});
}

const char* const kSet = R"({kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A,
  policy: WEIGHTED, answers: [{value: 192.0.2.1, provider: aws, weight: 1, service: one},
  {value: 192.0.2.2, provider: bolt, weight: 1}],
  balance: {providers: [{name: aws, price: "0.05", capacity: 1000}, {name: bolt, price: "0.09"}]}}})";

class World : public CatalogueWorld {
 public:
  World() {
    put("{kind: Service, metadata: {name: one}, spec: {endpoints: [{address: '192.0.2.9:80'}]}}");
    put(kSet);
  }
  void compute(std::uint32_t aws, std::uint32_t bolt, const std::string& second = "bolt") {
    config::DnsWeightsSpec spec{.zone = "a.example", .providers = {}, .computed_at = WallTime{}};
    spec.providers.push_back(
        {.provider = "aws", .weight = aws, .price = "0.05", .capacity = 1000, .load = 400});
    spec.providers.push_back({.provider = second, .weight = bolt, .price = "0.09", .load = 7});
    config::Object object{.metadata = {}, .spec = std::move(spec), .status = {}};
    object.metadata.name = "w";
    take(std::move(object));
  }
  // How often the first is given in that many answers.
  int firsts(int count) const {
    int found = 0;
    for (int i = 0; i < count; ++i) found += ask("w.a.example").contains("192.0.2.1") ? 1 : 0;
    return found;
  }
};

TEST_CASE("computed weights take the place of those that are written, exactly") {
  World world;
  CHECK(world.firsts(100) == 50);
  world.compute(720, 280);
  for (int i = 0; i < 5; ++i) CHECK(world.firsts(25) == 18);
  world.compute(950, 50);
  for (int i = 0; i < 5; ++i) CHECK(world.firsts(20) == 19);
  SUBCASE("the health of an answer goes before its weight") {
    world.down.insert("one");
    world.catalogue.look_at("one");
    CHECK(world.firsts(20) == 0);
  }
  SUBCASE("those of other providers don't count") {
    world.compute(950, 50, "coro");
    CHECK(world.firsts(100) == 50);
  }
  SUBCASE("they stand in the text of the snapshot") {
    const auto read = config::read_snapshot(config::snapshot_text(*world.last));
    REQUIRE(read);
    CHECK((*read)->zones.at(0)->record_sets == world.last->zones.at(0)->record_sets);
    CHECK((*read)->zones.at(0)->record_sets.at(0).weights->providers.at(0).load == 400);
  }
  SUBCASE("without a balance there are none") {
    std::string set = kSet;
    set.replace(set.find("  balance"), std::string::npos, "}}");
    for (const char* provider : {", provider: aws", ", provider: bolt"}) {
      set.erase(set.find(provider), std::string(provider).size());
    }
    world.put(set);
    CHECK(world.firsts(100) == 50);
  }
}

TEST_CASE("the status of the set and its explanation tell of computed weights") {
  World world;
  CHECK(world.catalogue.record_set_status("w").reason ==
        "2 of 2 are healthy; one is given, by weight; weights are as written, since none are computed "
        "yet");
  world.compute(720, 280);
  const std::string reason =
      "2 of 2 are healthy; one is given, by weight; aws 720 of 1000: 0.05 a unit, 400 of 1000 requests/s; "
      "bolt 280 of 1000: 0.09 a unit, 7 requests/s";
  CHECK(world.catalogue.record_set_status("w").reason == reason);
  const auto explained = explain(world.catalogue, {.name = "w.a.example", .type = "A", .from = ""});
  REQUIRE(explained);
  CAPTURE(*explained);
  CHECK(explained->contains(R"("computed_at":"1970-01-01T00:00:00.000Z","answers":[{"value":"192.0.2.1",)"
                            R"("weight":720,"priority":0,"provider":"aws")"));
  CHECK(explained->contains("\"outcome\":\"" + reason + '"'));
}

}  // namespace
}  // namespace weir::nameserver
