// Who may do what, as people write it: what is refused of Tokens, Users and Organizations.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/documents.h"
#include "config/object.h"

namespace weir::config {
namespace {

using Lines = std::vector<std::string>;

Lines problems_of(const std::string& kind, const std::string& spec) {
  const auto documents = read_yaml("{kind: " + kind + ", metadata: {name: a}, spec: " + spec + "}");
  REQUIRE(documents.has_value());
  const auto object = parse_object(documents->front().json, Origin::kClient);
  Lines lines;
  if (object) return lines;
  for (const Violation& one : object.error()) lines.push_back(one.field + ": " + one.message);
  return lines;
}

TEST_CASE("a token of a person has scopes, and one of a machine has not") {
  CHECK(problems_of("Token", "{role: editor, user: ann, scopes: ['*:read', 'services:write']}").empty());
  CHECK(problems_of("Token", "{role: tunnel, user: ann}").empty());
  CHECK(problems_of("Token", "{role: tunnel}") ==
        Lines{"spec.user: is required: whose origins come in by it"});
  CHECK(problems_of("Token", "{role: join, user: ann}") ==
        Lines{"spec.user: is for tokens of people and of the role tunnel"});
  CHECK(problems_of("Token", "{role: join, scopes: ['*:read']}") ==
        Lines{"spec.scopes: are for tokens of people"});
  CHECK(problems_of("Token", "{scopes: ['service:read']}") ==
        Lines{"spec.scopes[0]: names no kind; write it as in services:read"});
  for (const std::string wrong : {"services", "services:", ":read", "services:delete", "*"}) {
    CAPTURE(wrong);
    CHECK(problems_of("Token", "{scopes: ['" + wrong + "']}").size() == 1);
  }
}

TEST_CASE("a user has a role of people, and names at providers of identities") {
  CHECK(problems_of("User", "{email: a@b.example, role: owner}").empty());
  CHECK(problems_of("User", "{email: a@b.example, role: join}") ==
        Lines{"spec.role: must be owner, admin, editor or viewer; the others are for tokens"});
  CHECK(problems_of("User", "{email: a@b.example, open_ids: [{issuer: 'https://id.example', subject: x}]}")
            .empty());
  CHECK(problems_of("User", "{email: a@b.example, open_ids: [{issuer: 'http://id.example', subject: x}]}") ==
        Lines{"spec.open_ids[0].issuer: must be an address that begins with https://, without ? and #"});
}

TEST_CASE("an organization has members once, quotas of kinds, and a way to sign in") {
  CHECK(problems_of("Organization",
                    "{members: [{user: ann, role: owner}, {user: bob}], quotas: [{kind: services, max: 3}], "
                    "sign_in: {issuer: 'https://id.example/x', client_id: weir, domains: [b.example]}}")
            .empty());
  CHECK(problems_of("Organization", "{members: [{user: ann}, {user: ann}]}") ==
        Lines{"spec.members[1].user: is a member already"});
  CHECK(problems_of("Organization", "{members: [{user: ann, role: member}]}") ==
        Lines{"spec.members[0].role: must be owner, admin, editor or viewer; the others are for tokens"});
  CHECK(problems_of("Organization", "{quotas: [{kind: service}, {kind: services}, {kind: services}]}") ==
        Lines{"spec.quotas[0].kind: is no kind; write it as in services",
              "spec.quotas[2].kind: has a quota already"});
  CHECK(problems_of("Organization", "{sign_in: {issuer: 'https://id.example/?x', client_id: weir}}") ==
        Lines{"spec.sign_in.issuer: must be an address that begins with https://, without ? and #"});
  CHECK(problems_of("Organization",
                    "{sign_in: {issuer: 'https://id.example', client_id: weir, domains: ['@x'], role: join}}")
            .size() == 2);
}

TEST_CASE("only the server writes sessions") {
  CHECK(problems_of("Session", "{user: ann}") == Lines{"kind: Session is written by the server only"});
}

}  // namespace
}  // namespace weir::config
