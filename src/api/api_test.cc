#include "api/api.h"

#include <doctest/doctest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/api_fixture.h"
#include "config/formats.h"
#include "mirror/records.h"
#include "reference/reference.h"

namespace weir::api {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using testing::Peer;

constexpr const char* kMergePatch = "Content-Type: application/merge-patch+json\r\n";

Json json_of(const ApiAnswer& answer) {
  Json json = Json::parse(answer.body, nullptr, false);
  REQUIRE_FALSE(json.is_discarded());
  return json;
}

std::string service(const std::string& name, const std::string& spec = "{}",
                    const std::string& labels = "{}") {
  return R"({"kind":"Service","metadata":{"name":")" + name + R"(","labels":)" + labels + R"(},"spec":)" +
         spec + "}";
}

std::string balancer(const std::string& name, const std::string& to) {
  return R"({"kind":"LoadBalancer","metadata":{"name":")" + name +
         R"("},"spec":{"listeners":[{"protocol":"HTTP","hostnames":[")" + name +
         R"(.example"]}],"routes":[{"backends":[{"service":")" + to + R"("}]}]}})";
}

// All there is in the store, as one text: to see that nothing was written.
std::string everything(ApiFixture& world) {
  auto page = world.fake.run(world.store.list("", "", 1000));
  REQUIRE((page && *page));
  std::string text = std::to_string((*page)->revision);
  for (const store::Entry& entry : (*page)->entries) text += '\n' + entry.key + ' ' + entry.value;
  return text;
}

TEST_CASE("a patch is a merge patch by either name of its type") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", service("web", R"({"balance":"RANDOM"})")).status == 201);
  for (const char* type :
       {"application/merge-patch+json", "application/json", "application/json; charset=utf-8"}) {
    CAPTURE(type);
    const auto fields = "Content-Type: " + std::string(type) + "\r\n";
    const auto patched =
        world.call("PATCH", "/v1/services/web", R"({"metadata":{"labels":{"a":"b"}}})", fields);
    CHECK(patched.status == 200);
    CHECK(patched.body.contains("RANDOM"));
  }
}

TEST_CASE("an object's life") {
  ApiFixture world;
  const ApiAnswer made = world.call("POST", "/v1/services", service("web"));
  CHECK(made.status == 201);
  CHECK(made.field("Location") == "/v1/services/web");
  CHECK(made.field("ETag") == "\"1\"");
  CHECK(json_of(made)["spec"]["balance"] == "ROUND_ROBIN");
  CHECK(json_of(made)["metadata"]["revision"] == 1);
  CHECK(json_of(made)["metadata"]["created_at"] == "2026-01-01T00:00:00.000Z");

  const ApiAnswer seen = world.call("GET", "/v1/services/web");
  CHECK(seen.status == 200);
  CHECK(seen.body == made.body);
  CHECK(seen.field("ETag") == "\"1\"");
  CHECK(world.call("GET", "/v1/services/web", "", "If-None-Match: \"1\"\r\n").status == 304);
  CHECK(world.call("HEAD", "/v1/services/web").body.empty());

  world.fake.advance(std::chrono::seconds(5));
  const ApiAnswer replaced =
      world.call("PUT", "/v1/services/web", service("web", R"({"balance":"RANDOM"})"), "If-Match: \"1\"\r\n");
  CHECK(replaced.status == 200);
  CHECK(replaced.field("ETag") == "\"2\"");
  CHECK(json_of(replaced)["metadata"]["uid"] == json_of(made)["metadata"]["uid"]);
  CHECK(json_of(replaced)["metadata"]["updated_at"] == "2026-01-01T00:00:05.000Z");

  const ApiAnswer patched =
      world.call("PATCH", "/v1/services/web", R"({"spec":{"balance":null}})", kMergePatch);
  CHECK(patched.status == 200);
  CHECK(json_of(patched)["spec"]["balance"] == "ROUND_ROBIN");

  const ApiAnswer gone = world.call("DELETE", "/v1/services/web");
  CHECK(gone.status == 200);
  CHECK(json_of(gone)["results"][0]["result"] == "deleted");
  CHECK(world.call("GET", "/v1/services/web").status == 404);
}

TEST_CASE("refusals say what and why, as problem+json") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", service("web")).status == 201);
  const std::string other = service("web", R"({"balance":"RANDOM"})");
  struct Line {
    int status;
    const char* method;
    const char* target;
    std::string body;
    const char* fields;
    const char* slug;
  };
  for (const Line& line : std::initializer_list<Line>{
           {400, "GET", "/v1/services?lmit=1", "", "", "bad-query"},
           {400, "GET", "/v1/services/web?watch=true", "", "", "bad-query"},
           {400, "POST", "/v1/services", "{", "", "malformed"},
           {400, "POST", "/v1/services", "", "", "malformed"},
           {400, "PUT", "/v1/services/web", other, "If-Match: 1\r\n", "bad-precondition"},
           {404, "GET", "/v1/services/none", "", "", "not-found"},
           {404, "DELETE", "/v1/services/none", "", "", "not-found"},
           {404, "GET", "/v1/gadgets", "", "", "not-found"},
           {404, "GET", "/nowhere", "", "", "not-found"},
           {405, "PATCH", "/v1/services", "{}", kMergePatch, "method-not-allowed"},
           {405, "POST", "/v1/services/web", "{}", "", "method-not-allowed"},
           {405, "DELETE", "/v1/events", "", "", "method-not-allowed"},
           {405, "POST", "/v1/events", "{}", "", "method-not-allowed"},
           {405, "BREW", "/v1/services", "", "", "method-not-allowed"},
           {409, "POST", "/v1/services", service("web"), "", "exists"},
           {412, "PUT", "/v1/services/web", other, "If-Match: \"7\"\r\n", "revision-mismatch"},
           {412, "DELETE", "/v1/services/web", "", "If-Match: \"7\"\r\n", "revision-mismatch"},
           {415, "POST", "/v1/services", other, "Content-Type: text/plain\r\n", "unsupported-media-type"},
           {415, "PATCH", "/v1/services/web", "{}", "Content-Type: application/yaml\r\n",
            "unsupported-media-type"},
           {415, "POST", "/v1/services", other, "Content-Encoding: gzip\r\n", "unsupported-media-type"},
           {422, "POST", "/v1/services", service("x", R"({"balance":"NONE"})"), "", "invalid"},
           {422, "POST", "/v1/loadbalancers", balancer("lb", "none"), "", "invalid"},
           {428, "PUT", "/v1/services/web", other, "", "precondition-required"},
       }) {
    CAPTURE(line.method);
    CAPTURE(line.target);
    const ApiAnswer answer = world.call(line.method, line.target, line.body, line.fields);
    CHECK(answer.status == line.status);
    CHECK(answer.field("Content-Type") == "application/problem+json");
    CHECK_FALSE(answer.field("X-Request-Id").empty());
    CHECK(answer.field("weir-reason") == line.slug);
    const Json problem = json_of(answer);
    CHECK(problem["type"] == std::string("urn:weir:problem:") + line.slug);
    CHECK(problem["status"] == line.status);
    CHECK_FALSE(problem["title"].get<std::string>().empty());
    CHECK_FALSE(problem["detail"].get<std::string>().empty());
    CHECK(answer.field("Allow").empty() == (line.status != 405));
  }
  CHECK(world.call("GET", "/v1/services/web").field("ETag") == "\"1\"");  // none of it did anything
}

TEST_CASE("content beyond its bound is refused, before it is read when its length is known") {
  ApiFixture world;
  Peer peer(world.fake, ApiFixture::kAddress);
  const std::string head =
      "POST /v1/services HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + world.admin + "\r\n";
  peer.send(head + "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n");
  CHECK(peer.take().starts_with("HTTP/1.1 413 "));
  Peer chunked(world.fake, ApiFixture::kAddress);
  chunked.send(head + "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 17; ++i) chunked.send("10000\r\n" + std::string(0x10000, ' ') + "\r\n");
  CHECK(chunked.take().starts_with("HTTP/1.1 413 "));
  CHECK(world.call("POST", "/v1/apply", std::string(1'100'000, ' ') + "[]").status == 200);
  Peer waiting(world.fake, ApiFixture::kAddress);
  waiting.send(head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(waiting.take().starts_with("HTTP/1.1 100 "));
  waiting.send("{}");
  CHECK(waiting.take().starts_with("HTTP/1.1 422 "));
}

TEST_CASE("who may do what") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", service("web")).status == 201);
  const std::string reader = "Authorization: Bearer " + world.viewer + "\r\n";
  struct Line {
    int status;
    const char* method;
    const char* target;
    std::string fields;
  };
  for (const Line& line : std::initializer_list<Line>{
           {401, "GET", "/v1/services", "Authorization: \r\n"},
           {401, "GET", "/v1/services", "Authorization: Bearer wrong\r\n"},
           {401, "GET", "/v1/services", "Authorization: Basic " + world.admin + "\r\n"},
           {401, "GET", "/metrics", "Authorization: \r\n"},
           {401, "POST", "/v1/apply", "Authorization: \r\n"},
           {200, "GET", "/v1/services/web", reader},
           {200, "GET", "/v1/events", reader},
           {403, "GET", "/v1/tokens", reader},
           {403, "DELETE", "/v1/services/web", reader},
           {403, "POST", "/v1/apply", reader},
           {403, "PUT", "/v1/services/web?dry_run=true", reader},
           {200, "GET", "/healthz", "Authorization: \r\n"},
           {200, "GET", "/readyz", "Authorization: \r\n"},
           {200, "GET", "/openapi.json", "Authorization: \r\n"},
           {200, "GET", "/", "Authorization: \r\n"},
           {204, "OPTIONS", "/v1/services", "Authorization: \r\n"},
           {204, "OPTIONS", "*", "Authorization: \r\n"},
       }) {
    CAPTURE(line.method);
    CAPTURE(line.target);
    CAPTURE(line.fields);
    const ApiAnswer answer = world.call(line.method, line.target, "", line.fields);
    CHECK(answer.status == line.status);
    CHECK(answer.field("WWW-Authenticate").empty() == (line.status != 401));
  }
  CHECK(world.fake.log.text().find(world.admin) == std::string::npos);
}

TEST_CASE("who guesses is slowed down; who has a token is not") {
  ApiFixture world;
  const std::string wrong = "Authorization: Bearer wrong\r\n";
  int throttled = 0;
  for (int i = 0; i < 20; ++i) {
    const ApiAnswer answer = world.call("GET", "/v1/services", "", wrong);
    if (answer.status != 429) continue;
    ++throttled;
    CHECK_FALSE(answer.field("Retry-After").empty());
  }
  CHECK(throttled == 20 - auth::FailureThrottle::kFree - 1);  // the first beyond them is told to wait
  CHECK(world.call("GET", "/v1/services").status == 200);
}

TEST_CASE("nobody is refused before it is known who is to be let in") {
  ApiFixture world;
  world.tokens = auth::TokenTable();  // as at the start of a controller whose store does not answer
  for (int i = 0; i < 2 * auth::FailureThrottle::kFree; ++i) {
    const ApiAnswer answer = world.call("GET", "/v1/services");
    CHECK(answer.status == 503);
    CHECK(answer.field("Retry-After") == "1");
  }
  world.set_tokens();
  CHECK(world.call("GET", "/v1/services").status == 200);
  CHECK(world.call("GET", "/v1/services", "", "Authorization: Bearer wrong\r\n").status == 401);
}

TEST_CASE("of two writers who have seen the same, one wins") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", service("web")).status == 201);
  Peer first(world.fake, ApiFixture::kAddress);
  Peer second(world.fake, ApiFixture::kAddress);
  const auto put = [&world](const char* balance) {
    return world.text_of("PUT", "/v1/services/web",
                         service("web", R"({"balance":")" + std::string(balance) + R"("})"),
                         "If-Match: \"1\"\r\n");
  };
  // Both heads are there before either content: both are under way at once.
  const std::string one = put("RANDOM");
  const std::string two = put("LEAST_REQUEST");
  first.send(one.substr(0, one.size() - 1));
  second.send(two.substr(0, two.size() - 1));
  first.send(one.substr(one.size() - 1));
  second.send(two.substr(two.size() - 1));
  CHECK(ApiFixture::parse(first.take()).status == 200);
  CHECK(ApiFixture::parse(second.take()).status == 412);
  CHECK(json_of(world.call("GET", "/v1/services/web"))["spec"]["balance"] == "RANDOM");
}

TEST_CASE("apply is one transaction, in any order, and says what it did") {
  ApiFixture world;
  const ApiAnswer made =
      world.call("POST", "/v1/apply", "[" + balancer("lb", "web") + "," + service("web") + "]");
  CHECK(made.status == 200);
  CHECK(json_of(made)["revision"] == 1);
  CHECK(json_of(made)["results"][0] ==
        Json{{"kind", "LoadBalancer"}, {"name", "lb"}, {"result", "created"}, {"revision", 1}});
  const ApiAnswer again = world.call(
      "POST", "/v1/apply",
      R"({"objects":[)" + balancer("lb", "web") + "," + service("web", R"({"balance":"RANDOM"})") + "]}");
  CHECK(json_of(again)["revision"] == 2);
  CHECK(json_of(again)["results"][0]["result"] == "unchanged");
  CHECK(json_of(again)["results"][0]["revision"] == 1);
  CHECK(json_of(again)["results"][1]["result"] == "updated");
  CHECK(json_of(again)["results"][1]["revision"] == 2);

  const std::string before = everything(world);
  const ApiAnswer bad =
      world.call("POST", "/v1/apply",
                 "[" + service("good") + "," + balancer("x", "none") + "," + balancer("y", "none") + "]");
  CHECK(bad.status == 422);
  CHECK(json_of(bad)["violations"].size() == 2);
  CHECK(json_of(bad)["violations"][1]["object"] == "LoadBalancer/y");
  CHECK(world.call("POST", "/v1/apply", "[" + service("web", R"({"balance":"RANDOM"})") + "]").status == 200);
  CHECK(world.call("POST", "/v1/apply", "[]").status == 200);
  CHECK(everything(world) == before);  // refused and unchanged: nothing is written

  const ApiAnswer yaml = world.call("POST", "/v1/apply", "kind: Edge\nmetadata: {name: fra}\n",
                                    "Content-Type: application/yaml\r\n");
  CHECK(yaml.status == 200);
  CHECK(world.call("GET", "/v1/edges/fra").status == 200);
}

TEST_CASE("a dry run tells what edges would see, to who asks for it") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/apply", "[" + service("web") + "," + service("same") + "]").status == 200);
  std::string asked;
  world.api.set_foresight([&asked](std::span<const config::ObjectChange> changes) {
    for (const config::ObjectChange& one : changes) asked += one.name() + (one.before ? "~" : "+");
    return std::string(R"([{"edges":["fra-1"],"count":1}])");
  });
  const std::string objects =
      "[" + service("web", R"({"balance":"RANDOM"})") + "," + service("new") + "," + service("same") + "]";
  const Json plain = json_of(world.call("POST", "/v1/apply?dry_run=true", objects));
  CHECK_FALSE(plain.contains("edges"));
  CHECK(asked.empty());
  const Json with = json_of(world.call("POST", "/v1/apply?dry_run=true&edges=true", objects));
  CHECK(with["edges"][0]["edges"] == Json::array({"fra-1"}));
  CHECK(asked == "web~new+");
  CHECK(world.call("POST", "/v1/apply?edges=true", objects).status == 400);
}

TEST_CASE("a dry run tells what would be and writes nothing") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/apply", "[" + balancer("lb", "web") + "," + service("web") + "]").status ==
          200);
  const std::string before = everything(world);
  const std::string changed = service("web", R"({"balance":"RANDOM"})");
  const Json applied =
      json_of(world.call("POST", "/v1/apply?dry_run=true", "[" + changed + "," + service("new") + "]"));
  CHECK(applied["dry_run"] == true);
  CHECK(applied["results"][0]["diff"] ==
        Json::array({{{"field", "spec.balance"}, {"before", "ROUND_ROBIN"}, {"after", "RANDOM"}}}));
  CHECK(applied["results"][1]["result"] == "created");
  CHECK(applied["results"][1]["object"]["metadata"]["name"] == "new");
  CHECK(world.call("POST", "/v1/services?dry_run=true", service("new")).status == 200);
  CHECK(world.call("PUT", "/v1/services/web?dry_run=true", changed, "If-Match: *\r\n").status == 200);
  CHECK(world.call("PATCH", "/v1/services/web?dry_run=true", R"({"spec":{}})", kMergePatch).status == 200);
  CHECK(world.call("DELETE", "/v1/loadbalancers/lb?dry_run=true").status == 200);
  CHECK(world.call("DELETE", "/v1/services/web?dry_run=true").status == 409);
  CHECK(world.call("POST", "/v1/tokens?dry_run=true", R"({"kind":"Token","metadata":{"name":"t"}})")
            .body.find("secret") == std::string::npos);
  CHECK(everything(world) == before);
}

TEST_CASE("what is needed is not deleted") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/apply", "[" + balancer("lb", "web") + "," + service("web") + "]").status ==
          200);
  const ApiAnswer refused = world.call("DELETE", "/v1/services/web");
  CHECK(refused.status == 409);
  CHECK(json_of(refused)["violations"][0]["object"] == "LoadBalancer/lb");
  CHECK(json_of(refused)["violations"][0]["field"] == "spec.routes[0].backends[0].service");
  CHECK(world.call("DELETE", "/v1/loadbalancers/lb").status == 200);
  CHECK(world.call("DELETE", "/v1/services/web").status == 200);
}

TEST_CASE("every change leaves an event, in the same transaction and without secrets") {
  ApiFixture world;
  REQUIRE(world.call("POST", "/v1/services", service("web")).status == 201);
  REQUIRE(world.call("PATCH", "/v1/services/web", R"({"spec":{"balance":"RANDOM"}})", kMergePatch).status ==
          200);
  REQUIRE(world.call("DELETE", "/v1/services/web").status == 200);
  const ApiAnswer token = world.call("POST", "/v1/tokens", R"({"kind":"Token","metadata":{"name":"t"}})");
  REQUIRE(token.status == 201);
  const ApiAnswer listed = world.call("GET", "/v1/events");
  const Json events = json_of(listed)["items"];
  REQUIRE(events.size() == 4);
  const char* verbs[] = {"create", "update", "delete", "create"};
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Json& spec = events[i]["spec"];
    CHECK(spec["verb"] == verbs[i]);
    CHECK(spec["actor"] == "root");
    CHECK(spec["remote_address"] == "127.0.0.1");
    CHECK(spec["revision"] == i + 1);
    CHECK(events[i]["metadata"]["revision"] == i + 1);
  }
  CHECK_FALSE(events[0]["spec"].contains("before"));
  CHECK(events[1]["spec"]["before"]["spec"]["balance"] == "ROUND_ROBIN");
  CHECK(events[1]["spec"]["after"]["spec"]["balance"] == "RANDOM");
  CHECK_FALSE(events[2]["spec"].contains("after"));
  CHECK(listed.body.find("hash") == std::string::npos);
  CHECK(everything(world).find(json_of(token)["secret"].get<std::string>()) == std::string::npos);
}

TEST_CASE("who writes an Endpoint with a lease begins it, and renewing it is no write") {
  ApiFixture world;
  CHECK(world.call("PUT", "/v1/services/web", R"({"kind":"Service","metadata":{"name":"web"},"spec":{}})")
            .status == 201);
  const auto put = [&](const std::string& more) {
    return world.call("PUT", "/v1/endpoints/a",
                      R"({"kind":"Endpoint","metadata":{"name":"a"},"spec":{"service":"web",)"
                      R"("address":"10.0.0.1:80")" +
                          more + "}}",
                      "If-Match: *\r\n");
  };
  const auto post = [&](const std::string& more) {
    return world.call("POST", "/v1/endpoints",
                      R"({"kind":"Endpoint","metadata":{"name":"a"},"spec":{"service":"web",)"
                      R"("address":"10.0.0.1:80")" +
                          more + "}}");
  };
  const auto expires = [&](const ApiAnswer& answer) {
    const Json json = json_of(answer);
    const auto& from = json.contains("spec") ? json["spec"] : json;
    if (!from.contains("expires_at")) return std::string();
    const auto at = config::parse_rfc3339(from["expires_at"].get<std::string>());
    REQUIRE(at);
    return std::to_string((*at - world.fake.loop.clock().wall_now()).count());
  };
  CHECK(world.call("POST", "/v1/endpoints/a/renew").status == 404);
  CHECK(expires(post(R"(,"lease":"30s","expires_at":"2040-01-01T00:00:00Z")")) == "30000");
  world.fake.advance(10s);
  const store::Revision before = world.fake.run(world.mirror.catch_up()) ? world.mirror.revision() : 0;
  CHECK(expires(world.call("GET", "/v1/endpoints/a")) == "20000");
  CHECK(expires(put(R"(,"lease":"30s")")) == "20000");  // it is so already
  const ApiAnswer renewed = world.call("POST", "/v1/endpoints/a/renew");
  CHECK(renewed.status == 200);
  CHECK(expires(renewed) == "30000");
  CHECK(expires(world.call("GET", "/v1/endpoints/a")) == "30000");
  CHECK(world.fake.run(world.mirror.catch_up()));
  CHECK(world.mirror.revision() == before);
  world.fake.advance(5s);
  CHECK(expires(put(R"(,"lease":"60s","weight":2)")) == "60000");
  CHECK(expires(put("")) == "");
  CHECK(world.call("POST", "/v1/endpoints/a/renew").status == 409);
  CHECK(world.call("POST", "/v1/endpoints/a/renew", "", "Authorization: Bearer " + world.viewer + "\r\n")
            .status == 403);
  CHECK(world.call("GET", "/v1/endpoints/a/renew").status == 405);
}

TEST_CASE("a token's secret is told once; its hash lets in") {
  ApiFixture world;
  const ApiAnswer made = world.call("POST", "/v1/tokens",
                                    R"({"kind":"Token","metadata":{"name":"t"},"spec":{"role":"viewer"}})");
  REQUIRE(made.status == 201);
  const std::string secret = json_of(made)["secret"];
  CHECK_FALSE(json_of(made)["spec"].contains("hash"));
  for (const char* target : {"/v1/tokens", "/v1/tokens/t", "/v1/events"}) {
    const ApiAnswer seen = world.call("GET", target);
    CHECK(seen.body.find(secret) == std::string::npos);
    CHECK(seen.body.find("sha256") == std::string::npos);
  }
  const auto entry = world.fake.run(world.store.get("tokens/t"));
  REQUIRE((entry && *entry));
  const auto stored = mirror::decode((*entry)->value, (*entry)->revision);
  REQUIRE(stored);
  const auto hash = auth::TokenHash::parse(std::get<config::TokenSpec>(stored->spec).hash);
  REQUIRE(hash);
  world.set_tokens({{.name = "t", .hash = *hash}});
  CHECK(world.call("GET", "/v1/services", "", "Authorization: Bearer " + secret + "\r\n").status == 200);
  CHECK(world.call("PATCH", "/v1/tokens/t", R"({"spec":{"hash":"x"}})", kMergePatch).status == 422);
}

TEST_CASE("pages hold every object once, whatever happens between them") {
  ApiFixture world;
  std::string objects;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    objects += (objects.empty() ? "" : ",") +
               service(name, "{}", std::string(R"({"odd":")") + (*name % 2 == 1 ? "yes" : "no") + R"("})");
  }
  REQUIRE(world.call("POST", "/v1/apply", "[" + objects + "]").status == 200);
  const auto names = [](const Json& page) {
    std::string text;
    for (const Json& item : page["items"]) text += item["metadata"]["name"].get<std::string>();
    return text;
  };
  const Json first = json_of(world.call("GET", "/v1/services?limit=2"));
  CHECK(names(first) == "ab");
  REQUIRE(world.call("DELETE", "/v1/services/b").status == 200);
  REQUIRE(world.call("POST", "/v1/services", service("aa")).status == 201);
  const Json second =
      json_of(world.call("GET", "/v1/services?limit=2&continue=" + first["continue"].get<std::string>()));
  CHECK(names(second) == "cd");
  CHECK(second["revision"] == first["revision"]);  // a watch from there tells of b and aa
  const Json third =
      json_of(world.call("GET", "/v1/services?limit=2&continue=" + second["continue"].get<std::string>()));
  CHECK(names(third) == "e");
  CHECK_FALSE(third.contains("continue"));
  CHECK(names(json_of(world.call("GET", "/v1/services?label=odd=yes"))) == "ace");
  const Json odd = json_of(world.call("GET", "/v1/services?label=odd%3Dyes&limit=2"));
  CHECK(names(odd) == "ac");
  CHECK(names(json_of(world.call("GET", "/v1/services?label=odd=yes&limit=2&continue=" +
                                            odd["continue"].get<std::string>()))) == "e");
  CHECK_FALSE(json_of(world.call("GET", "/v1/services?label=odd=yes&limit=3")).contains("continue"));
  CHECK(names(json_of(world.call("GET", "/v1/services?label=none"))).empty());
  CHECK(world.call("GET", "/v1/services?continue=" + to_token({999, "a"})).status == 410);
}

TEST_CASE("what is around the resources") {
  ApiFixture world;
  CHECK(world.call("GET", "/openapi.json").body == reference::openapi(kApiVersion));
  CHECK(json_of(world.call("GET", "/"))["version"] == "1.2.3");
  CHECK(world.call("GET", "/", "", "Accept: text/html\r\n").body.starts_with("<!doctype html>"));
  CHECK(json_of(world.call("GET", "/v1"))["kinds"].size() == config::kKinds.size());
  CHECK(world.call("OPTIONS", "/v1/apply").field("Allow") == "POST, OPTIONS");

  world.api.add_metrics([](std::string& out) { out += "weir_other 7\n"; });
  const std::string metrics = world.call("GET", "/metrics").body;
  CHECK(metrics.find("\nweir_other 7\n") != std::string::npos);
  CHECK(metrics.find("\nweir_api_responses_total{class=\"2xx\"} 5\n") != std::string::npos);

  std::string reason;
  world.api.add_ready_check([&reason] { return reason; });
  CHECK(world.call("GET", "/readyz").status == 200);
  reason = "no snapshot yet";
  CHECK(json_of(world.call("GET", "/readyz"))["detail"] == "no snapshot yet");
  reason.clear();
  world.api.drain();
  CHECK(world.call("GET", "/readyz").status == 503);
  CHECK(world.call("GET", "/healthz").status == 200);

  ApiFixture open({.version = "1", .anonymous_metrics = true});
  CHECK(open.call("GET", "/metrics", "", "Authorization: \r\n").status == 200);
}

TEST_CASE("an answer waits for the controllers, but not for ever") {
  ApiFixture world({.version = "1", .settle_timeout = std::chrono::seconds(1)});
  Peer peer(world.fake, ApiFixture::kAddress);
  peer.send(world.text_of("POST", "/v1/services", service("a")));
  CHECK(peer.received().empty());
  CHECK(everything(world).starts_with("0"));  // who asks is not known yet
  world.api.settled(0);
  world.fake.run_until_idle();
  CHECK(everything(world).starts_with("1\n"));
  CHECK(peer.received().empty());
  world.api.settled(1);
  world.fake.run_until_idle();
  CHECK(peer.take().starts_with("HTTP/1.1 201 "));
  peer.send(world.text_of("POST", "/v1/services", service("b")));
  world.fake.advance(std::chrono::milliseconds(999));
  CHECK(peer.received().empty());
  world.fake.advance(std::chrono::milliseconds(2));
  CHECK(peer.take().starts_with("HTTP/1.1 201 "));
}

TEST_CASE("a status is put in wherever an object is shown") {
  ApiFixture world;
  world.api.set_status_source([](const config::Object& object) {
    return object.kind() == config::Kind::kService ? std::string(R"({"applied":"1/1"})") : std::string();
  });
  CHECK(json_of(world.call("POST", "/v1/services", service("a")))["status"]["applied"] == "1/1");
  CHECK(json_of(world.call("GET", "/v1/services/a"))["status"]["applied"] == "1/1");
  CHECK(json_of(world.call("GET", "/v1/services"))["items"][0]["status"]["applied"] == "1/1");
  CHECK(everything(world).find("applied") == std::string::npos);
}

TEST_CASE("explain hands the question to the edge, and waits for its answer, but not for ever") {
  ApiFixture world;
  CHECK(world.call("GET", "/v1/explain?id=a").status == 404);  // nobody can tell
  CHECK(json_of(world.call("GET", "/v1/explain?dns=a"))["detail"] ==
        "this controller has no name server of its own that could tell");
  std::vector<std::string> asked;
  Api::Explained late;
  world.api.set_explain_source([&](const ExplainQuestion& question, Api::Explained done) {
    const std::string text = question.id + question.request;
    asked.push_back((question.id.empty() ? "request " : "id ") + text);
    for (const std::string& header : question.headers) asked.back().append(" (" + header + ")");
    asked.back().append(question.peer);
    if (!question.dns.empty()) asked.back() = "dns " + question.dns + ' ' + question.type + question.peer;
    if (text == "late") {
      late = std::move(done);
    } else if (text == "gone" || text == "GET /") {
      done(std::unexpected("so it is"));
    } else {
      world.fake.loop.post([done = std::move(done)] { done(R"({"route":"web/0"})"); });
    }
  });
  CHECK(json_of(world.call("GET", "/v1/explain?id=r-1"))["route"] == "web/0");
  CHECK(json_of(world.call("GET", "/v1/explain?request=GET%20http://a/b%3Fc"))["route"] == "web/0");
  CHECK(world.call("GET", "/v1/explain?request=http://a/&header=a:%20b&header=c:d&peer=10.0.0.1").status ==
        200);
  CHECK(asked == std::vector<std::string>{"id r-1", "request GET http://a/b?c",
                                          "request http://a/ (a: b) (c:d)10.0.0.1"});
  CHECK(world.call("GET", "/v1/explain?dns=www.example.com&type=MX&peer=10.0.0.0/8").status == 200);
  CHECK(asked.back() == "dns www.example.com MX10.0.0.0/8");

  const ApiAnswer gone = world.call("GET", "/v1/explain?id=gone");
  CHECK(gone.status == 404);
  CHECK(gone.field("Content-Type") == "application/problem+json");
  CHECK(json_of(gone)["detail"] == "so it is");
  CHECK(world.call("GET", "/v1/explain?request=GET%20/").status == 400);
  for (const char* wrong : {"", "?id=a&request=b", "?id=", "?name=a", "?id=a&id=b", "?id=a&header=b",
                            "?request=a&peer=", "?dns=", "?dns=a&id=b", "?dns=a&header=b", "?id=a&type=A"}) {
    CAPTURE(wrong);
    CHECK(world.call("GET", "/v1/explain" + std::string(wrong)).status == 400);
  }
  CHECK(world.call("POST", "/v1/explain?id=a").status == 405);
  CHECK(world.call("GET", "/v1/explain?id=a", "", "Authorization: Bearer x\r\n").status == 401);

  testing::Peer peer(world.fake, ApiFixture::kAddress);
  peer.send(world.text_of("GET", "/v1/explain?id=late"));
  CHECK(peer.received().empty());
  world.fake.advance(std::chrono::seconds(3));
  CHECK(peer.take().starts_with("HTTP/1.1 503 "));
  late("{}");  // too late, and harmless
  world.fake.run_until_idle();
}

}  // namespace
}  // namespace weir::api
