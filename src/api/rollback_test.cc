#include "api/rollback.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/api_fixture.h"
#include "mirror/records.h"

namespace weir::api {
namespace {

using Json = nlohmann::json;

constexpr const char* kMergePatch = "Content-Type: application/merge-patch+json\r\n";

Json json_of(const ApiAnswer& answer) {
  Json json = Json::parse(answer.body, nullptr, false);
  REQUIRE_FALSE(json.is_discarded());
  return json;
}

std::string object(const std::string& kind, const std::string& name, const std::string& spec = "{}") {
  return R"({"kind":")" + kind + R"(","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}";
}

std::string balancer(const std::string& name, const std::string& to) {
  return object("LoadBalancer", name,
                R"({"listeners":[{"protocol":"HTTP","hostnames":[")" + name +
                    R"(.example"]}],"routes":[{"backends":[{"service":")" + to + R"("}]}]})");
}

class World : public ApiFixture {
 public:
  using ApiFixture::ApiFixture;
  ApiAnswer roll_back(store::Revision revision, const std::string& query = {}) {
    return call("POST", "/v1/rollback" + query, R"({"revision":)" + std::to_string(revision) + "}");
  }
  // Of all kinds that go back: the values without what each write changes.
  std::vector<std::string> carried() {
    std::vector<std::string> all;
    for (const config::KindInfo& kind : config::kKinds) {
      if (!goes_back(kind.kind)) continue;
      auto page = fake.run(store.list(mirror::prefix_of(kind.kind), "", 1000));
      REQUIRE((page && *page));
      for (const store::Entry& entry : (*page)->entries) {
        auto stored = *mirror::decode(entry.value, entry.revision);
        stored.metadata = {.name = stored.metadata.name, .labels = stored.metadata.labels};
        all.push_back(config::to_json(stored, config::Secrets::kKeep));
      }
    }
    return all;
  }
  store::Revision now() {
    const auto page = fake.run(store.list("", "", 1));
    return (*page)->revision;
  }
  void must(const ApiAnswer& answer) {
    CAPTURE(answer.body);
    REQUIRE(answer.status / 100 == 2);
  }
};

TEST_CASE("endpoints that come and go by themselves do neither by a rollback") {
  World world;
  const auto endpoint = [](const std::string& name, const std::string& more) {
    return R"({"kind":"Endpoint","metadata":{"name":")" + name +
           R"("},"spec":{"service":"web","address":"10.0.0.1:80")" + more + "}}";
  };
  world.must(world.call("POST", "/v1/apply",
                        "[" + object("Service", "web") + "," + endpoint("left", R"(,"lease":"30s")") + "," +
                            endpoint("stays", R"(,"lease":"30s")") + "]"));
  const store::Revision good = world.now();
  world.must(world.call("DELETE", "/v1/endpoints/left"));
  world.must(world.call("PATCH", "/v1/endpoints/stays", R"({"spec":{"weight":5}})", kMergePatch));
  world.must(world.call("POST", "/v1/endpoints", endpoint("came", R"(,"lease":"30s")")));
  world.must(world.call("POST", "/v1/endpoints", endpoint("put", "")));
  const ApiAnswer done = world.roll_back(good);
  CHECK(done.status == 200);
  REQUIRE(json_of(done)["results"].size() == 1);
  CHECK(json_of(done)["results"][0]["name"] == "put");
}

TEST_CASE("a rollback makes all that edges carry what it was, as one new revision") {
  World world;
  world.must(world.call("POST", "/v1/apply",
                        "[" + object("Service", "web") + "," + object("Service", "stays") + "," +
                            balancer("lb", "web") + "," +
                            object("Secret", "s", R"({"values":{"k":"b2xk"}})") + "]"));
  const store::Revision good = world.now();
  const auto before = world.carried();
  world.must(world.call("PATCH", "/v1/services/web", R"({"spec":{"balance":"RANDOM"}})", kMergePatch));
  world.must(world.call("PATCH", "/v1/secrets/s", R"({"spec":{"values":{"k":"bmV3"}}})", kMergePatch));
  world.must(
      world.call("POST", "/v1/apply", "[" + object("Service", "new") + "," + balancer("x", "new") + "]"));
  world.must(world.call("DELETE", "/v1/loadbalancers/lb"));
  world.must(world.call("PATCH", "/v1/services/stays", R"({"spec":{"balance":"RANDOM"}})", kMergePatch));
  world.must(world.call("PATCH", "/v1/services/stays", R"({"spec":{"balance":"ROUND_ROBIN"}})", kMergePatch));
  const store::Revision bad = world.now();

  const ApiAnswer tried = world.roll_back(good, "?dry_run=true");
  CHECK(tried.status == 200);
  CHECK(world.now() == bad);
  std::vector<std::string> results;
  for (const Json& line : json_of(tried)["results"]) {
    results.push_back(line["kind"].get<std::string>() + '/' + line["name"].get<std::string>() + ' ' +
                      line["result"].get<std::string>());
  }
  CHECK(results == std::vector<std::string>{"LoadBalancer/lb created", "LoadBalancer/x deleted",
                                            "Secret/s updated", "Service/new deleted",
                                            "Service/web updated"});

  const ApiAnswer done = world.roll_back(good);
  CHECK(done.status == 200);
  CHECK(json_of(done)["revision"] == bad + 1);
  CHECK(world.now() == bad + 1);
  CHECK(world.carried() == before);
  for (const ApiAnswer& answer : {tried, done}) {
    for (const char* secret : {"b2xk", "bmV3"}) CHECK(answer.body.find(secret) == std::string::npos);
  }
  const ApiAnswer again = world.roll_back(good);
  CHECK(json_of(again)["results"].empty());
  CHECK(world.now() == bad + 1);
  world.must(world.roll_back(bad));  // and forth
  CHECK(world.carried() != before);
  world.must(world.roll_back(good));
  CHECK(world.carried() == before);
}

TEST_CASE("a rollback is audited: an event for itself and for each object, without secrets") {
  World world;
  world.must(world.call("POST", "/v1/secrets", object("Secret", "s", R"({"values":{"k":"b2xk"}})")));
  const store::Revision good = world.now();
  world.must(world.call("PATCH", "/v1/secrets/s", R"({"spec":{"values":{"k":"bmV3"}}})", kMergePatch));
  world.must(world.roll_back(good));
  const ApiAnswer events = world.call("GET", "/v1/events");
  std::vector<std::string> told;
  for (const Json& event : json_of(events)["items"]) {
    if (event["spec"]["revision"] != world.now()) continue;
    told.push_back(event["spec"]["verb"].get<std::string>() + ' ' + event["spec"].value("kind", "") + ' ' +
                   event["spec"].value("name", "") + " by " + event["spec"]["actor"].get<std::string>());
  }
  CHECK(told == std::vector<std::string>{"update Secret s by root",
                                         "rollback  " + std::to_string(good) + " by root"});
  for (const char* secret : {"b2xk", "bmV3"}) CHECK(events.body.find(secret) == std::string::npos);
}

TEST_CASE("who has access, and what machines there are, does not go back") {
  World world;
  world.must(world.call("POST", "/v1/services", object("Service", "web")));
  const store::Revision good = world.now();
  world.must(world.call("POST", "/v1/tokens", object("Token", "t")));
  world.must(world.call("POST", "/v1/edges", object("Edge", "fra")));
  world.must(world.call("POST", "/v1/users", object("User", "ada", R"({"email":"ada@x"})")));
  world.must(world.call("DELETE", "/v1/services/web"));
  const Json done = json_of(world.roll_back(good));
  CHECK(done["results"].size() == 1);
  CHECK(world.call("GET", "/v1/tokens/t").status == 200);
  CHECK(world.call("GET", "/v1/users/ada").status == 200);
  CHECK(world.call("GET", "/v1/edges/fra").status == 200);
  CHECK(world.call("GET", "/v1/services/web").status == 200);
}

TEST_CASE("the tunnels that are there now stay, whatever was there then") {
  CHECK_FALSE(goes_back(config::Kind::kTunnel));
  CHECK(goes_back(config::Kind::kEndpoint));
}

TEST_CASE("what does not fit what stays is refused, and nothing is done") {
  World world;
  const store::Revision empty = 1;
  world.must(world.call("POST", "/v1/edges", object("Edge", "fra")));
  world.must(world.call("POST", "/v1/services", object("Service", "web")));
  // What a newer version wrote, and this one would not take from a client.
  store::Transaction odd;
  odd.put("services/odd", R"({"kind":"Service","metadata":{"name":"odd"},"spec":{"balance":"ODD"}})");
  REQUIRE(world.fake.run(world.store.commit(std::move(odd)))->has_value());
  const store::Revision with_odd = world.now();
  store::Transaction mended;
  mended.put("services/odd", R"({"kind":"Service","metadata":{"name":"odd"},"spec":{}})");
  REQUIRE(world.fake.run(world.store.commit(std::move(mended)))->has_value());
  const store::Revision now = world.now();
  const ApiAnswer refused = world.roll_back(with_odd);
  CHECK(refused.status == 422);
  CHECK(json_of(refused)["violations"][0]["object"] == "Service/odd");
  CHECK(json_of(refused)["violations"][0]["field"] == "spec.balance");
  CHECK(world.now() == now);
  CHECK(world.roll_back(empty).status == 200);
  CHECK(world.carried().empty());
}

TEST_CASE("the history has an end on both sides") {
  World world({.version = "1.2.3"}, {.history_changes_max = 4});
  for (int i = 0; i < 8; ++i) {
    world.must(world.call("POST", "/v1/services", object("Service", "s" + std::to_string(i))));
  }
  const ApiAnswer gone = world.roll_back(1);
  CHECK(gone.status == 410);
  CHECK(json_of(gone)["detail"] ==
        "what was at revision 1 is not known any more: only the newest 10000 changes are kept, or 64 MiB of "
        "them");
  const ApiAnswer future = world.roll_back(world.now() + 1);
  CHECK(future.status == 422);
  CHECK(json_of(future)["violations"][0]["message"] ==
        "must be at most " + std::to_string(world.now()) + ", the newest one");
  CHECK(world.roll_back(world.now()).status == 200);
}

TEST_CASE("what is no rollback is refused") {
  World world;
  for (const auto& [status, content] :
       std::vector<std::pair<int, std::string>>{{400, ""},
                                                {400, "{"},
                                                {400, "[]"},
                                                {400, "{}"},
                                                {400, R"({"revison":1})"},
                                                {400, R"({"revision":1,"x":2})"},
                                                {422, R"({"revision":0})"},
                                                {422, R"({"revision":-1})"},
                                                {422, R"({"revision":1.5})"},
                                                {422, R"({"revision":"1"})"}}) {
    CAPTURE(content);
    CHECK(world.call("POST", "/v1/rollback", content).status == status);
  }
  const std::string one = R"({"revision":1})";
  CHECK(world.call("POST", "/v1/rollback?dryrun=true", one).status == 400);
  CHECK(world.call("POST", "/v1/rollback", one, "Content-Type: application/yaml\r\n").status == 415);
  CHECK(world.call("POST", "/v1/rollback", std::string(5000, ' ') + one).status == 413);
  CHECK(world.call("GET", "/v1/rollback").status == 405);
  CHECK(world.call("POST", "/v1/rollback", one, "Authorization: \r\n").status == 401);
  CHECK(world.call("POST", "/v1/rollback", one, "Authorization: Bearer " + world.viewer + "\r\n").status ==
        403);
}

}  // namespace
}  // namespace weir::api
