#include "auth/token_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace weir::auth {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)};

IssuedToken token_of(int fill) {
  std::array<std::byte, kTokenEntropyBytes> entropy{};
  entropy.fill(static_cast<std::byte>(fill));
  return make_token(entropy);
}

// Another secret under the id of a token, with a checksum that is right.
std::string forged(int fill) {
  std::array<std::byte, kTokenEntropyBytes> entropy{};
  entropy.fill(static_cast<std::byte>(fill));
  entropy[20] = std::byte{0x77};
  return make_token(entropy).text;
}

TEST_CASE("a member is known with its services") {
  const TokenTable table(
      {{.name = "m", .hash = token_of(1).hash, .role = Role::kMember, .services = {"web"}}});
  const auto identity = table.verify(token_of(1).text, kNow);
  REQUIRE(identity);
  CHECK(*identity == Identity{"m", Role::kMember, {"web"}});
  CHECK(name_of(identity->role) == "member");
}

TEST_CASE("who is let in, and what is said to those who are not") {
  const TokenTable table({
      {.name = "root", .hash = token_of(1).hash, .role = Role::kAdmin},
      {.name = "reader", .hash = token_of(2).hash},
      {.name = "soon", .hash = token_of(3).hash, .expires_at = kNow + 1ms},
      {.name = "late", .hash = token_of(4).hash, .role = Role::kAdmin, .expires_at = kNow},
      {.name = "gone", .hash = token_of(5).hash, .role = Role::kAdmin, .revoked = true},
  });
  struct Case {
    std::string bearer;
    Outcome want;
    const char* name;
    Role role = Role::kViewer;
  };
  for (const Case& expected : {
           Case{token_of(1).text, Outcome::kAccepted, "root", Role::kAdmin},
           Case{token_of(2).text, Outcome::kAccepted, "reader"},
           Case{token_of(3).text, Outcome::kAccepted, "soon"},
           Case{token_of(4).text, Outcome::kExpired, ""},
           Case{token_of(5).text, Outcome::kRevoked, ""},
           Case{token_of(6).text, Outcome::kUnknown, ""},
           Case{forged(1), Outcome::kWrongSecret, ""},
           Case{forged(4), Outcome::kWrongSecret, ""},
           Case{"root", Outcome::kMalformed, ""},
           Case{std::string(100'000, 'x'), Outcome::kMalformed, ""},
           Case{"", Outcome::kMissing, ""},
       }) {
    CAPTURE(expected.bearer.substr(0, 20));
    const Verdict verdict = table.check(expected.bearer, kNow);
    CHECK(name_of(verdict.outcome) == name_of(expected.want));
    CHECK(verdict.id == token_id(expected.bearer).value_or(""));
    if (expected.want == Outcome::kAccepted) {
      CHECK(*verdict.identity == Identity{expected.name, expected.role});
      continue;
    }
    REQUIRE_FALSE(verdict.identity);
    CHECK(verdict.identity.error().code == Code::kUnauthenticated);
    if (!expected.bearer.empty())
      CHECK(verdict.identity.error().text == std::string("the token is not valid"));
    CHECK(table.verify(expected.bearer, kNow).error() == verdict.identity.error());
  }
}

TEST_CASE("a table without tokens lets nobody in, also not by a digest of zeros") {
  const TokenTable table;
  CHECK(table.check(token_of(0).text, kNow).outcome == Outcome::kUnknown);
  CHECK(table.check("", kNow).outcome == Outcome::kMissing);
}

TEST_CASE("what replaces the records takes effect at once") {
  TokenTable table({{.name = "a", .hash = token_of(1).hash}, {.name = "b", .hash = token_of(2).hash}});
  CHECK(table.size() == 2);
  CHECK(table.is_valid({"a", Role::kViewer}, kNow));
  table.replace({{.name = "b", .hash = token_of(3).hash, .expires_at = kNow + 1s},
                 {.name = "twin", .hash = token_of(3).hash, .role = Role::kAdmin}});
  CHECK(table.check(token_of(1).text, kNow).outcome == Outcome::kUnknown);
  CHECK(table.check(token_of(2).text, kNow).outcome == Outcome::kUnknown);
  CHECK(*table.verify(token_of(3).text, kNow) == Identity{"b", Role::kViewer});
  CHECK_FALSE(table.is_valid({"a", Role::kViewer}, kNow));
  CHECK(table.is_valid({"b", Role::kViewer}, kNow));
  CHECK_FALSE(table.is_valid({"b", Role::kAdmin}, kNow));
  CHECK_FALSE(table.is_valid({"b", Role::kViewer}, kNow + 1s));
  CHECK_FALSE(table.is_valid({"", Role::kViewer}, kNow));
  CHECK(table.find("b", kNow) == Identity{"b", Role::kViewer});
  CHECK(table.find("b", kNow + 1s) == std::nullopt);
  CHECK(table.find("a", kNow) == std::nullopt);
  const TokenTable moved = std::move(table);
  CHECK(moved.is_valid({"b", Role::kViewer}, kNow));
}

TEST_CASE("who comes by a token of a person in an organization is told with both, and with its scopes") {
  const TokenTable table({{.name = "laptop",
                           .hash = token_of(1).hash,
                           .role = Role::kEditor,
                           .user = "ann",
                           .organization = "acme",
                           .scopes = {"services:write"}}});
  const Identity ann = *table.verify(token_of(1).text, kNow);
  CHECK(ann == Identity{.token = "laptop",
                        .role = Role::kEditor,
                        .user = "ann",
                        .organization = "acme",
                        .scopes = {"services:write"}});
  CHECK_FALSE(ann.is_platform());
  CHECK(ann.actor() == "ann/laptop");
  CHECK(Identity{.token = "ci"}.actor() == "ci");
  CHECK(Identity{.token = {}, .user = "ann", .session = "s1"}.actor() == "ann");
  CHECK(Identity{.token = {}, .session = "s1"}.actor() == "s1");
}

TEST_CASE("scopes leave what they name, to write is to read, and none leave all") {
  const std::vector<std::string> scopes{"services:write", "zones:read"};
  CHECK(in_scopes(scopes, Verb::kRead, "services"));
  CHECK(in_scopes(scopes, Verb::kDelete, "services"));
  CHECK(in_scopes(scopes, Verb::kRead, "zones"));
  CHECK_FALSE(in_scopes(scopes, Verb::kUpdate, "zones"));
  CHECK_FALSE(in_scopes(scopes, Verb::kRead, "tokens"));
  CHECK(in_scopes({}, Verb::kDelete, "tokens"));
  const std::vector<std::string> all{"*:read"};
  CHECK(in_scopes(all, Verb::kRead, "tokens"));
  CHECK_FALSE(in_scopes(all, Verb::kCreate, "tokens"));
}

TEST_CASE("what a role may do") {
  for (const Verb verb : {Verb::kRead, Verb::kCreate, Verb::kUpdate, Verb::kDelete}) {
    for (const char* kind :
         {"LoadBalancer", "Service", "Event", "Token", "User", "Secret", "Endpoint", "Unheard"}) {
      CAPTURE(kind);
      const bool withheld = std::ranges::find(kKindsForAdminsOnly, kind) != kKindsForAdminsOnly.end();
      CHECK(allowed(Role::kAdmin, verb, kind));
      CHECK(allowed(Role::kViewer, verb, kind) == (verb == Verb::kRead && !withheld));
      CHECK(allowed(Role::kMember, verb, kind) ==
            (kind == std::string(verb == Verb::kRead ? "Service" : "Endpoint")));
      CHECK_FALSE(allowed(static_cast<Role>(7), verb, kind));
    }
  }
}

}  // namespace
}  // namespace weir::auth
