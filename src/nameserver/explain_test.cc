#include "nameserver/explain.h"

#include <doctest/doctest.h>

#include <string>

#include "nameserver/catalogue_fixture.h"
#include "nameserver/geo_file_fixture.h"

namespace weir::nameserver {
namespace {

std::string explained(const CatalogueWorld& world, const std::string& name, const std::string& type = "",
                      const std::string& from = "") {
  const auto text = explain(world.catalogue, {.name = name, .type = type, .from = from});
  return text ? *text : "error: " + text.error();
}

// Of {"name":NAME,"type":TYPE,"from":FROM,"steps":[STEPS],"rcode":...
std::string steps(const std::string& text) {
  const std::size_t begin = text.find("\"steps\":[") + 9;
  return text.substr(begin, text.find("],\"rcode\"") - begin);
}

TEST_CASE("what a zone has, what it has not, and whose it is") {
  CatalogueWorld world;
  CHECK(explained(world, "ns1.a.example") ==
        R"({"name":"ns1.a.example.","type":"A","from":"127.0.0.1","steps":[{"name":"ns1.a.example.",)"
        R"("zone":"a.example.","serial":1,"records":"Zone/a.example","policy":"SIMPLE",)"
        R"("given":["192.0.2.53"],"ttl":300,"outcome":"the same for everybody"}],"rcode":"NOERROR",)"
        R"("scope_bits":0})");
  CHECK(explained(world, "no.a.example.")
            .ends_with(R"("outcome":"there is no such name in the zone: NXDOMAIN"}],"rcode":"NXDOMAIN",)"
                       R"("scope_bits":0})"));
  CHECK(explained(world, "ns1.a.example", "MX").contains("the name exists, and has no records of that type"));
  CHECK(explained(world, "www.b.example")
            .ends_with(R"("outcome":"no zone here has that name: REFUSED"}],"rcode":"REFUSED",)"
                       R"("scope_bits":0})"));
  CHECK(steps(explained(world, "x.child.a.example")) ==
        R"({"name":"x.child.a.example.","zone":"a.example.","serial":1,"delegation":"child.a.example.",)"
        R"("given":["ns.b.example."],"ttl":300,)"
        R"("outcome":"the name is delegated to other servers, which are named"})");
  world.put(
      "{kind: RecordSet, metadata: {name: all}, spec: {zone: a.example, name: '*', type: A, ttl: 5, values: "
      "[192.0.2.7]}}");
  CHECK(steps(explained(world, "any.a.example", "a")) ==
        R"({"name":"any.a.example.","zone":"a.example.","serial":2,"wildcard":"*.a.example.",)"
        R"("records":"RecordSet/all","policy":"SIMPLE","given":["192.0.2.7"],"ttl":5,)"
        R"("outcome":"the same for everybody"})");
}

TEST_CASE("names that lead to others are followed") {
  CatalogueWorld world;
  CHECK(steps(explained(world, "out.a.example"))
            .ends_with(R"({"name":"cdn.b.example.","outcome":"no zone here has that name: whoever asks has )"
                       R"(to ask others for it"})"));
  world.fake.network.set_name("cdn.b.example.", {v4(1)}, std::chrono::seconds(60));
  world.alias("cdn.b.example.");
  CHECK(steps(explained(world, "a.example"))
            .ends_with(R"("records":"RecordSet/apex","policy":"ALIAS","alias":"cdn.b.example.",)"
                       R"("given":["192.0.2.1"],"ttl":60,"outcome":"the addresses of cdn.b.example., which )"
                       R"(is looked up every 60 s"})"));
  world.alias("ns1");
  CHECK(steps(explained(world, "a.example"))
            .contains(R"("outcome":"what zones here have of ns1.a.example. is given"},{"name":"ns1.a)"));
  world.fake.network.mute_name("silent.b.example.");
  world.alias("silent.b.example.");
  CHECK(explained(world, "a.example").contains(R"(is being looked up: SERVFAIL"}],"rcode":"SERVFAIL")"));
  world.alias("'@'");  // in a circle, which is shown as far as it is followed
  CHECK(explained(world, "a.example").size() < 5000);
}

TEST_CASE("of a set with places: where the client is, and why each answer is given or not") {
  CatalogueWorld world;
  const FileOfTest file(GeoFile().add("10.0.0.0/8", "DE", "EU").bytes());
  world.catalogue.set_countries(*GeoDatabase::read(file.path));
  world.put("{kind: Service, metadata: {name: one}}");
  world.put(
      "{kind: Zone, metadata: {name: a.example}, spec: {nameservers: [ns1], sites: [{name: home, networks: "
      "[10.1.0.0/16]}]}}");
  world.put(
      "{kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A, policy: GEO, "
      "answers: "
      "[{value: 192.0.2.1, places: [site/home], service: one}, {value: 192.0.2.2, places: [country/DE]}, "
      "{value: 192.0.2.3, places: [continent/EU], weight: 0}, {value: 192.0.2.4}]}}");
  const std::string home = explained(world, "w.a.example", "A", "10.1.2.3/24");
  CHECK(home.contains(R"("places":[{"place":"site/home","answers":1,"usable":1},{"place":"country/DE",)"
                      R"("answers":1,"usable":1},{"place":"continent/EU","answers":1,"usable":0}],)"
                      R"("place":"site/home","answers":[)"));
  CHECK(home.contains(R"({"value":"192.0.2.1","weight":1,"priority":0,"places":["site/home"],)"
                      R"("healthy":true,"given":true})"));
  CHECK(home.contains(R"("given":false,"why_not":"its places are not the closest"})"));
  CHECK(home.contains(R"("given":false,"why_not":"its weight is 0"})"));
  CHECK(home.ends_with(R"("rcode":"NOERROR","scope_bits":16})"));
  world.down = {"one"};
  world.catalogue.look_at("one");
  const std::string germany = explained(world, "w.a.example", "A", "10.1.2.3");
  CHECK(germany.contains(R"("place":"country/DE","answers":[)"));
  CHECK(germany.contains(R"("why_not":"no endpoint of Service/one is healthy")"));
  CHECK(germany.contains(R"("given":["192.0.2.2"])"));
  CHECK(explained(world, "w.a.example", "A", "2001:db8::1").contains(R"("place":"everywhere else")"));
}

TEST_CASE("of the other policies: whose turn it is, without taking it") {
  CatalogueWorld world;
  const auto set = [&world](const std::string& spec) {
    world.put("{kind: RecordSet, metadata: {name: w}, spec: {zone: a.example, name: w, type: A, " + spec +
              "}}");
    std::string text = explained(world, "w.a.example");
    CHECK(text == explained(world, "w.a.example"));
    return text;
  };
  const std::string weighted = set(
      "policy: WEIGHTED, answers: [{value: 192.0.2.1}, {value: 192.0.2.2}, {value: 192.0.2.3, weight: 0}]");
  CHECK(
      weighted.contains(R"("given":["192.0.2.1"],"ttl":300,"outcome":"3 of 3 are healthy; one is given, )"));
  CHECK(weighted.contains("it is not its turn"));
  CHECK(set("policy: FAILOVER, answers: [{value: 192.0.2.1}, {value: 192.0.2.2, priority: 1}]")
            .contains("answers of a lower priority value are enough"));
  CHECK(set("policy: MULTI, answers_max: 1, values: [192.0.2.1, 192.0.2.2]").contains("it is not its turn"));
  CHECK(set("policy: ROUND_ROBIN, values: [192.0.2.1, 192.0.2.2]").contains(R"("given":["192.0.2.)"));
}

TEST_CASE("questions that are none") {
  CatalogueWorld world;
  CHECK(explained(world, "a..b").starts_with("error: the name a..b: "));
  CHECK(explained(world, "a.example", "NONE") == "error: there is no type NONE of records");
  CHECK(explained(world, "a.example", "ANY") == "error: there is no type ANY of records");
  CHECK(explained(world, "a.example", "A", "home") == "error: the client is no IP address or network: home");
}

}  // namespace
}  // namespace weir::nameserver
