#include "session/sign_in.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "config/object.h"
#include "config/whole.h"

namespace weir::session {
namespace {

constexpr const char* kIssuer = "https://id.example";

void put(config::Whole& world, const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE(object);
  world.put(std::make_shared<config::Object>(std::move(*object)));
}

config::Whole world_of(const std::string& sign_in = R"("domains":["b.example"],"role":"editor")") {
  config::Whole world;
  put(world, R"({"kind":"User","metadata":{"name":"ann"},"spec":{"email":"ann@a.example",
      "open_ids":[{"issuer":"https://other.example","subject":"x"}]}})");
  put(world, R"({"kind":"User","metadata":{"name":"bob"},"spec":{"email":"Bob@b.example"}})");
  put(world, R"({"kind":"User","metadata":{"name":"off"},"spec":{"email":"off@b.example","disabled":true}})");
  put(world, R"({"kind":"Organization","metadata":{"name":"acme"},"spec":{
      "members":[{"user":"ann","role":"owner"}],
      "sign_in":{"issuer":"https://id.example","client_id":"weir",)" +
                 sign_in + "}}}");
  return world;
}

oidc::Claims claims_of(const std::string& email, bool verified = true) {
  oidc::Claims claims;
  claims.issuer = kIssuer;
  claims.subject = "sub of " + email;
  claims.email = email;
  claims.email_verified = verified;
  claims.name = "Name";
  return claims;
}

TEST_CASE("a member is known by his address the first time, and by the provider's name from then on") {
  config::Whole world = world_of();
  Random random(1);
  const auto first = sign_in(world, "acme", claims_of("Ann@a.example"), random);
  REQUIRE(first);
  CHECK(first->user == "ann");
  REQUIRE(first->intents.size() == 1);
  CHECK(first->intents[0].kind == config::Kind::kUser);
  CHECK(first->intents[0].verb == api::Verb::kPatch);
  CHECK(first->intents[0].patch == R"({"spec":{"open_ids":[{"issuer":"https://other.example","subject":"x"},)"
                                   R"({"issuer":"https://id.example","subject":"sub of Ann@a.example"}]}})");

  put(world, R"({"kind":"User","metadata":{"name":"ann"},"spec":{"email":"ann@a.example",
      "open_ids":[{"issuer":"https://id.example","subject":"sub of Ann@a.example"}]}})");
  auto later = claims_of("Ann@a.example", false);
  later.email = "new@a.example";
  const auto again = sign_in(world, "acme", later, random);
  REQUIRE(again);
  CHECK(again->user == "ann");
  CHECK(again->intents.empty());
}

TEST_CASE("somebody of an allowed domain becomes a User and a member") {
  config::Whole world = world_of();
  Random random(1);
  const auto made = sign_in(world, "acme", claims_of("Jane.Doe+x@B.example"), random);
  REQUIRE(made);
  CHECK(made->user == "jane-doe-x");
  REQUIRE(made->intents.size() == 2);
  CHECK(made->intents[0].verb == api::Verb::kCreate);
  CHECK(made->intents[0].wanted.metadata.organization.empty());
  const auto& spec = std::get<config::UserSpec>(made->intents[0].wanted.spec);
  CHECK(spec.email == "Jane.Doe+x@B.example");
  CHECK(spec.password.empty());
  CHECK_FALSE(spec.role);
  CHECK(spec.open_ids == std::vector<config::OpenIdName>{{kIssuer, "sub of Jane.Doe+x@B.example"}});
  CHECK(made->intents[1].patch ==
        R"({"spec":{"members":[{"user":"ann","role":"owner"},{"user":"jane-doe-x","role":"editor"}]}})");
  // Who has an account becomes a member; a name that is taken gets another.
  const auto bob = sign_in(world, "acme", claims_of("bob@b.example"), random);
  REQUIRE(bob);
  CHECK(bob->user == "bob");
  CHECK(bob->intents.size() == 2);
  const auto other = sign_in(world, "acme", claims_of("ann@b.example"), random);
  REQUIRE(other);
  CHECK(other->user.starts_with("ann-"));
  CHECK(sign_in(world, "acme", claims_of("42@b.example"), random)->user == "user");
}

TEST_CASE("nobody else comes in") {
  Random random(1);
  const config::Whole world = world_of();
  const auto why = [&](const oidc::Claims& claims, std::string_view organization = "acme") {
    const auto outcome = sign_in(world, organization, claims, random);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().status == 403);
    return outcome.error().detail;
  };
  CHECK(why(claims_of("who@c.example")) == "you are no member of acme; one of its administrators adds you");
  CHECK(why(claims_of("who@sub.b.example")) ==
        "you are no member of acme; one of its administrators adds you");
  CHECK(why(claims_of("ann@a.example", false)) ==
        "the provider of identities vouches for no e-mail address of yours");
  CHECK(why(claims_of("")) == "the provider of identities vouches for no e-mail address of yours");
  CHECK(why(claims_of("off@b.example")) == "this account is disabled");
  CHECK(why(claims_of("ann@a.example"), "other") == "nobody signs in so any more");
  auto foreign = claims_of("ann@a.example");
  foreign.issuer = "https://other.example";
  CHECK(why(foreign) == "nobody signs in so any more");
  // Without domains, only members.
  const config::Whole closed = world_of(R"("role":"owner")");
  CHECK_FALSE(sign_in(closed, "acme", claims_of("bob@b.example"), random));
  CHECK(sign_in(closed, "acme", claims_of("ann@a.example"), random));
}

}  // namespace
}  // namespace weir::session
