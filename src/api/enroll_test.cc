// Join tokens as objects of the API, and POST /v1/enroll as a client meets it.
#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "api/api_fixture.h"
#include "auth/pinned_token.h"
#include "enroll/messages.h"
#include "enroll/registrar.h"
#include "tls/certificate_request.h"

namespace weir::api {
namespace {

using Tree = nlohmann::ordered_json;

Tree json_of(const ApiAnswer& answer) { return Tree::parse(answer.body); }

struct World : ApiFixture {
  World() { api.set_registrar(registrar); }

  // Makes a Token with this spec; its secret.
  std::string make_token(const std::string& name, const std::string& spec) {
    const ApiAnswer made =
        call("POST", "/v1/tokens",
             R"({"kind":"Token","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
    CAPTURE(made.body);
    REQUIRE(made.status == 201);
    const auto entry = *fake.run(store.get("tokens/" + name));
    const Tree stored = Tree::parse(entry->value);
    set_tokens({{.name = name,
                 .hash = *auth::TokenHash::parse(stored["spec"]["hash"].get<std::string>()),
                 .role = auth::Role::kJoin}});
    return json_of(made)["secret"].get<std::string>();
  }
  ApiAnswer enroll(const std::string& token, const std::string& name) {
    return call("POST", "/v1/enroll",
                enroll::request_text(token, tls::make_request()->request, {.name = name}),
                "Authorization: none\r\n");
  }

  std::shared_ptr<const tls::Authority> authority = std::make_shared<const tls::Authority>(
      *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart)));
  enroll::Registrar registrar{fake.env, store, tokens, authority, "weir.localhost"};
};

TEST_CASE("a join token is told with the authority, lets one machine in, and opens nothing else") {
  World world;
  const std::string secret = world.make_token("fra", R"({"role":"join","join":{"region":"fsn1"}})");
  const auto join = auth::parse_pinned_token(auth::kJoinPrefix, secret);
  REQUIRE(join.has_value());
  CHECK(world.authority->fingerprint().starts_with(join->fingerprint));
  const std::string bearer = "Authorization: Bearer " + join->token + "\r\n";
  for (const char* place : {"/v1", "/v1/services", "/v1/tokens", "/v1/edges"}) {
    CHECK(world.call("GET", place, {}, bearer).status == 403);
  }
  const ApiAnswer in = world.enroll(join->token, "fra-1");
  CHECK(in.status == 200);
  CHECK(json_of(in)["name"] == "fra-1");
  CHECK(json_of(in)["ca"] == world.authority->root_pem());
  CHECK(json_of(world.call("GET", "/v1/edges/fra-1"))["spec"]["region"] == "fsn1");
  CHECK(json_of(world.call("GET", "/v1/tokens/fra"))["spec"]["used"] == 1);
  const ApiAnswer again = world.enroll(join->token, "fra-2");
  CHECK(again.status == 403);
  CHECK(json_of(again)["detail"] == "the join token has been used already (1 of 1)");
  CHECK(world.call("GET", "/v1/edges/fra-2").status == 404);
  const Tree events = json_of(world.call("GET", "/v1/events"))["items"];
  REQUIRE(events.size() == 3);
  CHECK(events[2]["spec"]["reason"] == "the join token has been used already (1 of 1)");
  CHECK(world.call("GET", "/v1/events").body.find("weirjoin_") == std::string::npos);
}

TEST_CASE("the count of a token's uses is the server's, and stays when the object is replaced") {
  World world;
  const std::string secret = world.make_token("fra", R"({"role":"join","uses":2})");
  REQUIRE(world.enroll(auth::parse_pinned_token(auth::kJoinPrefix, secret)->token, "a").status == 200);
  Tree token = json_of(world.call("GET", "/v1/tokens/fra"));
  token["spec"]["used"] = 0;
  token["spec"]["uses"] = 3;
  const ApiAnswer put = world.call("PUT", "/v1/tokens/fra", token.dump());
  CAPTURE(put.body);
  CHECK(put.status == 200);
  CHECK(json_of(put)["spec"]["used"] == 1);
}

TEST_CASE("what only join tokens have is refused of others") {
  World world;
  const ApiAnswer made = world.call(
      "POST", "/v1/tokens", R"({"kind":"Token","metadata":{"name":"a"},"spec":{"uses":2,"join":{}}})");
  CHECK(made.status == 422);
  CHECK(json_of(made)["violations"].size() == 2);
}

TEST_CASE("a request to join that is not one is refused") {
  World world;
  const std::string none = "Authorization: none\r\n";
  CHECK(world.call("GET", "/v1/enroll", {}, none).status == 405);
  CHECK(world.call("POST", "/v1/enroll", "{}", none).status == 422);
  CHECK(world.call("POST", "/v1/enroll", "{", none).status == 422);
  CHECK(world.call("POST", "/v1/enroll", "a: b", none + "Content-Type: application/yaml\r\n").status == 415);
  CHECK(world.call("POST", "/v1/enroll", std::string(enroll::kMessageBytesMax + 1, ' '), none).status == 413);
  const ApiAnswer bare = world.enroll("", "a");
  CHECK(bare.status == 401);
  CHECK(json_of(bare)["detail"] == "a join token is needed, or the certificate that the machine has already");
  CHECK(world.enroll("weir_nonsense", "a").status == 401);
  const std::string secret = world.make_token("fra", R"({"role":"join"})");
  const ApiAnswer weak =
      world.call("POST", "/v1/enroll",
                 enroll::request_text(auth::parse_pinned_token(auth::kJoinPrefix, secret)->token,
                                      "no request", {.name = "a"}),
                 none);
  CHECK(weak.status == 422);
  CHECK(json_of(weak)["detail"] == "not a certificate request in PEM");
  CHECK(world.enroll(auth::parse_pinned_token(auth::kJoinPrefix, secret)->token, "a").status ==
        200);  // was not used up by it
}

TEST_CASE("where nobody can join, that is said") {
  ApiFixture world;
  CHECK(world.call("POST", "/v1/enroll", "{}").status == 404);
}

}  // namespace
}  // namespace weir::api
