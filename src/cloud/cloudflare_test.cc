#include "cloud/cloudflare.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cloud/client_fixture.h"
#include "cloud/cloudflare_record.h"

namespace weir::cloud {
namespace {

using testing::FakeEnv;

struct World {
  FakeEnv fake;
  PlayedProvider provider{fake};
  Cloudflare client{fake.env, options_at("http://127.0.0.1:8081/client/v4"), "a.example", "t0ken"};

  void answer(const std::string& result, std::size_t pages = 1) {
    provider.answer("200 OK", R"({"success":true,"errors":[],"messages":[],"result":)" + result +
                                  R"(,"result_info":{"page":1,"per_page":500,"total_pages":)" +
                                  std::to_string(pages) + "}}");
  }
  // All that is there, in pages.
  RecordSets read(const std::vector<std::string>& pages) {
    UnderWay<Told<RecordSets>> read(fake, client.read());
    provider.request();
    answer(R"([{"id":"z1","name":"a.example"}])");
    for (const std::string& page : pages) {
      provider.request();
      answer(page, pages.size());
    }
    REQUIRE(read.result);
    REQUIRE(*read.result);
    return **read.result;
  }
};

// The content of a request.
std::string content_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

constexpr const char* kWww =
    R"({"id":"r1","name":"www.a.example","type":"A","content":"192.0.2.1","ttl":60,"proxied":false},
       {"id":"r2","name":"www.a.example","type":"A","content":"192.0.2.2","ttl":60,"proxied":false})";

TEST_CASE("the zone is found by its name, and its records come page by page") {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  CHECK(
      world.provider.request() ==
      "GET /client/v4/zones?name=a.example HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nUser-Agent: weir/" WEIR_VERSION
      "\r\nAuthorization: Bearer t0ken\r\nAccept: application/json\r\n\r\n");
  world.answer(R"([{"id":"z0","name":"b.example"},{"id":"z1","name":"a.example"}])");
  CHECK(world.provider.request().starts_with("GET /client/v4/zones/z1/dns_records?page=1&per_page=500 "));
  world.answer(std::string("[") + kWww + "]", 2);
  CHECK(world.provider.request().starts_with("GET /client/v4/zones/z1/dns_records?page=2&per_page=500 "));
  world.answer(R"([{"id":"r3","name":"a.example","type":"NS","content":"x.ns.cloudflare.com","ttl":1},
                   {"id":"r4","name":"p.a.example","type":"CNAME","content":"b.example","ttl":1,
                    "proxied":true}])",
               2);
  REQUIRE(read.result);
  REQUIRE(*read.result);
  REQUIRE((*read.result)->size() == 2);
  CHECK((**read.result)[0] == RecordSet{"p.a.example.", "CNAME", 1, {"b.example."}, "proxied"});
  CHECK((**read.result)[1] == RecordSet{"www.a.example.", "A", 60, {"192.0.2.1", "192.0.2.2"}});
}

TEST_CASE("a batch deletes, puts and posts what differs") {
  World world;
  world.read({std::string("[") + kWww +
              R"(,{"id":"r3","name":"old.a.example","type":"TXT","content":"\"x\"","ttl":60},
                  {"id":"r4","name":"ttl.a.example","type":"A","content":"192.0.2.9","ttl":60}])"});
  const RecordSet www{"www.a.example.", "A", 60, {"192.0.2.1", "192.0.2.2"}};
  const RecordSet ttl{"ttl.a.example.", "A", 60, {"192.0.2.9"}};
  const std::vector<Change> batch{
      {Action::kCreate, {}, {"new.a.example.", "CNAME", 300, {"www.a.example."}}},
      {Action::kDelete, {"old.a.example.", "TXT", 60, {"\"x\""}}, {}},
      {Action::kReplace, ttl, {"ttl.a.example.", "A", 300, {"192.0.2.9"}}},
      {Action::kReplace, www, {"www.a.example.", "A", 60, {"192.0.2.2", "192.0.2.3"}}}};
  UnderWay<Told<void>> write(world.fake, world.client.write(batch));
  const std::string request = world.provider.request();
  CHECK(request.starts_with("POST /client/v4/zones/z1/dns_records/batch HTTP/1.1\r\n"));
  CHECK(content_of(request) ==
        R"({"deletes":[{"id":"r3"},{"id":"r1"}],)"
        R"("puts":[{"type":"A","content":"192.0.2.9","name":"ttl.a.example","ttl":300,)"
        R"("proxied":false,"id":"r4"}],)"
        R"("posts":[{"type":"CNAME","content":"www.a.example","name":"new.a.example",)"
        R"("ttl":300,"proxied":false},)"
        R"({"type":"A","content":"192.0.2.3","name":"www.a.example","ttl":60,"proxied":false}]})");
  SUBCASE("done") {
    world.answer("{}");
    REQUIRE(write.result);
    CHECK(*write.result);
  }
  SUBCASE("refused") {
    world.provider.answer(
        "400 Bad Request",
        R"({"success":false,"errors":[{"code":81058,"message":"An identical record already )"
        R"(exists."}],"result":null})");
    REQUIRE(write.result);
    CHECK(write.result->error().kind == Trouble::Kind::kRefused);
    CHECK(write.result->error().sentence ==
          "Cloudflare refuses with status 400: 81058 An identical record already exists.");
  }
  SUBCASE("somebody was quicker") {
    world.provider.answer(
        "404 Not Found", R"({"success":false,"errors":[{"code":81044,"message":"Record does not exist."}]})");
    REQUIRE(write.result);
    CHECK(write.result->error().kind == Trouble::Kind::kBusy);
  }
}

TEST_CASE("why a zone is not read") {
  const auto first = [](const char* status, const char* content) {
    World world;
    UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
    world.provider.request();
    world.provider.answer(status, content);
    REQUIRE(read.result);
    return *read.result ? "none" : read.result->error().sentence;
  };
  CHECK(first("403 Forbidden",
              R"({"success":false,"errors":[{"code":10000,"message":"Authentication error"}]})") ==
        "Cloudflare refuses with status 403: 10000 Authentication error");
  CHECK(first("200 OK", R"({"success":true,"result":[]})") ==
        "Cloudflare has no zone a.example that this token may see (make it there first)");
  CHECK(first("200 OK", R"({"success":false})") == "Cloudflare refuses with status 200");
  CHECK(first("200 OK", "nonsense") == "Cloudflare refuses with status 200");
  CHECK(first("200 OK", R"({"success":true})") ==
        "Cloudflare answers with something else than was asked for");
  for (const char* records :
       {"{}", R"([{"id":"","name":"w.a.example","type":"A","content":"192.0.2.1","ttl":1}])",
        R"([{"id":"1","name":"w.b.example","type":"A","content":"192.0.2.1","ttl":1}])",
        R"([{"id":"1","name":"w.a.example","type":"MX","content":"m","ttl":1}])", "[1]"}) {
    CAPTURE(records);
    World world;
    UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
    world.provider.request();
    world.answer(R"([{"id":"z1","name":"a.example"}])");
    world.provider.request();
    world.answer(records);
    REQUIRE(read.result);
    REQUIRE_FALSE(*read.result);
    CHECK(read.result->error().sentence == "Cloudflare answers with something else than was asked for");
  }
}

TEST_CASE("the token is in no sentence, whatever is answered") {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  world.provider.request();
  world.provider.answer("403 Forbidden",
                        R"({"success":false,"errors":[{"code":9109,"message":"no t0ken!"}]})");
  REQUIRE(read.result);
  CHECK(read.result->error().sentence == "Cloudflare refuses with status 403: 9109 no ***!");
}

TEST_CASE("a page that is longer than was asked for is refused") {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  world.provider.request();
  world.answer(R"([{"id":"z1","name":"a.example"}])");
  world.provider.request();
  std::string records;
  for (std::size_t i = 0; i <= Cloudflare::kPageRecords; ++i) {
    records +=
        std::string(i == 0 ? "[" : ",") + R"({"id":"r","name":"a.example","type":"A","content":"192.0.2.1"})";
  }
  world.answer(records + "]");
  REQUIRE(read.result);
  REQUIRE_FALSE(*read.result);
  CHECK(read.result->error().sentence == "Cloudflare answers with something else than was asked for");
}

TEST_CASE("TTLs are within Cloudflare's bounds, and what it can't hold is said") {
  World world;
  RecordSet set{"w.a.example.", "A", 5, {"192.0.2.1"}};
  CHECK(world.client.fit(set) == "");
  CHECK(set.ttl == 60);
  set.ttl = 1'000'000;
  CHECK(world.client.fit(set) == "");
  CHECK(set.ttl == 86'400);
  RecordSet strange{"w.a.example.", "TYPE731", 60, {"\\# 1 00"}};
  CHECK(world.client.fit(strange) == "Cloudflare has no records of the type TYPE731");
  RecordSet octets{"a.example.", "CAA", 60, {"0 issue \"\\200\""}};
  CHECK(world.client.fit(octets) == "has data that Cloudflare's API can't say");
  RecordSet mx{"a.example.", "MX", 60, {"mail"}};
  CHECK(world.client.fit(mx) == "has data that Cloudflare's API can't say");
}

TEST_CASE("records of all types go to Cloudflare's fields and back") {
  struct Line {
    const char* type;
    const char* value;
    const char* fields;
  };
  for (const Line& line : std::initializer_list<Line>{
           {"A", "192.0.2.1", R"({"type":"A","content":"192.0.2.1"})"},
           {"TXT", R"("a b" "c")", R"({"type":"TXT","content":"\"a b\" \"c\""})"},
           {"CNAME", "b.example.", R"({"type":"CNAME","content":"b.example"})"},
           {"MX", "10 mail.b.", R"({"type":"MX","content":"mail.b","priority":10})"},
           {"SRV", "1 2 443 x.b.",
            R"({"type":"SRV","data":{"priority":1,"weight":2,"port":443,"target":"x.b"}})"},
           {"CAA", R"(0 issue "ca \"x\"")",
            R"({"type":"CAA","data":{"flags":0,"tag":"issue","value":"ca \"x\""}})"},
           {"DS", "1 13 2 0A0B",
            R"({"type":"DS","data":{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"0A0B"}})"},
           {"SSHFP", "4 2 0a", R"({"type":"SSHFP","data":{"algorithm":4,"type":2,"fingerprint":"0a"}})"},
           {"TLSA", "3 1 1 0a",
            R"({"type":"TLSA","data":{"usage":3,"selector":1,"matching_type":1,"certificate":"0a"}})"},
           {"HTTPS", "1 . alpn=h2",
            R"({"type":"HTTPS","data":{"priority":1,"target":".","value":"alpn=h2"}})"},
           {"HTTPS", "0 b.", R"({"type":"HTTPS","data":{"priority":0,"target":"b","value":""}})"},
           {"NAPTR", R"(1 2 "u" "E2U+sip" "!^.*$!sip:x!" .)",
            R"({"type":"NAPTR","data":{"order":1,"preference":2,"flags":"u","service":"E2U+sip",)"
            R"("regex":"!^.*$!sip:x!","replacement":"."}})"},
       }) {
    CAPTURE(line.value);
    const auto record = cloudflare_data(line.type, line.value);
    REQUIRE(record);
    CHECK(text_of(*record) == line.fields);
    CHECK(value_of_cloudflare(*record) == line.value);
  }
}

TEST_CASE("batches are of 200 records") {
  World world;
  std::vector<Change> changes;
  for (int i = 0; i < 150; ++i) {
    const RecordSet set{"n" + std::to_string(i) + ".", "A", 60, {"192.0.2.1"}};
    changes.push_back({Action::kReplace, set, set});
  }
  CHECK(world.client.batch_size(changes) == 100);
}

}  // namespace
}  // namespace weir::cloud
