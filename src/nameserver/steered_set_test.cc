#include "nameserver/steered_set.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dns/rdata.h"
#include "dns/zone.h"
#include "nameserver/view.h"

namespace weir::nameserver {
namespace {

using config::AllDown;
using config::RecordPolicy;
using config::RecordSetSpec;

std::vector<std::uint8_t> rdata(const std::string& ip) { return *dns::read_rdata(dns::Type::kA, ip, {}); }

// "192.0.2.1 w3 p1 down"
Answer answer(const std::string& text) {
  Answer made{.rdata = rdata(text.substr(0, text.find(' '))), .why = {}};
  const auto number = [&text](const char* mark) {
    const std::size_t at = text.find(mark);
    return at == std::string::npos ? 0U : static_cast<std::uint32_t>(std::stoul(text.substr(at + 2)));
  };
  if (text.contains(" w")) made.weight = number(" w");
  made.priority = number(" p");
  made.healthy = !text.contains("down");
  return made;
}

SteeredSet set_of(const RecordSetSpec& spec, const std::vector<std::string>& texts, Turn turn = nullptr) {
  std::vector<Answer> answers;
  for (const std::string& text : texts) answers.push_back(answer(text));
  std::vector<std::vector<std::uint8_t>> fallback;
  for (const std::string& value : spec.fallback) fallback.push_back(rdata(value));
  if (!turn) turn = std::make_shared<std::atomic<std::uint32_t>>(0);
  return {spec, 60, std::move(answers), fallback, std::move(turn)};
}

RecordSetSpec spec_of(RecordPolicy policy) { return {.zone = "a.example", .policy = policy}; }

// The last numbers of the addresses: "1 2"
std::string shown(const dns::Chosen& chosen) {
  std::string text;
  dns::Bytes rest = chosen.packed;
  for (std::uint16_t i = 0; i < chosen.count; ++i) {
    const std::size_t bytes = dns::kPackedHeadBytes + dns::packed_rdata_bytes(rest);
    text += (text.empty() ? "" : " ") + std::to_string(rest[bytes - 1]);
    rest = rest.subspan(bytes);
  }
  CHECK(rest.empty());
  return text;
}

dns::Client client(std::uint8_t network, std::uint8_t host = 1) {
  return {.ip = {.octets = {10, 0, network, host}, .size = 4}, .bits = 32};
}

std::vector<std::string> in_turn(const SteeredSet& set, int times) {
  std::vector<std::string> all;
  for (int i = 0; i < times; ++i) all.push_back(shown(set.choose(client(0))));
  return all;
}
using Texts = std::vector<std::string>;

const Texts kTwo{"192.0.2.1", "192.0.2.2"};

TEST_CASE("round robin: all that are healthy, each first in turn") {
  const Texts three{"192.0.2.1", "192.0.2.2", "192.0.2.3 down", "192.0.2.4"};
  CHECK(in_turn(set_of(spec_of(RecordPolicy::kRoundRobin), three), 4) ==
        Texts{"1 2 4", "2 4 1", "4 1 2", "1 2 4"});
}

TEST_CASE("weighted: one, and the shares are exact over every window of a schedule") {
  const SteeredSet set = set_of(spec_of(RecordPolicy::kWeighted),
                                {"192.0.2.1 w75", "192.0.2.2 w25", "192.0.2.3 w0", "192.0.2.4 w500 down"});
  const Texts given = in_turn(set, 400);
  for (std::size_t begin = 0; begin + 4 <= given.size(); ++begin) {
    std::map<std::string, int> counts;
    for (std::size_t i = begin; i < begin + 4; ++i) ++counts[given[i]];
    REQUIRE(counts == std::map<std::string, int>{{"1", 3}, {"2", 1}});
  }
}

TEST_CASE("weighted: the turn goes on when the set is made anew") {
  const SteeredSet before = set_of(spec_of(RecordPolicy::kWeighted), {"192.0.2.1 w1", "192.0.2.2 w1"});
  CHECK(in_turn(before, 3) == Texts{"1", "2", "1"});
  const SteeredSet after =
      set_of(spec_of(RecordPolicy::kWeighted), {"192.0.2.1 w1", "192.0.2.2 w1"}, before.turn());
  CHECK(in_turn(after, 2) == Texts{"2", "1"});
  CHECK(shown(after.peek(client(0))) == "2");
  CHECK(shown(after.peek(client(0))) == "2");
}

TEST_CASE("failover: the lowest priority that has healthy ones; below the threshold the next, too") {
  RecordSetSpec spec = spec_of(RecordPolicy::kFailover);
  const Texts all{"192.0.2.9 p2", "192.0.2.1 w3", "192.0.2.2 w1", "192.0.2.5 p1"};
  CHECK(in_turn(set_of(spec, all), 1) == Texts{"1 2"});
  CHECK(in_turn(set_of(spec, {"192.0.2.1 down", "192.0.2.2", "192.0.2.5 p1"}), 1) == Texts{"2"});
  CHECK(in_turn(set_of(spec, {"192.0.2.1 down", "192.0.2.2 down", "192.0.2.5 p1"}), 1) == Texts{"5"});
  spec.healthy_percent_min = 50;
  CHECK(in_turn(set_of(spec, {"192.0.2.1 w3 down", "192.0.2.2 w1", "192.0.2.5 p1"}), 1) == Texts{"2 5"});
  const SteeredSet enough = set_of(spec, {"192.0.2.1 w3", "192.0.2.2 w1 down", "192.0.2.5 p1"});
  CHECK(in_turn(enough, 1) == Texts{"1"});
  CHECK(enough.reason() == "of priority 0 3 of 4 of the weight is healthy");
}

TEST_CASE("multi: a few of the healthy ones, beginning with each in turn") {
  RecordSetSpec spec = spec_of(RecordPolicy::kMulti);
  spec.answers_max = 2;
  CHECK(in_turn(set_of(spec, {"192.0.2.1", "192.0.2.2 down", "192.0.2.3", "192.0.2.4"}), 4) ==
        Texts{"1 3", "3 4", "4 1", "1 3"});
}

TEST_CASE("all down: all, none, or the fallback") {
  const Texts down{"192.0.2.1 down", "192.0.2.2 down"};
  for (const RecordPolicy policy :
       {RecordPolicy::kRoundRobin, RecordPolicy::kWeighted, RecordPolicy::kFailover, RecordPolicy::kMulti}) {
    CAPTURE(static_cast<int>(policy));
    const bool one = policy == RecordPolicy::kWeighted;
    RecordSetSpec spec = spec_of(policy);
    CHECK(in_turn(set_of(spec, down), 1) == Texts{one ? "1" : "1 2"});
    spec.all_down = AllDown::kServeNone;
    CHECK(in_turn(set_of(spec, down), 1) == Texts{""});
    spec.all_down = AllDown::kFallback;
    spec.fallback = {"192.0.2.8", "192.0.2.9"};
    CHECK(in_turn(set_of(spec, down), 2) == Texts{"8 9", "9 8"});
    CHECK(in_turn(set_of(spec, {}), 1) == Texts{"8 9"});
    spec.all_down = AllDown::kServeAll;
    CHECK(in_turn(set_of(spec, {}), 1) == Texts{""});
  }
}

TEST_CASE("sticky: a network keeps its answer, and only those of one that went down get another") {
  RecordSetSpec spec = spec_of(RecordPolicy::kWeighted);
  spec.sticky = true;
  const SteeredSet before = set_of(spec, {"192.0.2.1 w2", "192.0.2.2 w1", "192.0.2.3 w1"});
  const SteeredSet after = set_of(spec, {"192.0.2.1 w2", "192.0.2.2 w1 down", "192.0.2.3 w1"});
  std::map<std::string, int> counts;
  for (int network = 0; network < 256; ++network) {
    const dns::Client here = client(static_cast<std::uint8_t>(network));
    const dns::Client beside = client(static_cast<std::uint8_t>(network), 200);
    const dns::Chosen chosen = before.choose(here);
    CHECK(chosen.scope_bits == 24);
    const std::string given = shown(chosen);
    CHECK(shown(before.choose(beside)) == given);
    const std::string then = shown(after.choose(here));
    CHECK((given == "2" ? then != "2" : then == given));
    ++counts[given];
  }
  CHECK(counts["1"] > 96);
  CHECK(counts["2"] > 32);
  CHECK(counts["3"] > 32);
}

TEST_CASE("a copy of the zone has all that a set gives now, to somebody or in its turn") {
  const auto copied = [](const RecordSetSpec& spec, const std::vector<std::string>& texts) {
    std::vector<Answer> answers;
    for (const std::string& text : texts) answers.push_back(answer(text));
    std::vector<std::vector<std::uint8_t>> fallback;
    for (const std::string& value : spec.fallback) fallback.push_back(rdata(value));
    const View view({},
                    {std::make_shared<const SteeredSet>(spec, 60, std::move(answers), fallback,
                                                        std::make_shared<std::atomic<std::uint32_t>>(0))});
    CHECK(view.copied(1, dns::Type::kA).empty());
    const std::vector<std::uint8_t> packed = view.copied(0, dns::Type::kA);
    const auto count = static_cast<std::uint16_t>(packed.size() / (dns::kPackedHeadBytes + 4));
    return shown({.packed = packed, .count = count});
  };
  const std::vector<std::string> both_down{"192.0.2.1 down", "192.0.2.2 down"};
  RecordSetSpec spec = spec_of(RecordPolicy::kRoundRobin);
  CHECK(copied(spec, {"192.0.2.1", "192.0.2.2 down"}) == "1");
  CHECK(copied(spec, both_down) == "1 2");
  spec.all_down = AllDown::kServeNone;
  CHECK(copied(spec, both_down).empty());
  spec.all_down = AllDown::kFallback;
  spec.fallback = {"192.0.2.9"};
  CHECK(copied(spec, both_down) == "9");
  CHECK(copied(spec_of(RecordPolicy::kWeighted), {"192.0.2.1 w0", "192.0.2.2 w1", "192.0.2.3 w9"}) == "2 3");
  CHECK(copied(spec_of(RecordPolicy::kFailover), {"192.0.2.1 p0", "192.0.2.2 p1"}) == "1");
}

}  // namespace
}  // namespace weir::nameserver
