#include "providers/wanted.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "testing/fake_env.h"

namespace weir::providers {
namespace {

using config::EndpointHealth;

class World {
 public:
  ~World() { CHECK(fake.run(names.stop())); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  World() {
    put(R"({"kind":"Zone","metadata":{"name":"a.example"},"spec":{"nameservers":["ns1"],"ttl":120,
        "records":"ns1 A 192.0.2.53\n@ MX 10 mail\ntext 60 TXT \"one\" \"two\"\n)"
        R"(*.wild AAAA 2001:db8::1\nchild NS ns.b.\n"}})");
  }
  void put(const std::string& json) {
    auto object = config::parse_object(json, config::Origin::kStore);
    REQUIRE_MESSAGE(object.has_value(), config::to_text(object.error()));
    objects.put(std::make_shared<config::Object>(std::move(*object)));
  }
  void set(const std::string& name, const std::string& more) {
    put(R"({"kind":"RecordSet","metadata":{"name":")" + name + R"("},"spec":{"zone":"a.example","name":")" +
        name + R"(",)" + more + "}}");
  }
  void service(const std::string& addresses) {
    put(R"({"kind":"Service","metadata":{"name":"web"},"spec":{"endpoints":[)" + addresses + "]}}");
  }
  Wanted wanted(bool patient = false, const std::string& zone = "a.example") {
    const Health health = [this](std::string_view service) {
      config::ServiceStatus status;
      if (service != "web") return status;
      for (const auto& [address, one] : healths)
        status.endpoints.push_back({.address = address, .health = one});
      return status;
    };
    auto made = wanted_sets(objects, zone, health, patient, names);
    REQUIRE_MESSAGE(made.has_value(), made.error());
    return *made;
  }
  // "www.a.example. A 60 192.0.2.1 192.0.2.2"; of those with that name.
  std::string lines(const std::string& name = "") {
    std::string text;
    for (const cloud::RecordSet& set : wanted().sets) {
      if (!name.empty() && !set.name.starts_with(name + '.')) continue;
      text += cloud::key_of(set) + ' ' + std::to_string(set.ttl);
      for (const std::string& value : set.values) text += ' ' + value;
      text += '\n';
    }
    return text;
  }

  testing::FakeEnv fake;
  nameserver::NameFollower names{fake.env, [](const std::string& /*name*/) {}};
  config::Whole objects;
  std::map<std::string, EndpointHealth> healths;
};

TEST_CASE("all that a zone has but its own SOA and NS") {
  World world;
  world.set("www", R"("type":"A","ttl":30,"values":["192.0.2.2","192.0.2.1"])");
  CHECK(world.lines() ==
        "*.wild.a.example. AAAA 120 2001:db8::1\n"
        "a.example. MX 120 10 mail.a.example.\n"
        "child.a.example. NS 120 ns.b.\n"
        "ns1.a.example. A 120 192.0.2.53\n"
        "text.a.example. TXT 60 \"one\" \"two\"\n"
        "www.a.example. A 30 192.0.2.1 192.0.2.2\n");
  CHECK(world.wanted().left_out.empty());
}

TEST_CASE("of a set with a policy, all that may be given") {
  World world;
  world.set("web", R"("type":"A","policy":"WEIGHTED","answers":[{"value":"192.0.2.1","weight":3},
                      {"value":"192.0.2.2","weight":0},{"value":"192.0.2.3"}])");
  CHECK(world.lines("web") == "web.a.example. A 120 192.0.2.1 192.0.2.3\n");
  // A name has one CNAME.
  world.set("one", R"("type":"CNAME","policy":"WEIGHTED","answers":[{"value":"x.b."},{"value":"y.b."}])");
  CHECK(world.lines("one") == "one.a.example. CNAME 120 x.b.\n");
}

TEST_CASE("of GEO, what is for everywhere else") {
  World world;
  world.set("geo", R"("type":"A","policy":"GEO","answers":[{"value":"192.0.2.1","places":["country/DE"]},
                      {"value":"192.0.2.2"}])");
  CHECK(world.lines("geo") == "geo.a.example. A 120 192.0.2.2\n");
  world.set("far", R"("type":"A","policy":"GEO","answers":[{"value":"192.0.2.1","places":["10.0.0.0/8"]}])");
  CHECK(world.lines("far").empty());
  CHECK(world.wanted().left_out ==
        std::vector<std::string>{"far.a.example. A: a provider gets what GEO has for everywhere else, and "
                                 "there is nothing"});
}

TEST_CASE("a set that follows a service has its healthy endpoints") {
  World world;
  world.service(R"({"address":"192.0.2.1:80"},{"address":"192.0.2.2:80"},{"address":"[2001:db8::1]:80"})");
  world.set("web", R"("type":"A","service":"web","policy":"ROUND_ROBIN")");
  CHECK(services_of(world.objects, "a.example") == std::set<std::string, std::less<>>{"web"});
  world.healths = {{"192.0.2.1:80", EndpointHealth::kHealthy}, {"192.0.2.2:80", EndpointHealth::kUnhealthy}};
  CHECK(world.lines("web") == "web.a.example. A 120 192.0.2.1\n");
  world.healths["192.0.2.2:80"] = EndpointHealth::kHealthy;
  CHECK(world.lines("web") == "web.a.example. A 120 192.0.2.1 192.0.2.2\n");
  CHECK(world.wanted(true).unsure.empty());
}

TEST_CASE("what happens when all are down is as the set says") {
  World world;
  world.service(R"({"address":"192.0.2.1:80"})");
  world.healths = {{"192.0.2.1:80", EndpointHealth::kUnhealthy}};
  world.set("all", R"("type":"A","service":"web","policy":"MULTI")");
  world.set("none", R"("type":"A","service":"web","policy":"MULTI","all_down":"SERVE_NONE")");
  world.set("fall",
            R"("type":"A","service":"web","policy":"MULTI","all_down":"FALLBACK","fallback":["192.0.2.9"])");
  CHECK(world.lines("all") == "all.a.example. A 120 192.0.2.1\n");
  CHECK(world.lines("none").empty());
  CHECK(world.lines("fall") == "fall.a.example. A 120 192.0.2.9\n");
}

TEST_CASE("what was not checked yet makes a set unsure") {
  World world;
  world.service(R"({"address":"192.0.2.1:80"},{"address":"192.0.2.2:80"})");
  world.set("web", R"("type":"A","service":"web","policy":"ROUND_ROBIN")");
  const std::map<std::string, std::string, std::less<>> unsure{
      {"web.a.example. A", "the health of its endpoints is not known yet"}};
  world.healths = {{"192.0.2.1:80", EndpointHealth::kUnknown}, {"192.0.2.2:80", EndpointHealth::kUnhealthy}};
  CHECK(world.wanted().unsure == unsure);
  world.healths["192.0.2.2:80"] = EndpointHealth::kHealthy;
  CHECK(world.wanted().unsure.empty());
  CHECK(world.wanted(true).unsure == unsure);
}

TEST_CASE("an ALIAS is the addresses of what it leads to in zones of ours") {
  World world;
  world.set("www", R"("type":"A","ttl":30,"values":["192.0.2.2","192.0.2.1"])");
  world.set("six", R"("type":"AAAA","values":["2001:db8::6"])");
  world.set("to", R"("type":"CNAME","values":["www"])");
  world.set("alias", R"("type":"ALIAS","values":["to"])");
  world.set("other", R"("type":"ALIAS","values":["six.a.example."])");
  world.set("nowhere", R"("type":"ALIAS","values":["none"])");
  CHECK(world.lines("alias") == "alias.a.example. A 30 192.0.2.1 192.0.2.2\n");
  CHECK(world.lines("other") == "other.a.example. AAAA 120 2001:db8::6\n");
  CHECK(world.lines("nowhere").empty());
  CHECK(world.wanted().left_out.empty());
  CHECK(world.wanted().unsure.empty());
}

TEST_CASE("an ALIAS follows health, also into another zone") {
  World world;
  world.service(R"({"address":"192.0.2.1:80"},{"address":"192.0.2.2:80"})");
  world.put(R"({"kind":"Zone","metadata":{"name":"b.example"},"spec":{
                "nameservers":["ns1.c.example"],"ttl":60}})");
  world.put(R"({"kind":"RecordSet","metadata":{"name":"b"},"spec":{"zone":"b.example","name":"web",
                "type":"A","service":"web","policy":"WEIGHTED"}})");
  world.set("alias", R"("type":"ALIAS","values":["web.b.example."])");
  CHECK(zones_behind(world.objects, "a.example") ==
        std::set<std::string, std::less<>>{"a.example", "b.example"});
  CHECK(services_of(world.objects, "a.example") == std::set<std::string, std::less<>>{"web"});
  world.healths = {{"192.0.2.1:80", EndpointHealth::kHealthy}, {"192.0.2.2:80", EndpointHealth::kHealthy}};
  CHECK(world.lines("alias") == "alias.a.example. A 60 192.0.2.1 192.0.2.2\n");  // all, not the next one
  world.healths["192.0.2.2:80"] = EndpointHealth::kUnhealthy;
  CHECK(world.lines("alias") == "alias.a.example. A 60 192.0.2.1\n");
  world.healths["192.0.2.1:80"] = EndpointHealth::kUnknown;
  CHECK(world.wanted().unsure == std::map<std::string, std::string, std::less<>>{
                                     {"alias.a.example. A", "the health of its endpoints is not known yet"}});
  // Around in a circle.
  world.put(R"({"kind":"RecordSet","metadata":{"name":"back"},"spec":{"zone":"b.example","name":"back",
                "type":"ALIAS","values":["round.a.example."]}})");
  world.set("round", R"("type":"ALIAS","values":["back.b.example."])");
  CHECK(zones_behind(world.objects, "b.example").size() == 2);
  CHECK(world.lines("round").empty());
}

TEST_CASE("an ALIAS of a name of others is what was looked up of it") {
  World world;
  world.fake.network.set_name("shop.c.",
                              {net::Address::v4({192, 0, 2, 8}, 0), *net::Address::parse_ip("2001:db8::8", 0),
                               net::Address::v4({192, 0, 2, 7}, 0)},
                              std::chrono::seconds(40));
  world.set("alias", R"("type":"ALIAS","values":["shop.c."])");
  CHECK(world.wanted().unsure == std::map<std::string, std::string, std::less<>>{
                                     {"alias.a.example. A", "shop.c. is being looked up"},
                                     {"alias.a.example. AAAA", "shop.c. is being looked up"}});
  world.fake.run_until_idle();
  CHECK(world.lines("alias") ==
        "alias.a.example. A 40 192.0.2.7 192.0.2.8\nalias.a.example. AAAA 40 2001:db8::8\n");
  CHECK(world.wanted().unsure.empty());
  world.set("alias", R"("type":"ALIAS","values":["none.c."])");
  CHECK(world.wanted().unsure.at("alias.a.example. A") == "none.c. is being looked up");
  world.fake.run_until_idle();
  CHECK(world.wanted().unsure.at("alias.a.example. A") ==
        "none.c. can't be looked up: the name could not be resolved");
}

TEST_CASE("a zone that there is not can't be made") {
  World world;
  const auto none = wanted_sets(
      world.objects, "b.example", [](std::string_view) { return config::ServiceStatus{}; }, false,
      world.names);
  REQUIRE_FALSE(none);
  CHECK(none.error() == "there is no Zone/b.example");
}

}  // namespace
}  // namespace weir::providers
