// Zones and RecordSets: what each of them may be, and what they may be together.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/documents.h"
#include "config/kinds.h"
#include "config/object.h"
#include "config/snapshot.h"
#include "config/whole.h"

namespace weir::config {
namespace {

Checked<Object> object_of(std::string_view yaml) {
  const auto documents = read_yaml(yaml);
  REQUIRE(documents.has_value());
  return parse_object(documents->front().json, Origin::kClient);
}

std::string problems_of(std::string_view yaml) {
  const auto object = object_of(yaml);
  return object ? "" : to_text(object.error());
}

std::string records(const std::string& spec, const std::string& name = "r",
                    const std::string& zone = "a.example") {
  return "{kind: RecordSet, metadata: {name: " + name + "}, spec: {zone: " + zone + ", " + spec + "}}";
}
std::string zone(const std::string& spec = "", const std::string& name = "a.example") {
  return "{kind: Zone, metadata: {name: " + name + "}, spec: {nameservers: [ns1, ns.b.example]" + spec + "}}";
}

struct Case {
  std::string yaml;
  std::string problem;
};

TEST_CASE("what is wrong with a RecordSet") {
  const std::string name = "spec.name: ";
  const std::string relative = name + "is relative to its zone: ";
  for (const Case& one : std::vector<Case>{
           {records("type: A, values: [192.0.2.1, 192.0.2.2]"), ""},
           {records("name: '*.Dev', type: AAAA, ttl: 60, values: ['2001:db8::1']"), ""},
           {records("name: _db._tcp, type: SRV, values: ['0 5 5432 one.b.example.']"), ""},
           {records("name: '@', type: TXT, values: ['\"v=spf1 -all\"']"), ""},
           {records("name: '@', type: HTTPS, values: ['1 . alpn=h2,h3']"), ""},
           {records("name: www, type: CNAME, values: [web]", "www.a.example"), ""},
           {records("name: www, type: A, policy: WEIGHTED, answers: [{value: 192.0.2.1, weight: 75, service: "
                    "one}, "
                    "{value: 192.0.2.2, weight: 25}]"),
            ""},
           {records("type: A, policy: FAILOVER, service: web, healthy_percent_min: 50"), ""},
           {records("type: A, policy: MULTI, service: web, all_down: FALLBACK, fallback: [192.0.2.9]"), ""},
           {records("type: A, values: [192.0.2]"),
            "spec.values[0]: an IPv4 address has four numbers from 0 to 255"},
           {records("type: A, values: [192.0.2.1, 192.0.2.1]"), "spec.values[1]: is there twice"},
           {records("type: A"), "spec: needs exactly one of values, answers and service"},
           {records("type: A, values: [192.0.2.1], service: web"),
            "spec: needs exactly one of values, answers and service"},
           {records("name: www., type: A, values: [192.0.2.1]"), relative + "it ends without a dot"},
           {records("name: A.example, type: A, values: [192.0.2.1]"), relative + "the zone itself is \"@\""},
           {records("name: www.A.example, type: A, values: [192.0.2.1]"), relative + "write \"www\""},
           {records("name: 'w w', type: A, values: [192.0.2.1]"),
            name + "is made of letters, digits, \"-\", \"_\" and \".\"; a first part \"*\" stands for any"},
           {records("name: 'w.*', type: A, values: [192.0.2.1]"),
            name + "has a \"*\" that is not the whole first part"},
           {records("name: '*w', type: A, values: [192.0.2.1]"),
            name + "has a \"*\" that is not the whole first part"},
           {records("type: CNAME, values: [b]"),
            "spec.type: can't be CNAME at the zone itself, which has other records"},
           {records("type: NS, values: [b]"),
            "spec.type: can't be NS at the zone itself, whose Zone has nameservers"},
           {records("name: '*.b', type: NS, values: [c]"),
            "spec.type: can't be NS at a wildcard (RFC 4592 section 4.2)"},
           {records("name: b, type: CNAME, values: [c, d]"),
            "spec.values: has more than one name for a CNAME"},
           {records("name: b, type: CNAME, policy: MULTI, values: [c]"),
            "spec.policy: gives several records, and a CNAME has one; WEIGHTED gives one"},
           {records("type: MX, service: web"), "spec.service: has addresses: the type must be A or AAAA"},
           {records("type: A, answers: [{value: 192.0.2.1}]"), "spec.answers: needs a policy"},
           {records("type: A, policy: WEIGHTED, values: [192.0.2.1]"),
            "spec.values: has no weights and priorities; write answers"},
           {records("type: A, policy: MULTI, values: [192.0.2.1], healthy_percent_min: 1"),
            "spec.healthy_percent_min: is for the policy FAILOVER"},
           {records("type: A, values: [192.0.2.1], sticky: true"), "spec.sticky: needs a policy"},
           {records("type: A, policy: MULTI, values: [192.0.2.1], all_down: FALLBACK"),
            "spec.fallback: is required by all_down: FALLBACK"},
           {records("type: A, policy: MULTI, values: [192.0.2.1], fallback: [192.0.2.9]"),
            "spec.fallback: needs all_down: FALLBACK"},
       }) {
    CAPTURE(one.yaml);
    CHECK(problems_of(one.yaml) == one.problem);
  }
}

TEST_CASE("what is wrong with the balance of a RecordSet") {
  const auto weighted = [](const std::string& answers, const std::string& balance) {
    return records("type: A, policy: WEIGHTED, answers: [" + answers + "], balance: {" + balance + "}");
  };
  const std::string two = "{value: 192.0.2.1, provider: aws}, {value: 192.0.2.2, provider: bolt, weight: 3}";
  const auto priced = [](const std::string& price) {
    return "providers: [{name: aws, price: " + price + "}, {name: bolt, price: '2'}]";
  };
  const std::string good =
      "providers: [{name: aws, price: '0.05', capacity: 1000}, {name: bolt, price: '2'}]";
  const std::string price = "spec.balance.providers[0].price: ";
  const std::string no_price = price + "must be a decimal number above 0, as 0.05, to six places";
  for (const Case& one : std::vector<Case>{
           {weighted(two, good), ""},
           {weighted(two, good + ", share_min: 0, utilisation_max: 100, interval: 1s"), ""},
           {weighted(two, priced("'0'")), no_price},
           {weighted(two, priced("'0.000000'")), no_price},
           {weighted(two, priced("'-1'")), no_price},
           {weighted(two, priced("'1e3'")), no_price},
           {weighted(two, priced("'.5'")), no_price},
           {weighted(two, priced("'1.'")), no_price},
           {weighted(two, priced("'0.0000001'")), no_price},
           {weighted(two, priced("'1234567890'")), no_price},
           {weighted(two, priced("0.05")), price + "must be a text; put it in quotes: \"0.05\""},
           {weighted(two, "providers: [{name: aws}, {name: bolt, price: '2'}]"), price + "is required"},
           {weighted(two, "share_min: 5"), "spec.balance.providers: is required"},
           {weighted(two, good + ", interval: 10ms"), "spec.balance.interval: must be between 1s and 24h"},
           {weighted(two, good + ", utilisation_max: 0"),
            "spec.balance.utilisation_max: must be between 1 and 100"},
           {weighted(two, good + ", share_min: 51"),
            "spec.balance.share_min: is kept by each of 2 providers, which comes to 102 %"},
           {weighted(two,
                     "providers: [{name: aws, price: '1'}, {name: bolt, price: '2'}, "
                     "{name: aws, price: '3'}]"),
            "spec.balance.providers[2].name: is there twice"},
           {weighted(two, "providers: [{name: aws, price: '1'}]"),
            "spec.answers[1].provider: is none of the providers of balance: aws"},
           {weighted("{value: 192.0.2.1, provider: aws}, {value: 192.0.2.2}",
                     "providers: [{name: aws, price: '1'}]"),
            "spec.answers[1].provider: is required beside balance: one of aws"},
           {weighted("{value: 192.0.2.1, provider: aws}", good),
            "spec.balance.providers[1].name: is of no answer"},
           {records("type: A, policy: WEIGHTED, answers: [" + two.substr(0, two.find("}") + 1) + "]"),
            "spec.answers[0].provider: needs balance, which says what it costs"},
           {records("type: A, policy: FAILOVER, answers: [" + two + "], balance: {" + good + "}"),
            "spec.balance: is for the policy WEIGHTED"},
           {records("type: A, policy: WEIGHTED, service: web, balance: {" + good + "}"),
            "spec.answers: are required beside balance, each with its provider"},
       }) {
    CAPTURE(one.yaml);
    CHECK(problems_of(one.yaml) == one.problem);
  }
}

ObjectPointer weights_object(const std::string& providers) {
  const auto object = parse_object(
      R"({"kind":"DnsWeights","metadata":{"name":"r"},"spec":{"zone":"a.example","providers":[)" + providers +
          "]}}",
      Origin::kStore);
  REQUIRE_MESSAGE(object.has_value(), to_text(object.error()));
  return std::make_shared<const Object>(*object);
}

TEST_CASE("computed weights are in the snapshot as long as they are for what is written") {
  Whole whole;
  whole.put(std::make_shared<const Object>(*object_of(zone())));
  const std::string set = records(
      "type: A, policy: WEIGHTED, answers: [{value: 192.0.2.1, provider: aws}], balance: {providers: [{name: "
      "aws, price: '1'}]}");
  whole.put(std::make_shared<const Object>(*object_of(set)));
  auto snapshot = *build_snapshot(1, whole);
  const auto weight = [&snapshot] {
    const auto& weights = snapshot->zones.at(0)->record_sets.at(0).weights;
    return weights ? static_cast<int>(weights->providers.at(0).weight) : -1;
  };
  std::uint64_t revision = 1;
  const auto move = [&](const ObjectChange& change) {
    snapshot = *next_snapshot(*snapshot, ++revision, whole, std::vector{change});
  };
  CHECK(weight() == -1);
  const ObjectPointer first = weights_object(R"({"provider":"aws","weight":1000})");
  whole.put(first);
  move({nullptr, first});
  CHECK(weight() == 1000);
  CHECK(snapshot->zones.at(0)->serial == 2);
  const ObjectPointer other = weights_object(R"({"provider":"bolt","weight":1000})");
  whole.put(other);
  move({first, other});
  CHECK(weight() == -1);
  whole.put(first);
  move({other, first});
  CHECK(weight() == 1000);
  whole.remove(Kind::kDnsWeights, "r");
  move({first, nullptr});
  CHECK(weight() == -1);
  CHECK(problems_of("{kind: DnsWeights, metadata: {name: r}, spec: {zone: a.example}}") != "");
}

TEST_CASE("prices are read exactly, in millionths") {
  CHECK(parse_price("0.05") == 50'000U);
  CHECK(parse_price("0.000001") == 1U);
  CHECK(parse_price("999999999.999999") == 999'999'999'999'999U);
  CHECK(parse_price("7") == 7'000'000U);
  CHECK(!parse_price(""));
  CHECK(!parse_price("0.1.1"));
  CHECK(sentence_of(ProviderWeight{"aws", 720, "0.05", 1000, 400}) ==
        "aws 720 of 1000: 0.05 a unit, 400 of 1000 requests/s");
  CHECK(sentence_of(ProviderWeight{"bolt", 280, "2", 0, 7}) == "bolt 280 of 1000: 2 a unit, 7 requests/s");
}

TEST_CASE("what is wrong with the places of a RecordSet, and with an ALIAS") {
  for (const Case& one : std::vector<Case>{
           {records("type: A, policy: GEO, service: web"), "spec.answers: are required by the policy GEO"},
           {records("type: A, policy: GEO, answers: [{value: 192.0.2.1, places: [192.0.2.0/24, "
                    "'2001:db8::/32', site/home, country/DE, continent/EU]}, {value: 192.0.2.2}]"),
            ""},
           {records("type: A, policy: GEO, answers: [{value: 192.0.2.1, places: [site/]}]"),
            "spec.answers[0].places[0]: must name a site: site/home"},
           {records("type: A, policy: GEO, answers: [{value: 192.0.2.1, places: [country/de]}]"),
            "spec.answers[0].places[0]: must be two capital letters, as in country/DE (ISO 3166)"},
           {records("type: A, policy: GEO, answers: [{value: 192.0.2.1, places: [continent/XX]}]"),
            "spec.answers[0].places[0]: must be continent/ and one of AF, AN, AS, EU, NA, OC, SA"},
           {records("type: A, policy: GEO, answers: [{value: 192.0.2.1, places: [home]}]"),
            "spec.answers[0].places[0]: must be a network like 192.0.2.0/24, or site/NAME, country/DE or "
            "continent/EU"},
           {records("type: A, policy: WEIGHTED, answers: [{value: 192.0.2.1, places: [site/home]}]"),
            "spec.answers[0].places: are for the policy GEO"},
           {records("type: ALIAS, values: [www.b.example.]"), ""},
           {records("type: ALIAS, values: [a, b]"), "spec.values: must be one name for an ALIAS"},
           {records("type: ALIAS, policy: MULTI, values: [a]"), "spec.policy: must be SIMPLE for an ALIAS"},
       }) {
    CAPTURE(one.yaml);
    CHECK(problems_of(one.yaml) == one.problem);
  }
}

TEST_CASE("more records than a reply can have are refused, not left out") {
  std::string texts;
  const std::string quarter = "\"" + std::string(250, 'b') + "\" ";
  for (int i = 0; i < 17; ++i) {
    texts += "'\"" + std::to_string(i) + "\" ";
    for (int j = 0; j < 16; ++j) texts += quarter;
    texts += "',";
  }
  CHECK(problems_of(records("type: TXT, values: [" + texts + "]")) ==
        "spec.values: is more than one reply can have, 65,535 bytes");
}

TEST_CASE("what is wrong with a Zone") {
  for (const Case& one : std::vector<Case>{
           {zone(), ""},
           {zone(", records: \"www A 192.0.2.1\\n@ MX 10 mail\\n\""), ""},
           {zone(", hostmaster: first.last@b.example"), ""},
           {"{kind: Zone, metadata: {name: a.example}, spec: {}}", "spec.nameservers: is required"},
           {zone("", "A.example"),
            "metadata.name: has \"A\" at character 1; this name is made of a-z, 0-9, \"-\" and \".\""},
           {zone("", "a..example"), "metadata.name: has an empty part between two dots or at an end"},
           {zone(", records: \"\\nwww A 192.0.2\\n\""),
            "spec.records: can't be taken: line 2: an IPv4 address has four numbers from 0 to 255"},
           {zone(", records: \"www.b.example. A 192.0.2.1\""),
            "spec.records: can't be taken: line 1: the name is not within the zone"},
           {zone(", records: \"www A 192.0.2.1\\nwww CNAME b\\n\""),
            "spec.records: can't be taken: www.a.example. CNAME: a name with a CNAME has no other records"},
           {zone(", records: \"@ SOA a b 1 2 3 4 5\""),
            "spec.records: can't be taken: line 1: the SOA is made from the Zone's other fields"},
           {zone(", records: \"@ NS a\""),
            "spec.records: can't be taken: line 1: the zone's own NS records are its nameservers"},
           {zone(", sites: [{name: home, networks: [10.0.0.0/8, '2001:db8::/32']}]"), ""},
           {zone(", sites: [{name: home, networks: [10.0.0.0/8]}, {name: home, networks: [11.0.0.0/8]}]"),
            "spec.sites[1].name: is there twice"},
           {zone(", sites: [{name: home, networks: [10.0.0.0/33]}]"),
            "spec.sites[0].networks[0]: must be a network such as 10.0.0.0/8 or fd00::/8, or an IP address"},
           {zone(", sites: [{name: 'at home', networks: [10.0.0.0/8]}]"),
            "spec.sites[0].name: is made of letters, digits, \"-\" and \"_\""},
           {zone(", sites: [{name: home}]"), "spec.sites[0].networks: is required"},
           {zone(", hostmaster: nobody"),
            "spec.hostmaster: must be an e-mail address such as eve@host.example"},
       }) {
    CAPTURE(one.yaml);
    CHECK(problems_of(one.yaml) == one.problem);
  }
  CHECK(problems_of("{kind: Service, metadata: {name: a.b}}") ==
        "metadata.name: has \".\" at character 2; a name is made of a-z, 0-9 and \"-\"");
}

Whole whole_of(const std::vector<std::string>& texts) {
  Whole whole;
  for (const std::string& text : texts) {
    auto object = object_of(text);
    REQUIRE_MESSAGE(object.has_value(), to_text(object.error()));
    whole.put(std::make_shared<const Object>(std::move(*object)));
  }
  return whole;
}

TEST_CASE("records of one name stand beside each other, but for those of one type and for a CNAME") {
  const std::string a = records("name: www, type: A, values: [192.0.2.1]", "one");
  const std::string text = zone(", records: \"www A 192.0.2.1\\nwww TXT any\\nalias CNAME www\\n\"");
  struct Pair {
    std::string one;
    std::string other;
    std::string problem;
  };
  for (const Pair& pair : std::vector<Pair>{
           {a, records("name: www, type: AAAA, values: ['2001:db8::1']", "two"), ""},
           {a, records("name: ftp, type: A, values: [192.0.2.1]", "two"), ""},
           {a, records("name: www, type: A, values: [192.0.2.2]", "two", "b.example"), ""},
           {a, records("name: WWW, type: A, values: [192.0.2.2]", "two"),
            "RecordSet/two: spec.name: can't be beside the A records of www.a.example in RecordSet/one"},
           {a, records("name: www, type: CNAME, values: [ftp]", "two"),
            "RecordSet/two: spec.name: can't be beside the other records of www.a.example in RecordSet/one"},
           {text, records("name: www, type: AAAA, values: ['2001:db8::1']", "two"), ""},
           {text, records("name: www, type: A, values: [192.0.2.1]", "two"),
            "RecordSet/two: spec.name: can't be beside the A records of www.a.example in Zone/a.example"},
           {text, records("name: www, type: CNAME, values: [ftp]", "two"),
            "RecordSet/two: spec.name: can't be beside the other records of www.a.example in Zone/a.example"},
           {records("name: '@', type: ALIAS, values: [www]", "one"),
            records("name: '@', type: MX, values: ['10 mail']", "two"), ""},
           {records("name: www, type: ALIAS, values: [b]", "one"),
            records("name: www, type: AAAA, values: ['2001:db8::1']", "two"),
            "RecordSet/two: spec.name: can't be beside the AAAA records of www.a.example in RecordSet/one"},
           {text, records("name: alias, type: TXT, values: [a]", "two"),
            "RecordSet/two: spec.name: can't be beside the CNAME records of alias.a.example in "
            "Zone/a.example"},
       }) {
    CAPTURE(pair.one);
    CAPTURE(pair.other);
    Whole whole = whole_of({zone(), zone("", "b.example"), pair.one, pair.other});
    CHECK(to_text(whole.violations()) == pair.problem);
    CHECK(whole.holds() == pair.problem.empty());
    whole.remove(Kind::kRecordSet, "two");
    CHECK(whole.holds());
  }
  CHECK(to_text(whole_of({a}).violations()) == "RecordSet/one: spec.zone: there is no Zone \"a.example\"");

  // The one that is written has the violation, whichever it is.
  const Whole whole = whole_of({zone(), a});
  const auto changed = std::make_shared<const Object>(*object_of(text));
  CHECK(to_text(whole.check(std::vector{ObjectChange{whole.find(Kind::kZone, "a.example"), changed}})) ==
        "Zone/a.example: spec.records: can't be beside the A records of www.a.example in RecordSet/one");
}

TEST_CASE("a snapshot has zones with their records, the same object as long as nothing changes") {
  Whole whole =
      whole_of({zone(), zone("", "b.example"), records("name: www, type: A, values: [192.0.2.1]", "one"),
                records("name: ftp, type: A, policy: MULTI, values: [192.0.2.1]", "two")});
  const auto first = build_snapshot(7, whole);
  REQUIRE(first);
  REQUIRE((*first)->zones.size() == 2);
  CHECK((*first)->zones[0]->name == "a.example");
  CHECK((*first)->zones[0]->serial == 7);
  CHECK((*first)->zones[0]->record_sets.size() == 2);

  const ObjectPointer before = whole.remove(Kind::kRecordSet, "one");
  const auto second = next_snapshot(**first, 8, whole, std::vector{ObjectChange{before, nullptr}});
  REQUIRE(second);
  CHECK((*second)->zones[0]->record_sets.size() == 1);
  CHECK((*second)->zones[0]->serial == 8);
  CHECK((*second)->zones[1] == (*first)->zones[1]);

  const auto read = read_snapshot(snapshot_text(**second));
  REQUIRE(read);
  REQUIRE((*read)->zones.size() == 2);
  CHECK((*read)->zones[0]->spec == (*second)->zones[0]->spec);
  CHECK((*read)->zones[0]->record_sets == (*second)->zones[0]->record_sets);
}

}  // namespace
}  // namespace weir::config
