#include <doctest/doctest.h>

#include <string>

#include "session/session_fixture.h"

namespace weir::session {
namespace {

constexpr const char* kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq eve@laptop";

TEST_CASE("people change their own name, keys and password, and nothing else") {
  SessionFixture it;
  const auto bob = it.log_in("bob");
  const auto other = it.log_in("bob");
  const auto shown = it.call("GET", "/v1/session/user", {}, bob.cookie);
  CHECK(shown.status == 200);
  CHECK(shown.body == R"({"name":"bob","email":"bob@host.example","display_name":"","has_password":true,)"
                      R"("ssh_keys":[],"providers":[]})"
                      "\n");
  const auto change = [&](const std::string& body) {
    return it.call("PATCH", "/v1/session/user", body, bob.both());
  };
  const auto changed = change(R"({"display_name":"Bob","ssh_keys":[")" + std::string(kKey) + R"("]})");
  CHECK(changed.status == 200);
  CHECK(changed.body.find(R"("display_name":"Bob")") != std::string::npos);
  CHECK(changed.body.find(kKey) != std::string::npos);
  CHECK(change(R"({"role":"owner"})").status == 400);
  CHECK(change(R"({"ssh_keys":["rubbish"]})").status == 422);
  CHECK(change(R"({"ssh_keys":["cert-authority )" + std::string(kKey) + R"("]})").status == 422);
  CHECK(it.call("PATCH", "/v1/session/user", "{}", bob.cookie).status == 403);

  CHECK(change(R"({"password":"another one","old_password":"wrong"})").status == 422);
  CHECK(change(R"({"password":"another one"})").status == 422);
  CHECK(change(R"({"password":"another one","old_password":"right"})").status == 200);
  // It goes on where it was changed, and has ended elsewhere.
  CHECK(it.call("GET", "/v1/session", {}, bob.cookie).status == 200);
  CHECK(it.call("GET", "/v1/session", {}, other.cookie).status == 401);
  CHECK(it.call("POST", "/v1/session", SessionFixture::login_body("bob")).status == 401);
  CHECK(it.call("POST", "/v1/session", SessionFixture::login_body("bob", "another one")).status == 200);
}

TEST_CASE("a token is nobody's account") {
  SessionFixture it;
  const auto by_token =
      it.call("GET", "/v1/session/user", {}, "Authorization: Bearer " + it.world.admin + "\r\n");
  CHECK(by_token.status == 403);
  CHECK(it.call("GET", "/v1/session/user").status == 401);
}

}  // namespace
}  // namespace weir::session
