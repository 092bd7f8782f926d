// What weir provider shows of a provider, and what it exits with.
#include <nlohmann/json.hpp>

#include "cli/commands_fixture.h"

namespace weir::cli {
namespace {

constexpr const char* kProvider =
    "kind: Secret\nmetadata: {name: key}\nspec: {values: {token: x}}\n---\n"
    "kind: Zone\nmetadata: {name: a.example}\nspec: {nameservers: [ns1]}\n---\n"
    "kind: DnsProvider\nmetadata: {name: cf}\nspec: {type: CLOUDFLARE, credentials: key, zones: "
    "[a.example]}\n";

// A world whose provider answers like that; what it was called with is kept.
struct Provided {
  explicit Provided(std::string told) {
    REQUIRE(world.run({"apply", "-f", world.write("cf.yaml", kProvider)}) == kDone);
    world.out();
    world.api().set_provider_source(
        [this, told](std::string name, api::ProviderCall call, api::Api::Explained done) {
          calls.push_back(name + ' ' + std::to_string(static_cast<int>(call)));
          done(told);
        });
  }
  std::vector<std::string> calls;
  World world;
};

std::string zone(const std::string& more) {
  return R"({"provider":"cf","zones":[{"zone":"a.example","written":0,"create":1,"replace":1,)"
         R"("delete":1,"more":2,)"
         R"("changes":[{"action":"create","record":"n.a.example. A",)"
         R"("after":{"ttl":60,"values":["192.0.2.1"]}},)"
         R"({"action":"replace","record":"r.a.example. A","before":{"ttl":60,"values":["192.0.2.1"]},)"
         R"("after":{"ttl":60,"values":["192.0.2.1","192.0.2.2"]}},)"
         R"({"action":"delete","record":"d.a.example. A","before":{"ttl":60,"values":["192.0.2.1"]}}],)"
         R"("kept":3,"foreign":4,"conflicts":[{"record":"w.a.example. A","reason":"is there already"}],)"
         R"("left_out":["x: no"])" +
         more + "}]}";
}

TEST_CASE("a plan shows each change, and what stands in the way") {
  Provided provided(zone(R"(,"synced":false)"));
  World& world = provided.world;
  CHECK(world.run({"provider", "plan", "cf"}) == kDone);
  CHECK(world.out() ==
        "+ n.a.example. A 60 192.0.2.1\n"
        "~ r.a.example. A 60 192.0.2.1 -> 60 192.0.2.1, 192.0.2.2\n"
        "- d.a.example. A 60 192.0.2.1\n"
        "... and 2 more\n");
  CHECK(world.err() ==
        "weir: w.a.example. A is there already\n"
        "weir: x: no\n"
        "a.example: 1 to create, 1 to replace, 1 to delete, 3 as they shall be, 4 not weir's\n");
  CHECK(world.run({"provider", "sync", "cf", "--force", "--dry-run"}) == kDone);
  CHECK(provided.calls == std::vector<std::string>{"cf 0", "cf 0"});
}

TEST_CASE("a sync fails when the zone is not there as it shall be") {
  Provided provided(zone(R"(,"synced":false,"refused":"too many","error":"it broke")"));
  World& world = provided.world;
  CHECK(world.run({"provider", "sync", "cf"}) == kFailed);
  const std::string said = world.err();
  CHECK(said.find("weir: too many\nweir: it broke\n") != std::string::npos);
  CHECK(said.ends_with("; 0 written\n"));
  CHECK(world.out().ends_with("... and 2 more\n"));
  CHECK(world.run({"provider", "sync", "cf", "--force", "-o", "json"}) == kFailed);
  CHECK(text_at(parse_tree(world.out()), "/zones/0/error") == "it broke");
  CHECK(world.run({"provider", "plan", "cf", "-o", "yaml"}) == kFailed);
  CHECK(world.out().starts_with("provider: cf\n"));
  CHECK(provided.calls == std::vector<std::string>{"cf 1", "cf 2", "cf 0"});
}

TEST_CASE("a sync that leaves nothing to do is done") {
  Provided provided(zone(R"(,"synced":true)"));
  CHECK(provided.world.run({"provider", "sync", "cf"}) == kDone);
  CHECK(provided.world.run({"provider", "sync", "cf", "-o", "json"}) == kDone);
  CHECK(provided.world.run({"provider", "plan", "nobody"}) == kFailed);
}

}  // namespace
}  // namespace weir::cli
