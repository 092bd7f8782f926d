#include <doctest/doctest.h>

#include <string>

#include "session/limits.h"
#include "session/session_fixture.h"

namespace weir::session {
namespace {

using Fixture = SessionFixture;

constexpr const char* kForm =
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=";

struct Device {
  std::string code;
  std::string user_code;
};

Device ask(Fixture& it, const std::string& name = "laptop") {
  const auto answer = it.call("POST", "/v1/device/code", R"({"device":")" + name + R"("})");
  REQUIRE(answer.status == 200);
  CHECK(answer.body.find(R"("verification_uri":"http://weir/device")") != std::string::npos);
  CHECK(answer.body.find(R"("expires_in":600,"interval":5)") != std::string::npos);
  return {Fixture::between(answer.body, R"("device_code":")"),
          Fixture::between(answer.body, R"("user_code":")")};
}

api::ApiAnswer poll(Fixture& it, const Device& device) {
  it.fake.advance(kPollInterval);
  return it.call("POST", "/v1/device/token",
                 R"({"grant_type":"urn:ietf:params:oauth:grant-type:device_code","device_code":")" +
                     device.code + R"("})");
}

std::string error_of(const api::ApiAnswer& answer) {
  return answer.status == 400 ? Fixture::between(answer.body, R"("error":")") : "";
}

TEST_CASE("a device gets a token of its own once somebody has approved it") {
  Fixture it;
  const Device device = ask(it);
  REQUIRE(device.user_code.size() == 9);
  CHECK(device.user_code[4] == '-');
  CHECK(device.user_code.find_first_of("AEIOU01") == std::string::npos);
  CHECK(error_of(poll(it, device)) == "authorization_pending");
  CHECK(it.call("GET", "/v1/services", {}, "Authorization: Bearer " + device.code + "\r\n").status == 401);

  const auto bob = it.log_in("bob");
  const auto seen = it.call("GET", "/v1/device?user_code=" + device.user_code, {}, bob.cookie);
  CHECK(seen.status == 200);
  CHECK(seen.body.find(R"("device":"laptop","remote_address":"127.0.0.1")") != std::string::npos);
  const std::string approval = R"({"user_code":" )" + to_lower(device.user_code) + R"("})";
  CHECK(it.call("POST", "/v1/device/approve", approval, bob.cookie).status == 403);
  CHECK(it.call("POST", "/v1/device/approve", approval).status == 401);
  CHECK(it.call("POST", "/v1/device/approve", approval, bob.both()).status == 200);
  CHECK(it.call("POST", "/v1/device/approve", approval, bob.both()).status == 404);

  it.fake.advance(kPollInterval);
  testing::Peer peer(it.fake, api::ApiFixture::kAddress);
  peer.send(it.world.text_of("POST", "/v1/device/token", kForm + device.code,
                             "Content-Type: application/x-www-form-urlencoded\r\n"));
  const auto answer = api::ApiFixture::parse(peer.take());
  REQUIRE(answer.status == 200);
  const std::string token = Fixture::between(answer.body, R"("access_token":")");
  CHECK(answer.body.find(R"("token_type":"Bearer")") != std::string::npos);
  CHECK(token != device.code);
  const std::string bearer = "Authorization: Bearer " + token + "\r\n";
  CHECK(it.call("GET", "/v1/services", {}, bearer).status == 200);
  const auto who = it.call("GET", "/v1/session", {}, bearer);
  CHECK(who.body.find(R"("user":"bob")") != std::string::npos);
  CHECK(who.body.find(R"("method":"device")") != std::string::npos);
  // A program needs nothing against other sites' pages, and ends its session itself.
  CHECK(it.call("DELETE", "/v1/session", {}, bearer).status == 204);
  CHECK(it.call("GET", "/v1/services", {}, bearer).status == 401);
  CHECK(error_of(poll(it, device)) == "expired_token");
}

TEST_CASE("a device that is refused, late or in a hurry is told so") {
  Fixture it;
  const auto bob = it.log_in("bob");
  const Device refused = ask(it);
  CHECK(it.call("POST", "/v1/device/approve",
                R"({"user_code":")" + refused.user_code + R"(","approve":false})", bob.both())
            .status == 200);
  CHECK(error_of(poll(it, refused)) == "access_denied");
  CHECK(error_of(poll(it, refused)) == "expired_token");

  const Device hasty = ask(it);
  CHECK(error_of(poll(it, hasty)) == "authorization_pending");
  const std::string body = R"({"grant_type":"urn:ietf:params:oauth:grant-type:device_code","device_code":")" +
                           hasty.code + R"("})";
  CHECK(error_of(it.call("POST", "/v1/device/token", body)) == "slow_down");
  CHECK(error_of(it.call("POST", "/v1/device/token", R"({"grant_type":"password","device_code":"x"})")) ==
        "unsupported_grant_type");

  it.fake.advance(kCodeLife);
  CHECK(error_of(poll(it, hasty)) == "expired_token");
  CHECK(it.call("POST", "/v1/device/approve", R"({"user_code":")" + hasty.user_code + R"("})", bob.both())
            .status == 404);
  REQUIRE(it.fake.run(it.calls.sessions().sweep()));
  for (const auto& one : it.world.mirror.objects().of(config::Kind::kSession)) {
    CHECK(std::get<config::SessionSpec>(one->spec).method == config::SessionMethod::kPassword);
  }
}

TEST_CASE("codes are not guessed, and not asked for without end") {
  Fixture it;
  const auto bob = it.log_in("bob");
  int status = 0;
  for (int i = 0; i <= auth::FailureThrottle::kFree + 1; ++i) {
    status = it.call("POST", "/v1/device/approve", R"({"user_code":"BBBB-BBBB"})", bob.both()).status;
    if (i < auth::FailureThrottle::kFree) CHECK(status == 404);
  }
  CHECK(status == 429);
  for (int i = 0; i <= auth::FailureThrottle::kFree + 1; ++i) {
    status = it.call("POST", "/v1/device/code", "{}").status;
  }
  CHECK(status == 429);
}

TEST_CASE("a device approved by a token is no more than the token, and ends with it") {
  Fixture it;
  it.put(R"({"kind":"Token","metadata":{"name":"reader","uid":"t-reader"},"spec":{"role":"viewer","hash":")" +
         api::ApiFixture::token_of(2).hash.to_text() + R"("}})");
  const Device device = ask(it);
  const std::string by_token = "Authorization: Bearer " + it.world.viewer + "\r\n";
  REQUIRE(it.call("POST", "/v1/device/approve", R"({"user_code":")" + device.user_code + R"("})", by_token)
              .status == 200);
  const auto answer = poll(it, device);
  REQUIRE(answer.status == 200);
  const std::string bearer =
      "Authorization: Bearer " + Fixture::between(answer.body, R"("access_token":")") + "\r\n";
  CHECK(it.call("GET", "/v1/services", {}, bearer).status == 200);
  CHECK(it.call("GET", "/v1/tokens", {}, bearer).status == 403);
  it.remove(config::Kind::kToken, "reader");
  CHECK(it.call("GET", "/v1/services", {}, bearer).status == 401);
}

}  // namespace
}  // namespace weir::session
