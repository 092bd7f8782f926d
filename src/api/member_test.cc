// Tokens of the role member: they join and leave the services that they name, and do nothing else.
#include <doctest/doctest.h>

#include <string>

#include "api/api_fixture.h"

namespace weir::api {
namespace {

constexpr const char* kServices =
    R"([{"kind":"Service","metadata":{"name":"web"}},{"kind":"Service","metadata":{"name":"api"}},
        {"kind":"Service","metadata":{"name":"db"}},
        {"kind":"Endpoint","metadata":{"name":"db-1"},
         "spec":{"service":"db","address":"10.0.0.9:1","lease":"10s"}}])";

std::string endpoint(const std::string& name, const std::string& service, const std::string& more = "") {
  return R"({"kind":"Endpoint","metadata":{"name":")" + name + R"("},"spec":{"service":")" + service +
         R"(","address":"10.0.0.1:80","lease":"10s")" + more + "}}";
}

struct World : ApiFixture {
  World() {
    set_tokens({{.name = "members",
                 .hash = token_of(3).hash,
                 .role = auth::Role::kMember,
                 .services = {"web", "api"}}});
    REQUIRE(call("POST", "/v1/apply", kServices).status == 200);
  }
  ApiAnswer ask(std::string_view method, std::string_view target, std::string_view body = {},
                const std::string& fields = {}) {
    return call(method, target, body, "Authorization: Bearer " + token_of(3).text + "\r\n" + fields);
  }
  void check_refused(std::string_view method, std::string_view target, std::string_view body = {},
                     const std::string& fields = {}) {
    CAPTURE(method);
    CAPTURE(target);
    CAPTURE(body);
    const ApiAnswer answer = ask(method, target, body, fields);
    CHECK(answer.status == 403);
    CHECK(
        answer.body.contains("this token is for Endpoints with an address, to join and leave the services "
                             "web, api, and for nothing "
                             "else"));
  }
};

TEST_CASE("a member joins, renews, changes and leaves its services") {
  World world;
  CHECK(world.ask("GET", "/v1/services/web").status == 200);
  CHECK(world.ask("POST", "/v1/apply", "[" + endpoint("w1", "web") + "," + endpoint("a1", "api") + "]")
            .status == 200);
  CHECK(world.ask("POST", "/v1/endpoints", endpoint("w2", "web")).status == 201);
  CHECK(world.ask("POST", "/v1/endpoints/w2/renew").status == 200);
  CHECK(world.ask("PUT", "/v1/endpoints/w2", endpoint("w2", "web", R"(,"weight":3)"), "If-Match: *\r\n")
            .status == 200);
  CHECK(world
            .ask("PATCH", "/v1/endpoints/w2", R"({"spec":{"weight":4}})",
                 "Content-Type: application/merge-patch+json\r\n")
            .status == 200);
  CHECK(world
            .ask("PATCH", "/v1/endpoints/w2", R"({"spec":{"service":"api"}})",
                 "Content-Type: application/merge-patch+json\r\n")
            .status == 200);
  CHECK(world.ask("POST", "/v1/apply?dry_run=true", "[" + endpoint("w3", "web") + "]").status == 200);
  CHECK(world.ask("DELETE", "/v1/endpoints/w2").status == 200);
  CHECK(world.ask("DELETE", "/v1/endpoints/w2").status == 404);
  CHECK(world.ask("POST", "/v1/endpoints/w2/renew").status == 404);
}

TEST_CASE("a member does nothing to what is of other services") {
  World world;
  const std::string patch = "Content-Type: application/merge-patch+json\r\n";
  world.check_refused("GET", "/v1/services/db");
  world.check_refused("POST", "/v1/endpoints", endpoint("x", "db"));
  world.check_refused("POST", "/v1/endpoints", endpoint("db-1", "web"));
  world.check_refused("PUT", "/v1/endpoints/db-1", endpoint("db-1", "web"), "If-Match: *\r\n");
  world.check_refused("PUT", "/v1/endpoints/db-1", endpoint("db-1", "db"), "If-Match: *\r\n");
  world.check_refused("PATCH", "/v1/endpoints/db-1", R"({"spec":{"weight":0}})", patch);
  world.check_refused("DELETE", "/v1/endpoints/db-1");
  world.check_refused("POST", "/v1/endpoints/db-1/renew");
  world.check_refused("POST", "/v1/apply", "[" + endpoint("w1", "web") + "," + endpoint("x", "db") + "]");
  world.check_refused("POST", "/v1/apply", "[" + endpoint("db-1", "web") + "]");
  world.check_refused("POST", "/v1/apply?dry_run=true", "[" + endpoint("db-1", "web") + "]");
  REQUIRE(world.ask("POST", "/v1/endpoints", endpoint("w1", "web")).status == 201);
  world.check_refused("PATCH", "/v1/endpoints/w1", R"({"spec":{"service":"db"}})", patch);
  CHECK(world.call("GET", "/v1/endpoints/db-1").body.contains("10.0.0.9:1"));
}

TEST_CASE("a member keeps no place for an origin that comes by a tunnel") {
  World world;
  world.check_refused(
      "POST", "/v1/endpoints",
      R"({"kind":"Endpoint","metadata":{"name":"t"},"spec":{"service":"web","tunnel":{"port":20000}}})");
}

TEST_CASE("a member reads and writes nothing else") {
  World world;
  for (const char* path :
       {"/v1", "/v1/services", "/v1/services?watch=true", "/v1/endpoints", "/v1/endpoints/db-1", "/v1/tokens",
        "/v1/events", "/v1/users", "/v1/secrets", "/v1/loadbalancers", "/metrics", "/v1/explain?id=x",
        "/v1/tokens/members", "/v1/dnsproviders/x/plan"}) {
    world.check_refused("GET", path);
  }
  const std::string service = R"({"kind":"Service","metadata":{"name":"web"}})";
  world.check_refused("POST", "/v1/services", service);
  world.check_refused("PUT", "/v1/services/web", service, "If-Match: *\r\n");
  world.check_refused("DELETE", "/v1/services/web");
  world.check_refused("POST", "/v1/apply", "[" + service + "]");
  world.check_refused("POST", "/v1/apply",
                      R"([{"kind":"Token","metadata":{"name":"t"},"spec":{"role":"admin"}}])");
  world.check_refused("POST", "/v1/tokens", R"({"kind":"Token","metadata":{"name":"t"}})");
  world.check_refused("POST", "/v1/rollback", R"({"revision":1})");
  world.check_refused("POST", "/v1/dnsproviders/x/sync");
  CHECK(world.ask("GET", "/healthz").status == 200);
}

TEST_CASE("a Token of the role member names services, and no other does") {
  World world;
  const auto make = [&world](const std::string& spec) {
    return world.call("POST", "/v1/tokens",
                      R"({"kind":"Token","metadata":{"name":"t"},"spec":)" + spec + "}");
  };
  CHECK(make(R"({"role":"member"})").body.contains("is required: which services are joined by it"));
  CHECK(make(R"({"role":"viewer","services":["web"]})").body.contains("is for tokens of the role member"));
  CHECK(make(R"({"role":"member","services":["Web"]})").status == 422);
  const ApiAnswer made = make(R"({"role":"member","services":["web","new"]})");
  CHECK(made.status == 201);
  CHECK(made.body.contains("\"secret\":\"weir_"));
  CHECK_FALSE(world.call("GET", "/v1/tokens/t").body.contains("secret"));
}

}  // namespace
}  // namespace weir::api
