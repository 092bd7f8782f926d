#include "cloud/powerdns.h"

#include <doctest/doctest.h>

#include <string>

#include "cloud/client_fixture.h"

namespace weir::cloud {
namespace {

using testing::FakeEnv;

struct World {
  FakeEnv fake;
  PlayedProvider provider{fake};
  PowerDns client{fake.env, options_at("http://127.0.0.1:8081"), "a.example", "k3y"};
};

std::string trouble_of(const std::string& status, const std::string& content) {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  world.provider.request();
  world.provider.answer(status, content);
  REQUIRE(read.result);
  return *read.result ? "none" : read.result->error().sentence;
}

constexpr const char* kZone =
    R"({"name":"a.example.","kind":"Native","rrsets":[
      {"name":"a.example.","type":"SOA","ttl":60,"records":[{"content":"ns. h. 1 2 3 4 5","disabled":false}]},
      {"name":"a.example.","type":"NS","ttl":60,"records":[{"content":"ns.","disabled":false}]},
      {"name":"www.a.example.","type":"A","ttl":60,"records":[{"content":"192.0.2.2","disabled":false},
                                                            {"content":"192.0.2.1","disabled":false}]},
      {"name":"off.a.example.","type":"A","ttl":60,"records":[{"content":"192.0.2.2","disabled":true}]},
      {"name":"lua.a.example.","type":"LUA","ttl":60,"records":[{"content":"A \"x\"","disabled":false}]}]})";

TEST_CASE("a zone is read, but for what is the server's own") {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  CHECK(world.provider.request() ==
        "GET /api/v1/servers/localhost/zones/a.example. HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nUser-Agent: "
        "weir/" WEIR_VERSION "\r\nX-API-Key: k3y\r\nAccept: application/json\r\n\r\n");
  world.provider.answer("200 OK", kZone);
  REQUIRE(read.result);
  REQUIRE(*read.result);
  const RecordSets& sets = **read.result;
  REQUIRE(sets.size() == 3);
  CHECK(sets[0].beyond == "what is made anew for each answer");
  CHECK(sets[1].beyond == "disabled");
  CHECK(sets[2] == RecordSet{"www.a.example.", "A", 60, {"192.0.2.1", "192.0.2.2"}});
}

TEST_CASE("why a zone is not read") {
  CHECK(trouble_of("404 Not Found", "Not Found") == "PowerDNS has no zone a.example. (make it there first)");
  CHECK(trouble_of("401 Unauthorized", "Unauthorized") == "PowerDNS refuses with status 401");
  CHECK(trouble_of("422 Unprocessable Entity", R"({"error":"so\nit is"})") ==
        "PowerDNS refuses with status 422: so it is");
  for (const char* strange :
       {"", "[]", "{}", R"({"name":"b.example.","rrsets":[]})", R"({"name":"a.example."})"}) {
    CHECK(trouble_of("200 OK", strange) == "PowerDNS answers with something that is not the zone");
  }
  for (const char* set : {"1", R"({"name":"www","type":"A","ttl":1,"records":[]})",
                          R"({"name":"w.a.example.","type":"A","ttl":-1,"records":[]})",
                          R"({"name":"w.a.example.","type":"A","ttl":1})",
                          R"({"name":"w.a.example.","type":"A","ttl":1,"records":[{}]})"}) {
    CHECK(trouble_of("200 OK", std::string(R"({"name":"a.example.","rrsets":[)") + set + "]}") ==
          "PowerDNS answers with something that is no record set");
  }
}

TEST_CASE("a batch is one PATCH") {
  World world;
  const RecordSet old{"a.a.example.", "CNAME", 60, {"b."}};
  const RecordSet made{"a.a.example.", "A", 60, {"192.0.2.1", "192.0.2.2"}};
  const std::vector<Change> batch{{Action::kDelete, old, {}}, {Action::kCreate, {}, made}};
  UnderWay<Told<void>> write(world.fake, world.client.write(batch));
  const std::string request = world.provider.request();
  CHECK(request.starts_with("PATCH /api/v1/servers/localhost/zones/a.example. HTTP/1.1\r\n"));
  CHECK(request.ends_with(
      R"({"rrsets":[{"name":"a.a.example.","type":"CNAME","changetype":"DELETE"},)"
      R"({"name":"a.a.example.","type":"A","changetype":"REPLACE","ttl":60,"records":)"
      R"([{"content":"192.0.2.1","disabled":false},{"content":"192.0.2.2","disabled":false}]}]})"));
  SUBCASE("done") {
    world.provider.answer("204 No Content", "");
    REQUIRE(write.result);
    CHECK(*write.result);
  }
  SUBCASE("refused") {
    world.provider.answer("422 Unprocessable Entity", R"({"error":"RRset a.a.example. IN A: Conflicts"})");
    REQUIRE(write.result);
    CHECK(write.result->error().kind == Trouble::Kind::kRefused);
    CHECK(write.result->error().sentence ==
          "PowerDNS refuses with status 422: RRset a.a.example. IN A: Conflicts");
  }
}

TEST_CASE("the key is in no sentence, whatever the server says") {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  world.provider.request();
  world.provider.answer("401 Unauthorized", R"({"error":"k3y is wrong"})");
  REQUIRE(read.result);
  CHECK(read.result->error().sentence == "PowerDNS refuses with status 401: *** is wrong");
}

TEST_CASE("batches are of whole names") {
  World world;
  std::vector<Change> changes;
  for (int i = 0; i < 6; ++i) {
    RecordSet set{"n" + std::to_string(i / 2) + ".", i % 2 == 0 ? "A" : "TXT", 60, {}};
    set.values.resize(300);
    changes.push_back({Action::kCreate, {}, set});
  }
  CHECK(world.client.batch_size(changes) == 2);
  changes.resize(3);
  CHECK(world.client.batch_size(changes) == 3);
  changes[0].after.values.resize(5000);
  CHECK(world.client.batch_size(changes) == 2);
}

}  // namespace
}  // namespace weir::cloud
