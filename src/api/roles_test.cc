// What people of an organization may do in it: roles, scopes, quotas, and what is whose.
#include <doctest/doctest.h>

#include <array>
#include <initializer_list>
#include <string>

#include "api/tenants_fixture.h"

namespace weir::api {
namespace {

std::string fields_for(const std::string& method) {
  if (method == "PATCH") return kMergePatch;
  return method == "PUT" ? "If-Match: *\r\n" : "";
}

TEST_CASE("what an organization makes is its own, and stays so") {
  Tenants world;
  const std::string plain = R"({"kind":"Service","metadata":{"name":"new"}})";
  const ApiAnswer made = world.as(Role::kEditor, "POST", "/v1/services", plain);
  CHECK(made.status == 201);
  CHECK(made.body.contains(R"("organization":"ours")"));
  CHECK(
      world.as(Role::kEditor, "PUT", "/v1/services/new", plain, "If-Match: *\r\n").body.contains("\"ours\""));
  const auto of = [](const std::string& name, const std::string& organization) {
    return R"({"kind":"Service","metadata":{"name":")" + name + R"(","organization":")" + organization +
           "\"}}";
  };
  CHECK(world.as(Role::kOwner, "POST", "/v1/services", of("other", "theirs")).status == 403);
  CHECK(world.as(Role::kOwner, "POST", "/v1/services", of("other", "ours")).status == 201);
  CHECK(
      world.as(Role::kOwner, "PUT", "/v1/services/other", of("other", "theirs"), "If-Match: *\r\n").status ==
      422);
  CHECK(world.call("PUT", "/v1/services/other", of("other", "theirs"), "If-Match: *\r\n").status == 422);
  CHECK(world.call("POST", "/v1/services", of("third", "theirs")).status == 201);
  CHECK(world.as(Role::kOwner, "GET", "/v1/services/third").status == 404);
  const ApiAnswer nowhere = world.call("POST", "/v1/services", of("fourth", "nobodys"));
  CHECK(nowhere.status == 422);
  CHECK(nowhere.body.contains("there is no Organization"));
  CHECK(world
            .call("POST", "/v1/apply",
                  R"([{"kind":"Organization","metadata":{"name":"fresh"}},)" + of("fifth", "fresh") + "]")
            .status == 200);
  CHECK(world.call("POST", "/v1/edges", R"({"kind":"Edge","metadata":{"name":"e","organization":"ours"}})")
            .status == 422);
}

TEST_CASE("references to what another has are refused as those to nothing") {
  Tenants world;
  const auto balancer = [](const std::string& to) {
    return R"({"kind":"LoadBalancer","metadata":{"name":"lb"},"spec":{"listeners":[{"protocol":"HTTP",)"
           R"("hostnames":["lb.example"]}],"routes":[{"backends":[{"service":")" +
           to + R"("}]}]}})";
  };
  const ApiAnswer nothing = world.as(Role::kOwner, "POST", "/v1/loadbalancers", balancer("nobodys-services"));
  CHECK(nothing.status == 422);
  for (const std::string whose : kOthers) {
    const ApiAnswer theirs =
        world.as(Role::kOwner, "POST", "/v1/loadbalancers", balancer(whose + "-services"));
    CHECK(comparable(theirs, whose + "-services") == comparable(nothing, "nobodys-services"));
  }
  CHECK(world.as(Role::kOwner, "POST", "/v1/loadbalancers", balancer("ours-services")).status == 201);
  // The platform's own do not lead to organizations', either.
  CHECK(world.call("POST", "/v1/loadbalancers", replaced(balancer("ours-services"), "lb", "lc")).status ==
        422);
}

TEST_CASE("a host name and a zone are whose they are first, and it is not said whose") {
  Tenants world;
  const auto balancer = [](const std::string& name, const std::string& listener,
                           const std::string& path = "/") {
    return R"({"kind":"LoadBalancer","metadata":{"name":")" + name + R"("},"spec":{"listeners":[)" +
           listener + R"(],"edges":{"match":{"x":")" + name + R"("}},"routes":[{"match":{"path_prefix":")" +
           path + R"("},"backends":[{"service":"ours-services"}]}]}})";
  };
  const auto refused = [&](const std::string& body) {
    const ApiAnswer answer = world.as(Role::kOwner, "POST", "/v1/loadbalancers", body);
    CAPTURE(answer.body);
    CHECK(answer.status == 422);
    CHECK_FALSE(answer.body.contains("theirs-"));
    CHECK_FALSE(answer.body.contains("platforms-"));
    return answer.body;
  };
  // On other edges, another path, another port: a host is one organization's as a whole.
  CHECK(refused(balancer("a", R"({"protocol":"HTTP","hostnames":["theirs.example"]})")).contains("is taken"));
  refused(balancer("a", R"({"protocol":"HTTP","hostnames":["Platforms.example"]})", "/x"));
  refused(balancer("a", R"({"protocol":"HTTP","port":8088,"hostnames":["theirs.example"]})"));
  CHECK(refused(balancer("a", R"({"protocol":"HTTP"})")).contains("only the platform takes all hosts"));
  CHECK(world
            .as(Role::kOwner, "POST", "/v1/loadbalancers",
                balancer("a", R"({"protocol":"HTTP","hostnames":["ours.example"]})", "/x"))
            .status == 201);
  const auto zone = [&](const std::string& name) {
    return world.as(
        Role::kOwner, "POST", "/v1/zones",
        R"({"kind":"Zone","metadata":{"name":")" + name + R"("},"spec":{"nameservers":["ns1"]}})");
  };
  world.put(sample_json({Kind::kZone, R"({"nameservers":["ns1"]})"}, "theirs", "theirs", "b.example"));
  for (const char* name : {"a.b.example", "x.a.b.example", "example"}) {
    CAPTURE(name);
    const ApiAnswer answer = zone(name);
    CHECK(answer.status == 422);
    CHECK(answer.body.contains("is taken, or what is above or below it"));
  }
  CHECK(zone("c.example").status == 201);
  CHECK(zone("d.c.example").status == 201);
}

TEST_CASE("what each role may") {
  Tenants world;
  struct Try {
    const char* method;
    std::string target;
    std::string body;
    std::array<int, 4> statuses;  // owner, admin, editor, viewer
  };
  const std::string service = R"({"kind":"Service","metadata":{"name":"s"}})";
  const std::string token = R"({"kind":"Token","metadata":{"name":"t"},"spec":{"role":"editor"}})";
  const std::string secret = R"({"kind":"Secret","metadata":{"name":"s"},"spec":{"values":{"a":"b"}}})";
  const std::string user = R"({"kind":"User","metadata":{"name":"u"},"spec":{"email":"u@mail.example"}})";
  const std::string join = R"({"kind":"Token","metadata":{"name":"j"},"spec":{"role":"join"}})";
  const auto own = [](const std::string& spec) { return R"({"spec":)" + spec + "}"; };
  const std::string ours = "/v1/organizations/ours?dry_run=true";
  for (const Try& one : std::initializer_list<Try>{
           {"GET", "/v1/services/ours-services", "", {200, 200, 200, 200}},
           {"GET", "/v1/events", "", {200, 200, 200, 200}},
           {"GET", "/v1/tokens", "", {200, 200, 403, 403}},
           {"GET", "/v1/users/ours-users", "", {200, 200, 403, 403}},
           {"GET", "/v1/organizations/ours", "", {200, 200, 200, 200}},
           {"GET", "/v1/edges", "", {403, 403, 403, 403}},
           {"GET", "/metrics", "", {403, 403, 403, 403}},
           {"GET", "/v1/images", "", {403, 403, 403, 403}},
           {"POST", "/v1/rollback?dry_run=true", R"({"revision":1})", {403, 403, 403, 403}},
           {"POST", "/v1/services?dry_run=true", service, {200, 200, 200, 403}},
           {"POST", "/v1/apply?dry_run=true", '[' + service + ']', {200, 200, 200, 403}},
           {"POST", "/v1/tokens?dry_run=true", token, {200, 200, 403, 403}},
           {"POST", "/v1/apply?dry_run=true", '[' + token + ']', {200, 200, 403, 403}},
           {"POST", "/v1/apply?dry_run=true", '[' + secret + ']', {200, 200, 403, 403}},
           {"POST", "/v1/apply?dry_run=true", '[' + user + ']', {403, 403, 403, 403}},
           {"POST", "/v1/users?dry_run=true", user, {403, 403, 403, 403}},
           {"PATCH", "/v1/users/ours-users", own(R"({"role":"owner"})"), {403, 403, 403, 403}},
           {"DELETE", "/v1/users/ours-users", "", {403, 403, 403, 403}},
           {"POST", "/v1/tokens?dry_run=true", join, {403, 403, 403, 403}},
           {"PATCH", ours, own(R"({"display_name":"x"})"), {200, 403, 403, 403}},
           {"PATCH",
            ours,
            own(R"({"members":[{"user":"ours-users","role":"owner"},{"user":"theirs-users"}]})"),
            {200, 200, 403, 403}},
           {"PATCH",
            ours,
            own(R"({"members":[{"user":"ours-users","role":"viewer"}]})"),
            {200, 403, 403, 403}},
           {"PATCH", ours, own(R"({"quotas":[{"kind":"services","max":9}]})"), {403, 403, 403, 403}},
           {"PATCH",
            ours,
            own(R"({"sign_in":{"issuer":"http://127.0.0.1:1","client_id":"x"}})"),
            {403, 403, 403, 403}},
           {"DELETE", "/v1/organizations/ours", "", {403, 403, 403, 403}},
           {"POST",
            "/v1/organizations",
            R"({"kind":"Organization","metadata":{"name":"n"}})",
            {403, 403, 403, 403}},
           {"DELETE", "/v1/loadbalancers/ours-loadbalancers?dry_run=true", "", {200, 200, 200, 403}},
       }) {
    for (std::size_t i = 0; i < one.statuses.size(); ++i) {
      const auto role = static_cast<Role>(i);
      CAPTURE(one.method);
      CAPTURE(one.target);
      CAPTURE(one.body);
      CAPTURE(auth::name_of(role));
      const ApiAnswer answer = world.as(role, one.method, one.target, one.body, fields_for(one.method));
      CAPTURE(answer.body);
      CHECK(answer.status == one.statuses[i]);
    }
  }
}

TEST_CASE("nobody gives a higher role than its own") {
  Tenants world;
  const auto token = [](const std::string& role, const std::string& more = "") {
    return R"({"kind":"Token","metadata":{"name":"t"},"spec":{"role":")" + role + "\"" + more + "}}";
  };
  CHECK(world.as(Role::kAdmin, "POST", "/v1/tokens?dry_run=true", token("owner")).status == 403);
  CHECK(world.as(Role::kOwner, "POST", "/v1/tokens", token("owner")).status == 201);
  CHECK(world.as(Role::kAdmin, "DELETE", "/v1/tokens/t").status == 403);
  CHECK(
      world.as(Role::kAdmin, "PATCH", "/v1/tokens/t", R"({"spec":{"role":"viewer"}})", kMergePatch).status ==
      403);
  CHECK(world.as(Role::kOwner, "DELETE", "/v1/tokens/t").status == 200);
  // Whose it is must be a member; who is none is not there at all.
  CHECK(world.as(Role::kAdmin, "POST", "/v1/tokens", token("viewer", R"(,"user":"ours-users")")).status ==
        201);
  for (const std::string user : {"theirs-users", "nobodys-users"}) {
    const ApiAnswer answer =
        world.as(Role::kAdmin, "POST", "/v1/tokens?dry_run=true",
                 replaced(token("viewer", R"(,"user":")" + user + '"'), "\"t\"", "\"t2\""));
    CHECK(answer.status == 422);
    CHECK(answer.body.contains("there is no User \\\"" + user));
  }
}

TEST_CASE("scopes leave only what they name, also of a list, and make none that have more") {
  Tenants world;
  const int narrow = 9;
  const std::string service = R"({"kind":"Service","metadata":{"name":"s"}})";
  const std::string zone = R"({"kind":"Zone","metadata":{"name":"z"},"spec":{"nameservers":["ns1"]}})";
  CHECK(world.as(narrow, "GET", "/v1/services").status == 200);
  CHECK(world.as(narrow, "POST", "/v1/services?dry_run=true", service).status == 200);
  CHECK(world.as(narrow, "GET", "/v1/zones/ours-zones").status == 200);
  CHECK(world.as(narrow, "POST", "/v1/zones?dry_run=true", zone).status == 403);
  CHECK(world.as(narrow, "DELETE", "/v1/zones/ours-zones").status == 403);
  CHECK(world.as(narrow, "GET", "/v1/secrets").status == 403);
  CHECK(world.as(narrow, "GET", "/v1/explain?id=ours-loadbalancers").status == 403);
  CHECK(world.as(narrow, "GET", "/v1/instances/ours-instances/exec").status == 403);
  CHECK(world.as(narrow, "POST", "/v1/apply?dry_run=true", '[' + service + ']').status == 200);
  const ApiAnswer both = world.as(narrow, "POST", "/v1/apply?dry_run=true", '[' + service + ',' + zone + ']');
  CHECK(both.status == 403);
  CHECK(both.body.contains("this token's scopes leave only services:write, tokens:write, zones:read"));
  const auto token = [&](const std::string& scopes) {
    return world
        .as(narrow, "POST", "/v1/tokens?dry_run=true",
            R"({"kind":"Token","metadata":{"name":"t"},"spec":{"scopes":)" + scopes + "}}")
        .status;
  };
  CHECK(token(R"(["services:read","zones:read"])") == 200);
  CHECK(token("[]") == 403);
  CHECK(token(R"(["*:read"])") == 403);
  CHECK(token(R"(["zones:write"])") == 403);
}

TEST_CASE("a quota is exceeded by none, whoever writes") {
  Tenants world;
  REQUIRE(world
              .call("PATCH", "/v1/organizations/ours",
                    R"({"spec":{"quotas":[{"kind":"services","max":3},{"kind":"zones","max":0}]}})",
                    kMergePatch)
              .status == 200);
  const auto service = [](const std::string& name) {
    return R"({"kind":"Service","metadata":{"name":")" + name + "\"}}";
  };
  const std::string three = '[' + service("a") + ',' + service("b") + ',' + service("c") + ']';
  const ApiAnswer many = world.as(Role::kOwner, "POST", "/v1/apply", three);
  CHECK(many.status == 403);
  CHECK(many.body.contains("urn:weir:problem:quota-exceeded"));
  CHECK(many.body.contains("the organization ours has 1 of the 3 services that it may have"));
  CHECK(world.as(Role::kOwner, "POST", "/v1/apply", '[' + service("a") + ',' + service("b") + ']').status ==
        200);
  CHECK(world.as(Role::kOwner, "POST", "/v1/services?dry_run=true", service("c")).status == 403);
  CHECK(world.as(Role::kOwner, "PATCH", "/v1/services/a", R"({"spec":{"balance":"RANDOM"}})", kMergePatch)
            .status == 200);
  CHECK(
      world
          .call("POST", "/v1/services", R"({"kind":"Service","metadata":{"name":"c","organization":"ours"}})")
          .status == 403);
  CHECK(world.call("POST", "/v1/services", service("platforms-other")).status == 201);
  CHECK(world.as(Role::kOwner, "DELETE", "/v1/services/b").status == 200);
  CHECK(world.as(Role::kOwner, "POST", "/v1/services", service("c")).status == 201);
}

TEST_CASE("an organization goes when it has nothing any more") {
  Tenants world;
  REQUIRE(world.call("POST", "/v1/organizations", R"({"kind":"Organization","metadata":{"name":"brief"}})")
              .status == 201);
  REQUIRE(world
              .call("POST", "/v1/services",
                    R"({"kind":"Service","metadata":{"name":"s","organization":"brief"}})")
              .status == 201);
  const ApiAnswer refused = world.call("DELETE", "/v1/organizations/brief");
  CHECK(refused.status == 409);
  CHECK(refused.body.contains("still names Organization \\\"brief\\\""));
  REQUIRE(world.call("DELETE", "/v1/services/s").status == 200);
  CHECK(world.call("DELETE", "/v1/organizations/brief").status == 200);
}

TEST_CASE("the audit has who did what, of each to its own") {
  Tenants world;
  REQUIRE(world
              .as(Role::kAdmin, "PATCH", "/v1/services/ours-services", R"({"metadata":{"labels":{"a":"b"}}})",
                  kMergePatch)
              .status == 200);
  const ApiAnswer events = world.as(Role::kViewer, "GET", "/v1/events");
  CHECK(events.body.contains(R"("actor":"ours-users/admin")"));
  CHECK(events.body.contains("ours-services"));
  REQUIRE(world
              .as(Role::kOwner, "PATCH", "/v1/organizations/ours", R"({"spec":{"display_name":"O"}})",
                  kMergePatch)
              .status == 200);
  CHECK(world.as(Role::kViewer, "GET", "/v1/events").body.contains(R"("kind":"Organization","name":"ours")"));
}

TEST_CASE("of a member its admins see name and address, and no more") {
  Tenants world;
  REQUIRE(world
              .call("PATCH", "/v1/users/ours-users",
                    R"({"metadata":{"labels":{"x":"inner"}},"spec":{"role":"viewer",
                  "open_ids":[{"issuer":"https://id.example","subject":"inner"}]}})",
                    kMergePatch)
              .status == 200);
  for (const char* target : {"/v1/users/ours-users", "/v1/users"}) {
    const ApiAnswer seen = world.as(Role::kAdmin, "GET", target);
    CHECK(seen.status == 200);
    CHECK(seen.body.contains("ours@mail.example"));
    CHECK_FALSE(seen.body.contains("inner"));
    CHECK_FALSE(seen.body.contains("viewer"));
  }
}

TEST_CASE("a rollback leaves a name to whom it is by now") {
  Tenants world;
  const auto service = [](const std::string& organization, const std::string& spec) {
    return R"({"kind":"Service","metadata":{"name":"moved","organization":")" + organization +
           R"("},"spec":)" + spec + "}";
  };
  REQUIRE(world.call("POST", "/v1/services", service("ours", R"({"balance":"RANDOM"})")).status == 201);
  const std::string then = std::to_string(world.revision());
  REQUIRE(world.call("DELETE", "/v1/services/moved").status == 200);
  REQUIRE(world.call("POST", "/v1/services", service("theirs", "{}")).status == 201);
  const ApiAnswer back = world.call("POST", "/v1/rollback", R"({"revision":)" + then + "}");
  CAPTURE(back.body);
  CHECK(back.status == 200);
  const ApiAnswer now = world.call("GET", "/v1/services/moved");
  CHECK(now.body.contains("theirs"));
  CHECK_FALSE(now.body.contains("RANDOM"));
}

}  // namespace
}  // namespace weir::api
