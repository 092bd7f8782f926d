// The way to a provider of identities and back, as far as no provider takes part; lab/black_box has a real
// one.
#include <doctest/doctest.h>

#include <string>

#include "session/session_fixture.h"
#include "testing/peer.h"

namespace weir::session {
namespace {

TEST_CASE("a browser is sent to the organization's provider, and one that comes back uninvited is refused") {
  SessionFixture it;
  testing::PeerListener provider(it.fake, "127.0.0.1:9700");
  it.put(R"({"kind":"Organization","metadata":{"name":"sso"},"spec":{"sign_in":
         {"issuer":"http://127.0.0.1:9700","client_id":"weir","client_secret":"hidden"}}})");
  testing::Peer browser(it.fake, api::ApiFixture::kAddress);
  browser.send("GET /v1/session/oidc/sso?return=%2Fservices HTTP/1.1\r\nHost: weir\r\n\r\n");
  testing::Peer asked = provider.accept();
  REQUIRE(asked.connected());
  CHECK(asked.take().starts_with("GET /.well-known/openid-configuration HTTP/1.1\r\n"));
  const std::string document =
      R"({"issuer":"http://127.0.0.1:9700","authorization_endpoint":"https://id.example/a",
      "token_endpoint":"http://127.0.0.1:9700/t","jwks_uri":"http://127.0.0.1:9700/k"})";
  asked.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(document.size()) + "\r\n\r\n" + document);
  const auto sent = api::ApiFixture::parse(browser.take());
  CHECK(sent.status == 302);
  const std::string location = sent.field("Location");
  CHECK(location.starts_with("https://id.example/a?response_type=code&"));
  CHECK(location.find("redirect_uri=http%3A%2F%2Fweir%2Fv1%2Fsession%2Foidc%2Fsso%2Fcallback&") !=
        std::string::npos);
  CHECK(sent.field("Set-Cookie").starts_with("weir_sign_in="));
  CHECK(sent.field("Set-Cookie").find("HttpOnly; SameSite=Lax; Max-Age=600") != std::string::npos);
  const std::string cookie =
      "Cookie: weir_sign_in=" + SessionFixture::between(sent.head, "weir_sign_in=") + "\r\n";
  const auto back = [&](const std::string& organization, const std::string& fields) {
    return it.call("GET", "/v1/session/oidc/" + organization + "/callback?code=x&state=y", {}, fields);
  };
  CHECK(back("sso", "").status == 403);
  CHECK(back("sso", cookie).status == 403);   // another state
  CHECK(back("acme", cookie).status == 403);  // another organization's
  CHECK(back("sso", "").field("Content-Type") == "text/html; charset=utf-8");
  CHECK(it.call("GET", "/v1/session/oidc/nobody").status == 404);
}

TEST_CASE("a session by an organization's provider acts in that organization alone") {
  SessionFixture it;
  const auto begun = it.fake.run(it.calls.sessions().keeper().begin(
      {.user = "ann", .method = config::SessionMethod::kOpenId}, "acme", {}));
  REQUIRE(begun);
  REQUIRE(*begun);
  const std::string cookie = "Cookie: weir_session=" + (*begun)->secret + "\r\n";
  // Ann is the platform's admin, and no member of acme.
  CHECK(it.call("GET", "/v1/services", {}, cookie).status == 403);
  it.put(
      R"({"kind":"Organization","metadata":{"name":"acme"},"spec":{
         "members":[{"user":"ann","role":"viewer"}]}})");
  CHECK(it.call("GET", "/v1/services", {}, cookie).status == 200);
  CHECK(it.call("GET", "/v1/services", {}, cookie + "X-Weir-Organization: \r\n").status == 403);
  CHECK(it.call("GET", "/v1/services", {}, cookie + "X-Weir-Organization: rival\r\n").status == 403);
  const auto shown = it.call("GET", "/v1/session", {}, cookie);
  CHECK(shown.body.find(R"("role":"viewer","organization":"acme")") != std::string::npos);
  CHECK(shown.body.find("rival") == std::string::npos);
  // Nor does it change an account that is not the organization's.
  CHECK(it.call("GET", "/v1/session/user", {}, cookie).status == 403);
  it.put(R"({"kind":"User","metadata":{"name":"guest"},"spec":{"email":"guest@host.example"}})");
  it.put(R"({"kind":"Organization","metadata":{"name":"acme"},"spec":{
         "members":[{"user":"ann","role":"viewer"},{"user":"guest","role":"viewer"}]}})");
  const auto guest = it.fake.run(it.calls.sessions().keeper().begin(
      {.user = "guest", .method = config::SessionMethod::kOpenId}, "acme", {}));
  REQUIRE(guest);
  REQUIRE(*guest);
  CHECK(it.call("GET", "/v1/session/user", {}, "Cookie: weir_session=" + (*guest)->secret + "\r\n").status ==
        200);
  // Nor sees what she does elsewhere.
  const auto own = it.log_in("ann");
  CHECK(it.call("GET", "/v1/sessions", {}, cookie).body.find(own.session) == std::string::npos);
}

}  // namespace
}  // namespace weir::session
