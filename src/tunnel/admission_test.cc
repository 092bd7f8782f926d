#include "tunnel/admission.h"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auth/pinned_token.h"
#include "auth/ssh_key.h"
#include "auth/token.h"

namespace weir::tunnel {
namespace {

// Ada has the service "shop" with a slot at 2201; "web" is nobody's; "docs" has a name of its own.
config::SnapshotPointer snapshot() {
  auto made = std::make_shared<config::Snapshot>();
  const auto add = [&made](const std::string& name, const std::string& owner, const std::string& hostname) {
    config::Service service{.name = name, .owner = owner, .spec = {}, .endpoints = {}, .slots = {}};
    if (name == "shop") service.slots.push_back({.object = "desk", .port = 2201, .weight = 3, .zone = {}});
    made->services.push_back(std::make_shared<const config::Service>(std::move(service)));
    config::LoadBalancer balancer{.name = name, .spec = {}};
    balancer.spec.listeners.push_back({.protocol = {}, .hostnames = {hostname}});
    config::Route route;
    route.backends.push_back({name, 1});
    balancer.spec.routes.push_back(std::move(route));
    made->load_balancers.push_back(std::make_shared<const config::LoadBalancer>(std::move(balancer)));
  };
  add("docs", "", "books.weir.example");
  add("shop", "ada", "shop.weir.example");
  add("web", "", "web.weir.example");
  return made;
}

Admission admission(std::uint16_t http = 80) {
  return Admission(snapshot(), {.domain = "weir.example", .anonymous = false, .ports = {.http = http}});
}

std::string asked(std::string_view account, std::string_view address, std::uint16_t port) {
  const auto place = admission().place(account, address, port, "quiet-otter-5697");
  if (!place) return place.error();
  return place->service + " " + place->url + (place->hostname.empty() ? "" : " new " + place->hostname) +
         (place->slot.empty() ? "" : " slot " + place->slot);
}

TEST_CASE("who names a place gets it when it is theirs or nobody has it") {
  CHECK(asked("ada", "hello", 80) == "hello http://hello.weir.example new hello.weir.example");
  CHECK(asked("ada", "HELLO.weir.example", 443) == "hello http://hello.weir.example new hello.weir.example");
  CHECK(asked("ada", "shop", 80) == "shop http://shop.weir.example");
  CHECK(asked("eve", "shop", 80) == "the name shop.weir.example is another one's");
  CHECK(asked("ada", "web", 80) == "the name web.weir.example is another one's");
  // No service, but somebody's load balancer has the host name.
  CHECK(asked("ada", "books", 80) == "the name books.weir.example is another one's");
}

TEST_CASE("no name means one that is made up, however the client says so") {
  for (const char* none : {"", "*", "localhost", "0.0.0.0", "127.0.0.1", "::"}) {
    CAPTURE(none);
    CHECK(asked("ada", none, 0) ==
          "quiet-otter-5697 http://quiet-otter-5697.weir.example new quiet-otter-5697.weir.example");
  }
}

TEST_CASE("a slot is its owner's, whatever the address") {
  CHECK(asked("ada", "localhost", 2201) == "shop http://shop.weir.example slot desk");
  CHECK(asked("ada", "hello", 2201) == "shop http://shop.weir.example slot desk");
  const std::string refused =
      "port 2201 is not kept for a tunnel of yours; ask for port 80 to serve HTTP, as in ssh -R NAME:80:...";
  CHECK(asked("eve", "localhost", 2201) == refused);
  CHECK(asked("ada", "hello", 2202).starts_with("port 2202 is not kept"));
  CHECK(admission().place("ada", "", 2201, "x")->weight == 3);
}

TEST_CASE("a name that is none is refused with a sentence") {
  for (const char* bad : {"a_b", "-a", "a.b", "UPPER case", "a/b", "..", "é", ".weir.example"}) {
    CAPTURE(bad);
    CHECK(asked("ada", bad, 80).starts_with("the name \""));
  }
  CHECK(asked("ada", std::string(300, 'a'), 80).size() < 300);
}

constexpr const char* kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop ada@laptop";

TEST_CASE("a key is its owner's, and who calls itself a user has to prove it") {
  auto made = std::make_shared<config::Snapshot>(*snapshot());
  made->users.push_back(std::make_shared<const config::User>(
      config::User{.name = "ada", .spec = {.email = "ada@example.net", .ssh_keys = {kKey}}}));
  const Admission known(made, {.domain = "weir.example", .anonymous = true, .ports = {}});
  const auto key = auth::parse_ssh_key(kKey);
  REQUIRE(key.has_value());
  CHECK(known.user_of_key(key->blob) == "ada");
  CHECK(known.user_of_key(key->blob + "x").empty());
  CHECK_FALSE(known.allows_anonymous("ada"));
  CHECK(known.allows_anonymous("adam"));
  CHECK(known.keeps({.service = "shop"}, "ada"));
  CHECK_FALSE(known.keeps({.service = "shop"}, "eve"));
  CHECK(known.keeps({.service = "new"}, "eve"));
}

config::SnapshotPointer with_users(std::vector<std::pair<const char*, std::vector<std::string>>> users) {
  auto made = std::make_shared<config::Snapshot>();
  for (auto& [name, lines] : users) {
    made->users.push_back(std::make_shared<const config::User>(
        config::User{.name = name, .spec = {.email = {}, .ssh_keys = std::move(lines)}}));
  }
  return made;
}

const std::string kOtherKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq ca@work";

TEST_CASE("a certificate is of the user whose line names its authority and one of its principals") {
  const std::string own = std::string("cert-authority ") + kKey;
  const std::string several = std::string(R"(cert-authority,principals="ops,eve@laptop" )") + kKey;
  const std::string other = R"(cert-authority,principals="ada" )" + kOtherKey;
  const Admission known(
      with_users({{"ada", {own, kOtherKey}}, {"bob", {other, kKey}}, {"eve", {several}}, {"zoe", {}}}),
      {.domain = "weir.example"});
  const std::string authority = auth::parse_ssh_key(kKey)->blob;
  const std::string other_authority = auth::parse_ssh_key(kOtherKey)->blob;
  const auto whose = [&](const std::string& key, std::vector<std::string_view> principals) {
    const auto certified = known.certified_by(key, principals);
    return certified ? std::string(certified->user).append(" as ").append(certified->principal)
                     : certified.error().text;
  };
  const std::string nobody = "its authority is in no user's ssh_keys for one of its principals";
  CHECK(whose(authority, {"ada"}) == "ada as ada");
  CHECK(whose(authority, {"nobody", "eve@laptop", "ada"}) == "eve as eve@laptop");  // the first counts
  CHECK(whose(authority, {"ops"}) == "eve as ops");
  CHECK(whose(authority, {"eve"}) == nobody);  // the line has principals of its own
  for (const char* none : {"zoe", "bob", "Ada", "ada ", "*", "ops,eve@laptop", ""}) {
    CAPTURE(none);
    CHECK(whose(authority, {none}) == nobody);
  }
  CHECK(whose(authority, {}) == nobody);
  CHECK(whose(other_authority, {"ada"}) == "bob as ada");
  CHECK(whose(authority + "x", {"ada"}) == "its authority is in no user's ssh_keys");
  CHECK(whose("", {"ada"}) == "its authority is in no user's ssh_keys");
  // A key that is also an authority's is somebody by itself only as a line of its own says.
  CHECK(known.user_of_key(authority) == "bob");
  CHECK(known.user_of_key(other_authority) == "ada");
}

TEST_CASE("a plain key is no authority, and an authority no key") {
  const std::string blob = auth::parse_ssh_key(kKey)->blob;
  const std::array<std::string_view, 1> ada{"ada"};
  const Admission plain(with_users({{"ada", {kKey}}}), {.domain = "weir.example"});
  CHECK_FALSE(plain.certified_by(blob, ada).has_value());
  const Admission authority(with_users({{"ada", {std::string("cert-authority ") + kKey}}}),
                            {.domain = "weir.example"});
  CHECK(authority.user_of_key(blob).empty());
  CHECK(authority.certified_by(blob, ada).has_value());
  // Nor does who came in by one of them stay by the other.
  Proof by_key{.key = blob, .principal = {}, .token = {}, .judged = nullptr};
  Proof by_certificate{.key = blob, .principal = "ada", .token = {}, .judged = nullptr};
  CHECK(plain.admits("ada", by_key, WallTime{}));
  CHECK_FALSE(plain.admits("ada", by_certificate, WallTime{}));
  CHECK_FALSE(authority.admits("ada", by_key, WallTime{}));
  CHECK(authority.admits("ada", by_certificate, WallTime{}));
}

TEST_CASE("who came in by a certificate stays as long as the line that it came in by says so") {
  Proof proof{.key = auth::parse_ssh_key(kKey)->blob, .principal = "ada", .token = {}, .judged = nullptr};
  const auto stays = [&](std::vector<std::pair<const char*, std::vector<std::string>>> users) {
    return Admission(with_users(std::move(users)), {.domain = "weir.example", .anonymous = true})
        .admits("ada", proof, WallTime{});
  };
  const std::string own = std::string("cert-authority ") + kKey;
  CHECK(stays({{"ada", {own}}}));
  CHECK(stays({{"ada", {kOtherKey, std::string(R"(cert-authority,principals="b,ada" )") + kKey}}}));
  CHECK_FALSE(stays({{"ada", {}}}));
  CHECK_FALSE(stays({{"ada", {std::string(R"(cert-authority,principals="b" )") + kKey}}}));
  CHECK_FALSE(stays({{"ada", {"cert-authority " + kOtherKey}}}));
  CHECK_FALSE(stays({{"bob", {std::string(R"(cert-authority,principals="ada" )") + kKey}}}));
  CHECK_FALSE(stays({}));  // deleted, or disabled
}

TEST_CASE("before the first snapshot names are given, and nothing else") {
  const Admission none(nullptr, {.domain = "weir.example", .anonymous = true, .ports = {.http = 8080}});
  CHECK(none.allows_anonymous("anyone"));
  CHECK(none.place("anonymous", "hello", 80, "x")->url == "http://hello.weir.example:8080");
  CHECK_FALSE(none.place("anonymous", "", 2201, "x").has_value());
  CHECK(none.user_of_key("key").empty());
  CHECK_FALSE(none.certified_by("key", {}).has_value());
}

// Ada has the tokens "laptop" and, until noon, "lent"; "stale" is one of somebody who is no user any more.
struct Tokens {
  Tokens() {
    auto made = std::make_shared<config::Snapshot>();
    config::User ada{"ada", {}};
    made->users.push_back(std::make_shared<const config::User>(ada));
    add(*made, laptop, "laptop", "ada", std::nullopt);
    add(*made, lent, "lent", "ada", noon);
    add(*made, stale, "stale", "eve", std::nullopt);
    snapshot = made;
  }
  static void add(config::Snapshot& to, const auth::IssuedToken& token, const std::string& name,
                  const std::string& user, std::optional<WallTime> until) {
    to.tunnel_tokens.push_back(std::make_shared<const config::TunnelToken>(config::TunnelToken{
        name,
        {.role = config::Role::kTunnel, .expires_at = until, .user = user, .hash = token.hash.to_text()}}));
  }
  static std::string shown(const auth::IssuedToken& token) {
    return auth::pinned_text(auth::kTunnelPrefix, token.text, std::string(64, 'a'));
  }
  const WallTime noon = WallTime{} + std::chrono::hours(12);
  const auth::IssuedToken laptop = *auth::issue_token();
  const auth::IssuedToken lent = *auth::issue_token();
  const auth::IssuedToken stale = *auth::issue_token();
  config::SnapshotPointer snapshot;
};

TEST_CASE("a token is its user's, as long as both are there and it has not expired") {
  const Tokens tokens;
  const Admission admission(tokens.snapshot, {.domain = "weir.example"});
  const auto whose = [&](const std::string& shown, WallTime now) {
    const auto bearer = admission.bearer_of(shown, now);
    return bearer ? bearer->user + " by " + bearer->token : "nobody";
  };
  const WallTime before = tokens.noon - std::chrono::seconds(1);
  CHECK(whose(Tokens::shown(tokens.laptop), tokens.noon) == "ada by laptop");
  CHECK(whose(Tokens::shown(tokens.lent), before) == "ada by lent");
  CHECK(whose(Tokens::shown(tokens.lent), tokens.noon) == "nobody");
  CHECK(whose(Tokens::shown(tokens.stale), before) == "nobody");
  CHECK(whose(Tokens::shown(*auth::issue_token()), before) == "nobody");
  CHECK(whose(tokens.laptop.text, before) == "nobody");  // not all of it
  CHECK(whose("", before) == "nobody");
}

TEST_CASE("who came in may stay as long as what it showed counts") {
  const Tokens tokens;
  const Admission admission(tokens.snapshot, {.domain = "weir.example"});
  const auto stays = [&](const std::string& account, const std::string& token, WallTime now) {
    Proof proof{.key = {}, .token = token, .judged = nullptr};
    return admission.admits(account, proof, now);
  };
  CHECK(stays("ada", "laptop", tokens.noon));
  CHECK(stays("ada", "lent", WallTime{}));
  CHECK_FALSE(stays("ada", "lent", tokens.noon));
  CHECK_FALSE(stays("ada", "gone", WallTime{}));
  CHECK_FALSE(stays("eve", "stale", WallTime{}));
  CHECK_FALSE(stays("ada", "stale", WallTime{}));
  CHECK_FALSE(stays("anonymous", "", WallTime{}));
  auto with_key = std::make_shared<config::Snapshot>(*tokens.snapshot);
  config::User ada{"ada", {.ssh_keys = {kKey}}};
  with_key->users = {std::make_shared<const config::User>(ada)};
  Proof proof{.key = auth::parse_ssh_key(kKey)->blob, .token = {}, .judged = nullptr};
  CHECK_FALSE(admission.admits("ada", proof, WallTime{}));
  const Admission later(with_key, {.domain = "weir.example"});
  CHECK(later.admits("ada", proof, WallTime{}));
  CHECK(later.admits("ada", proof, WallTime{}));  // the same user: not looked at again
  CHECK_FALSE(admission.admits("ada", proof, WallTime{}));
}

TEST_CASE("an agent's host name is one label below the domain, and nobody else's") {
  const auto asked_by_name = [](std::string_view name, std::string_view hostname) {
    const auto place = admission().place_of_name("ada", name, hostname, Serves::kRequests);
    return place ? place->service + " " + place->url : place.error();
  };
  CHECK(asked_by_name("api", "") == "api http://api.weir.example");
  CHECK(asked_by_name("api", "Other.Weir.example") == "api http://other.weir.example");
  CHECK(asked_by_name("api", "books.weir.example") == "the name books.weir.example is another one's");
  for (const char* host : {"api.elsewhere.example", "weir.example", "a.b.weir.example", ".weir.example"}) {
    CAPTURE(host);
    CHECK(asked_by_name("api", host).contains("must be one label below weir.example"));
  }
  const Admission secure(snapshot(), {.domain = "weir.example", .ports = {.http = 8080, .https = 8443}});
  CHECK(secure.urls_of(*secure.place_of_name("ada", "api", "", Serves::kRequests)) ==
        std::vector<std::string>{"http://api.weir.example:8080", "https://api.weir.example:8443"});
}

}  // namespace
}  // namespace weir::tunnel
