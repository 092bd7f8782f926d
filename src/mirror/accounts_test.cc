#include "mirror/accounts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "auth/token.h"
#include "config/documents.h"

namespace weir::mirror {
namespace {

using auth::Role;

class Accounts {
 public:
  Accounts() {
    put("User", "ann", "{email: ann@a.example, role: viewer}");
    put("User", "bob", "{email: bob@a.example}");
    put("User", "off", "{email: off@a.example, role: owner, disabled: true}");
    put("Organization", "acme",
        "{members: [{user: ann, role: admin}, {user: bob, role: editor}, {user: 'off', role: owner}]}");
    put("Organization", "best", "{members: [{user: ann}]}");
  }

  config::Whole objects;

  void put(const std::string& kind, const std::string& name, const std::string& spec,
           const std::string& organization = {}) {
    const std::string whose = organization.empty() ? "" : ", organization: " + organization;
    const auto documents = config::read_yaml("{kind: " + kind + ", metadata: {name: '" + name + "'" + whose +
                                             "}, spec: " + spec + "}");
    REQUIRE(documents.has_value());
    auto object = config::parse_object(documents->front().json, config::Origin::kStore);
    REQUIRE(object.has_value());
    objects.put(std::make_shared<const config::Object>(std::move(*object)));
  }
  void put_token(const std::string& name, const std::string& rest, const std::string& organization = {}) {
    put("Token", name, "{hash: '" + auth::TokenHash{.id = "0123456789"}.to_text() + "', " + rest + "}",
        organization);
  }
  auth::TokenRecord record(const std::string& name) const {
    const auto records = token_records(objects, [](const config::Object&) {});
    const auto found = std::ranges::find(records, name, &auth::TokenRecord::name);
    REQUIRE(found != records.end());
    return *found;
  }
};

TEST_CASE("a user is called by what stands before the @ of an address") {
  CHECK(user_name_of("ann@a.example") == "ann");
  CHECK(user_name_of("Jane.Doe+x@B.example") == "jane-doe-x");
  CHECK(user_name_of("__a..b__@a.example") == "a-b");
  CHECK(user_name_of("007bond7@a.example") == "bond7");
  CHECK(user_name_of("42@a.example") == "user");
  CHECK(user_name_of("\xc3\xbc@a.example") == "user");
  CHECK(user_name_of("") == "user");
  CHECK(user_name_of(std::string(39, 'a') + ".b@a.example") == std::string(39, 'a'));
  CHECK(user_name_of(std::string(64, 'a') + "@a.example") == std::string(40, 'a'));
}

TEST_CASE("a user has the role of its membership in an organization, and its own on the platform") {
  const Accounts accounts;
  CHECK(role_of(accounts.objects, "ann", "") == Role::kViewer);
  CHECK(role_of(accounts.objects, "ann", "acme") == Role::kAdmin);
  CHECK(role_of(accounts.objects, "ann", "best") == Role::kViewer);
  CHECK(role_of(accounts.objects, "bob", "") == std::nullopt);
  CHECK(role_of(accounts.objects, "bob", "acme") == Role::kEditor);
  CHECK(role_of(accounts.objects, "bob", "best") == std::nullopt);
  CHECK(role_of(accounts.objects, "bob", "gone") == std::nullopt);
  CHECK(role_of(accounts.objects, "gone", "acme") == std::nullopt);
}

TEST_CASE("a disabled user may nothing anywhere, and is a member of nothing") {
  const Accounts accounts;
  CHECK(role_of(accounts.objects, "off", "") == std::nullopt);
  CHECK(role_of(accounts.objects, "off", "acme") == std::nullopt);
  CHECK(identity_of(accounts.objects, "off", "acme") == std::nullopt);
  CHECK(organizations_of(accounts.objects, "off").empty());
  CHECK(organizations_of(accounts.objects, "ann") == std::vector<std::string>{"acme", "best"});
}

TEST_CASE("somebody who is known is who its membership says") {
  const Accounts accounts;
  CHECK(identity_of(accounts.objects, "bob", "acme") ==
        auth::Identity{.token = {}, .role = Role::kEditor, .user = "bob", .organization = "acme"});
}

TEST_CASE("what a user makes belongs to the only organization that it is a member of") {
  const Accounts accounts;
  CHECK(home_of(accounts.objects, "bob") == "acme");
  CHECK(home_of(accounts.objects, "ann").empty());
  CHECK(home_of(accounts.objects, "gone").empty());
}

TEST_CASE("a token of a person never may more than its user, and nothing without one") {
  Accounts accounts;
  accounts.put_token("of-bob", "role: owner, user: bob, scopes: ['services:read']", "acme");
  auth::TokenRecord record = accounts.record("of-bob");
  CHECK(record.role == Role::kEditor);
  CHECK(record.organization == "acme");
  CHECK(record.user == "bob");
  CHECK(record.scopes == std::vector<std::string>{"services:read"});
  CHECK_FALSE(record.revoked);
  accounts.put_token("less", "role: viewer, user: bob", "acme");
  CHECK(accounts.record("less").role == Role::kViewer);
  for (const std::string rest : {"role: viewer, user: 'off'", "role: viewer, user: gone"}) {
    accounts.put_token("none", rest, "acme");
    CHECK(accounts.record("none").revoked);
  }
  accounts.put_token("none", "role: viewer, user: bob");  // who has no role on the platform
  CHECK(accounts.record("none").revoked);
  accounts.put("Organization", "acme", "{members: [{user: ann}]}");
  CHECK(accounts.record("of-bob").revoked);
}

TEST_CASE("a token of a program, or of a user's origins, has its own role") {
  Accounts accounts;
  accounts.put_token("ci", "role: admin", "acme");
  CHECK(accounts.record("ci").role == Role::kAdmin);
  accounts.put_token("origins", "role: tunnel, user: bob");
  CHECK_FALSE(accounts.record("origins").revoked);
  CHECK(accounts.record("origins").role == Role::kTunnel);
}

TEST_CASE("a token whose hash is none is told and left out") {
  Accounts accounts;
  accounts.put("Token", "odd", "{hash: no}");
  std::vector<std::string> told;
  CHECK(token_records(accounts.objects, [&](const config::Object& object) {
          told.push_back(object.metadata.name);
        }).empty());
  CHECK(told == std::vector<std::string>{"odd"});
}

}  // namespace
}  // namespace weir::mirror
