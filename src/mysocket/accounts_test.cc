#include "mysocket/accounts.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "mysocket/mysocket_fixture.h"

namespace weir::mysocket {
namespace {

using Tree = nlohmann::json;

Tree json_of(const api::ApiAnswer& answer) { return Tree::parse(answer.body, nullptr, false); }

api::ApiAnswer call(MysocketFixture& world, std::string_view method, std::string_view target,
                    const Tree& body = {}, const std::string& token = {}) {
  return world.call(method, target, body.is_null() ? "" : body.dump(), token);
}
using namespace std::chrono_literals;

std::string part(std::string_view json) { return auth::to_base64url(auth::bytes_of(json)); }

TEST_CASE("a user's name is its id without dashes, when it is a UUID") {
  CHECK(user_id_of("3f0e4a3c5d0b4b9e8f570d6c1f0f9a11") == "3f0e4a3c-5d0b-4b9e-8f57-0d6c1f0f9a11");
  CHECK(name_of_user("3f0e4a3c-5d0b-4b9e-8f57-0d6c1f0f9a11") == "3f0e4a3c5d0b4b9e8f570d6c1f0f9a11");
  CHECK(user_id_of("eve") == "eve");
  CHECK(name_of_user("eve") == "eve");
  // Two ids are never of one user.
  CHECK(name_of_user("eve-1") == "eve-1");
  CHECK(name_of_user("3f0e4a3c5d0b-4b9e-8f57-0d6c1f0f9a11") == "3f0e4a3c5d0b-4b9e-8f57-0d6c1f0f9a11");
}

TEST_CASE("account create, login, account show") {
  MysocketFixture world;
  const auto made = call(world, "POST", "/user",
                         {{"name", "Eve"},
                          {"email", "Eve@host.example"},
                          {"password", "correct horse"},
                          {"sshkey", std::string(kKey) + "\n"}});
  CHECK(made.status == 200);
  CHECK(made.field("Content-Type") == "application/json");
  const auto login =
      call(world, "POST", "/login", {{"email", "eve@HOST.example"}, {"password", "correct horse"}});
  CHECK(login.status == 200);
  CHECK(login.field("Cache-Control") == "no-store");
  const std::string token = json_of(login)["token"];
  const auto claims = Tree::parse(*auth::from_base64url(token.substr(37, token.rfind('.') - 37)));
  CHECK(claims["exp"].get<int>() - claims["iat"].get<int>() == 300 * 60);

  const std::string id = claims["user_id"];
  const auto shown = call(world, "GET", "/user/" + id, {}, token);
  CHECK(shown.status == 200);
  const Tree user = json_of(shown);
  std::string name = id;
  std::erase(name, '-');
  CHECK(user == Tree{{"name", "Eve"},
                     {"email", "Eve@host.example"},
                     {"user_id", id},
                     {"user_name", name},
                     {"sshkey", kKey}});
  CHECK(json_of(made) == user);
  // Both ways to present a token.
  const std::string bearer = "Authorization: Bearer " + token + "\r\n";
  CHECK(world.call_with(bearer, "GET", "/user/" + id).body == shown.body);
  CHECK(call(world, "GET", "/user/" + name, {}, token).body == shown.body);
  CHECK(call(world, "GET", "/user/somebody", {}, token).status == 404);

  // What the store has of it, and what the API and the audit show.
  const auto stored = world.world.mirror.objects().find(config::Kind::kUser, name);
  REQUIRE(stored);
  CHECK(std::get<config::UserSpec>(stored->spec).password.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  for (const char* path : {"/v1/users", "/v1/events"}) {
    const std::string seen = world.world.call("GET", path).body;
    CHECK(seen.contains(name));
    CHECK_FALSE(seen.contains("argon2"));
    CHECK_FALSE(seen.contains("correct horse"));
  }
  CHECK(world.administer("GET", "/v1/events").body.contains("\"actor\":\"user/" + name + "\""));
}

TEST_CASE("what a new account is refused for, in words for who asks") {
  MysocketFixture world;
  world.sign_up("eve", kKey);
  const Tree good{{"name", "Bob"}, {"email", "bob@x"}, {"password", "12345678"}, {"sshkey", ""}};
  struct Case {
    Tree change;
    int status;
    const char* message;
  };
  for (const Case& one : {
           Case{{{"email", "EVE@host.example"}}, 422, "email is that of another account"},
           Case{{{"sshkey", kKey}}, 422, "sshkey is that of another account"},
           Case{{{"email", "bob"}}, 422, "email must be an e-mail address such as eve@host.example"},
           Case{{{"password", "1234567"}}, 422, "password must have at least 8 characters"},
           Case{{{"sshkey", "ssh-dss AAAA"}},
                422,
                "sshkey is of the type ssh-dss, which is not taken; ssh-keygen -t ed25519 makes one that is"},
           Case{{{"sshkey", std::string("cert-authority ") + kKey}},
                422,
                "sshkey has options before the key; only the key itself is taken"},
           Case{{{"sshkey", "cert-authority,principals=\"ada\" " + std::string(kKey)}},
                422,
                "sshkey has options before the key; only the key itself is taken"},
           Case{{{"email", ""}}, 400, "email is needed"},
           Case{{{"name", 5}}, 400, "name must be a text"},
           Case{{{"name", "a\nb"}}, 400, "name has a control character in it"},
       }) {
    Tree body = good;
    body.update(one.change);
    const auto answer = call(world, "POST", "/user", body);
    CAPTURE(answer.body);
    CHECK(answer.status == one.status);
    CHECK(json_of(answer) == Tree{{"error_message", one.message}, {"status_code", one.status}});
  }
  CHECK(call(world, "POST", "/user", Tree::array()).status == 400);
  CHECK(world.call_with("Authorization: \r\nContent-Type: text/plain\r\n", "POST", "/user", good.dump())
            .status == 415);
  CHECK(call(world, "POST", "/user", good).status == 200);
}

TEST_CASE("nobody signs up where that is closed, nor again and again from one address") {
  SUBCASE("closed") {
    MysocketFixture world(false);
    const auto answer = call(world, "POST", "/user", {{"email", "eve@x"}, {"password", "12345678"}});
    CHECK(answer.status == 403);
    CHECK(answer.body.contains("an administrator makes accounts"));
  }
  SUBCASE("again and again") {
    MysocketFixture world;
    for (int i = 0; i <= auth::FailureThrottle::kFree; ++i) {
      CHECK(world.sign_up("u" + std::to_string(i)).status == 200);
    }
    const auto answer = call(world, "POST", "/user", {{"email", "v@x"}, {"password", "12345678"}});
    CHECK(answer.status == 429);
    CHECK(answer.field("Retry-After") == "1");
    world.fake.advance(1s);
    CHECK(world.sign_up("v").status == 200);
  }
}

TEST_CASE("a wrong password, an unknown address and a disabled account are refused alike") {
  MysocketFixture world;
  world.sign_up("eve");
  const Tree made = json_of(world.sign_up("bob"));
  const std::string path = "/v1/users/" + made["user_name"].get<std::string>();
  CHECK(world.administer("PATCH", path, R"({"spec":{"disabled":true}})").status == 200);
  for (const Tree& body :
       {Tree{{"email", "eve@host.example"}, {"password", "password of bob"}},
        Tree{{"email", "eve@host.example"}, {"password", ""}},
        Tree{{"email", "nobody@host.example"}, {"password", "password of eve"}},
        Tree{{"email", "bob@host.example"}, {"password", "password of bob"}}, Tree::object()}) {
    const auto answer = call(world, "POST", "/login", body);
    CAPTURE(body.dump());
    CHECK(answer.status == 401);
    CHECK(json_of(answer) ==
          Tree{{"error_message", "that e-mail address and password are not known"}, {"status_code", 401}});
  }
}

TEST_CASE("who guesses passwords waits, and is told how long") {
  MysocketFixture world;
  world.sign_up("eve");
  const Tree wrong{{"email", "eve@host.example"}, {"password", "a guess"}};
  for (int i = 0; i <= auth::FailureThrottle::kFree; ++i)
    CHECK(call(world, "POST", "/login", wrong).status == 401);
  const auto waits = call(world, "POST", "/login", wrong);
  CHECK(waits.status == 429);
  CHECK(waits.field("Retry-After") == "1");
  CHECK(world.log_in("eve").empty());
  world.fake.advance(1s);
  CHECK_FALSE(world.log_in("eve").empty());
}

TEST_CASE("a token that is not good opens nothing") {
  MysocketFixture world;
  const std::string token = world.account("eve");
  const Tree made = json_of(world.sign_up("bob"));
  const std::string eve = world.world.mirror.objects().user_of_email("eve@host.example")->metadata.name;
  const auto status = [&](const std::string& text) { return call(world, "GET", "/socket", {}, text).status; };
  REQUIRE(status(token) == 200);
  const std::string id = user_id_of(eve);
  const std::string claims = token.substr(0, token.rfind('.'));
  auth::Digest other{};
  CHECK(status("") == 401);
  CHECK(call(world, "GET", "/socket").field("WWW-Authenticate") == "Bearer realm=\"weir\"");
  CHECK(status("nonsense") == 401);
  CHECK(status(world.world.admin) == 401);
  CHECK(status(part(R"({"alg":"none","typ":"JWT"})") + claims.substr(claims.find('.')) + '.') == 401);
  CHECK(status(auth::make_account_token(id, world.fake.loop.clock().wall_now(), other)) == 401);
  CHECK(status(auth::make_account_token("nobody", world.fake.loop.clock().wall_now(), other)) == 401);
  // Signed as Bob's tokens are.
  const auto bob = world.world.mirror.objects().user_of_email("bob@host.example");
  const auto options = MysocketFixture::options(true);
  CHECK(status(auth::make_account_token(id, world.fake.loop.clock().wall_now(),
                                        auth::account_key(options.key, bob->metadata.name,
                                                          std::get<config::UserSpec>(bob->spec).password))) ==
        401);
  // On the API itself it opens nothing, and says so.
  const auto at_api = world.call_with("Authorization: Bearer " + token + "\r\n", "GET", "/v1/services");
  CHECK(at_api.status == 403);
  CHECK(at_api.body.contains("the token of an account is for its own sockets"));

  SUBCASE("its time is over") {
    world.fake.advance(300min - 1s);
    CHECK(status(token) == 200);
    world.fake.advance(1s);
    CHECK(status(token) == 401);
  }
  SUBCASE("the password is another one by now") {
    CHECK(world.administer("PATCH", "/v1/users/" + eve, R"({"spec":{"password":"a new one"}})").status ==
          200);
    CHECK(status(token) == 401);
    CHECK(call(world, "POST", "/login", {{"email", "eve@host.example"}, {"password", "a new one"}}).status ==
          200);
  }
  SUBCASE("the account is disabled") {
    CHECK(world.administer("PATCH", "/v1/users/" + eve, R"({"spec":{"disabled":true}})").status == 200);
    CHECK(status(token) == 401);
  }
  SUBCASE("the account is gone") {
    CHECK(world.administer("DELETE", "/v1/users/" + eve).status == 200);
    CHECK(status(token) == 401);
  }
}

TEST_CASE("administrators make accounts, whose passwords are hashed, too") {
  MysocketFixture world(false);
  const std::string eve = R"({"kind":"User","metadata":{"name":"eve"},"spec":{"email":"eve@host.example",)"
                          R"("password":"password of eve"}})";
  const auto made = world.call_with("", "PUT", "/v1/users/eve", eve);
  CHECK(made.status == 201);
  CHECK_FALSE(made.body.contains("password"));
  const std::string token = world.log_in("eve");
  CHECK(call(world, "GET", "/user/eve", {}, token).status == 200);
  // Without one, it stays; a hash is a password like any other; a bad one is refused.
  CHECK(world
            .administer("PUT", "/v1/users/eve",
                        R"({"kind":"User","metadata":{"name":"eve"},"spec":{"email":"eve@host.example"}})")
            .status == 200);
  CHECK_FALSE(world.log_in("eve").empty());
  CHECK(
      world
          .administer("PATCH", "/v1/users/eve", R"({"spec":{"password":"$argon2id$v=19$m=8,t=1,p=1$AA$AA"}})")
          .status == 200);
  CHECK(world.log_in("eve").empty());
  CHECK(call(world, "POST", "/login",
             {{"email", "eve@host.example"}, {"password", "$argon2id$v=19$m=8,t=1,p=1$AA$AA"}})
            .status == 200);
  CHECK(world.administer("PATCH", "/v1/users/eve", R"({"spec":{"password":"short"}})").status == 422);
  CHECK(world.administer("PATCH", "/v1/users/eve", R"({"spec":{"password":5}})").status == 422);
  CHECK(world.log_in("eve").empty());
  std::string many = "[";
  for (int i = 0; i < 17; ++i) {
    many += (i == 0 ? "" : ",") + std::string(R"({"kind":"User","metadata":{"name":"u)") + std::to_string(i) +
            R"("},"spec":{"email":"u)" + std::to_string(i) + R"(@x","password":"12345678"}})";
  }
  CHECK(world.call_with("", "POST", "/v1/apply", many + "]").body.contains("more than 16 passwords"));
}

}  // namespace
}  // namespace weir::mysocket
