#include "mirror/sight.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <tuple>
#include <variant>

#include "mirror/records.h"

namespace weir::mirror {
namespace {

using config::Kind;

config::Object object_of(const std::string& json) {
  auto object = config::parse_object(json, config::Origin::kStore);
  REQUIRE(object.has_value());
  return *object;
}
std::string service(const std::string& metadata) {
  return R"({"kind":"Service","metadata":{"name":"web")" + metadata + R"(},"spec":{}})";
}
auth::Identity member_of(const std::string& organization) {
  return {.token = "t", .user = "ann", .organization = organization};
}

TEST_CASE("whose an object is stands in its text, as it is encoded") {
  for (const std::string rest : {"", R"(,"labels":{"a":"b"})", R"(,"uid":"u")", R"(,"annotations":{"a":"b"})",
                                 R"(,"created_at":"2026-01-01T00:00:00.000Z")"}) {
    CAPTURE(rest);
    CHECK(organization_in(encode(object_of(service(rest)))) == "");
    CHECK(organization_in(encode(object_of(service(R"(,"organization":"acme")" + rest)))) == "acme");
  }
  for (const std::string other : {R"({"metadata":{"name":"web"},"kind":"Service"})", "", "{}",
                                  R"({"kind":"Serv)", R"({"kind":"Service","metadata":{"labels":{}}})",
                                  R"({"kind":"Service","metadata":{"name":"web","unheard":"acme"}})",
                                  R"({"kind":"Service","metadata":{"name":"web)"}) {
    CAPTURE(other);
    CHECK(organization_in(other) == std::nullopt);
  }
}

TEST_CASE("who is of the platform sees all, and an organization its own alone") {
  const config::Whole objects;
  const config::Object ours = object_of(service(R"(,"organization":"acme")"));
  const config::Object theirs = object_of(service(R"(,"organization":"best")"));
  const config::Object platforms = object_of(service(""));
  const Sight platform(member_of(""), objects);
  CHECK(platform.is_whole());
  const Sight acme(member_of("acme"), objects);
  CHECK_FALSE(acme.is_whole());
  for (const auto* object : {&ours, &theirs, &platforms}) {
    CHECK(platform.sees(*object));
    CHECK(platform.may_see(Kind::kService, "web", encode(*object)));
    CHECK(Sight().sees(*object));
    CHECK(acme.sees(*object) == (object == &ours));
    CHECK(acme.may_see(Kind::kService, "web", encode(*object)) == (object == &ours));
  }
  CHECK(acme.may_see(Kind::kService, "web", R"({"metadata":{},"kind":"Service"})"));  // who knows
}

TEST_CASE("an organization sees itself and its members, of whom little is shown, and a user its sessions") {
  config::Whole objects;
  const auto put = [&](const std::string& json) {
    objects.put(std::make_shared<const config::Object>(object_of(json)));
  };
  put(R"({"kind":"Organization","metadata":{"name":"acme"},"spec":{"members":[{"user":"ann"}]}})");
  put(R"({"kind":"Organization","metadata":{"name":"best"},"spec":{"members":[{"user":"bob"}]}})");
  put(R"({"kind":"User","metadata":{"name":"ann","labels":{"a":"b"}},)"
      R"("spec":{"email":"ann@a.example","display_name":"Ann","role":"viewer"}})");
  put(R"({"kind":"User","metadata":{"name":"bob"},"spec":{"email":"bob@a.example"}})");
  put(R"({"kind":"Session","metadata":{"name":"s1"},"spec":{"user":"ann"}})");
  put(R"({"kind":"Session","metadata":{"name":"s2"},"spec":{"user":"bob"}})");
  const Sight acme(member_of("acme"), objects);
  for (const auto& [kind, ours, theirs] :
       {std::tuple(Kind::kOrganization, "acme", "best"), std::tuple(Kind::kUser, "ann", "bob"),
        std::tuple(Kind::kSession, "s1", "s2")}) {
    CHECK(acme.sees(*objects.find(kind, ours)));
    CHECK_FALSE(acme.sees(*objects.find(kind, theirs)));
  }
  config::Object ann = *objects.find(Kind::kUser, "ann");
  Sight().redact(ann);
  CHECK(ann == *objects.find(Kind::kUser, "ann"));
  acme.redact(ann);
  CHECK(ann.metadata.labels.empty());
  config::UserSpec left{.email = "ann@a.example"};
  left.display_name = "Ann";
  CHECK(std::get<config::UserSpec>(ann.spec) == left);
  // An organization that is gone has nobody.
  CHECK_FALSE(Sight(member_of("gone"), objects).sees(*objects.find(Kind::kUser, "ann")));
}

}  // namespace
}  // namespace weir::mirror
