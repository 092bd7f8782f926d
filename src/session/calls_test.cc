#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "auth/password.h"
#include "session/limits.h"
#include "session/session_fixture.h"

namespace weir::session {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("a password gives a cookie, with which the API is used until it is given up") {
  SessionFixture it;
  CHECK(it.call("GET", "/v1/session").status == 401);
  const auto answer = it.call("POST", "/v1/session", SessionFixture::login_body("ann"));
  REQUIRE(answer.status == 200);
  CHECK(answer.field("Set-Cookie").ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"));
  CHECK(answer.field("Cache-Control") == "no-store");
  CHECK(answer.field("X-Content-Type-Options") == "nosniff");
  CHECK(answer.body.find(R"("user":"ann")") != std::string::npos);
  CHECK(answer.body.find(R"("role":"admin","organization":"")") != std::string::npos);
  CHECK(answer.body.find(R"({"name":"acme","display_name":"Acme","role":"admin"})") != std::string::npos);
  CHECK(answer.body.find(R"("method":"password")") != std::string::npos);
  CHECK(answer.body.find("right") == std::string::npos);
  const auto browser = SessionFixture::browser_of(answer);
  CHECK(it.call("GET", "/v1/services", {}, browser.cookie).status == 200);
  const auto shown = it.call("GET", "/v1/session", {}, browser.cookie);
  CHECK(shown.status == 200);
  CHECK("X-Weir-CSRF: " + SessionFixture::between(shown.body, R"("csrf":")") + "\r\n" == browser.csrf);
  CHECK(it.call("DELETE", "/v1/session", {}, browser.cookie).status == 403);
  const auto out = it.call("DELETE", "/v1/session", {}, browser.both());
  CHECK(out.status == 204);
  CHECK(out.field("Set-Cookie").starts_with("weir_session=; Path=/;"));
  CHECK(out.field("Set-Cookie").find("Max-Age=0") != std::string::npos);
  CHECK(it.call("GET", "/v1/services", {}, browser.cookie).status == 401);
}

TEST_CASE("what is kept of a session gives no secret away, and the audit has its begin and its end") {
  SessionFixture it;
  const auto browser = it.log_in("ann");
  const std::string secret = SessionFixture::between(browser.cookie, "weir_session=");
  for (const char* prefix : {"sessions/", "events/"}) {
    const auto page = it.fake.run(it.world.store.list(prefix, "", 100));
    REQUIRE(page);
    REQUIRE(*page);
    REQUIRE((*page)->entries.size() == 1);
    CHECK((*page)->entries[0].value.find(secret.substr(16, 30)) == std::string::npos);
  }
  it.call("DELETE", "/v1/session", {}, browser.both());
  const auto events = it.call("GET", "/v1/events", {}, "Authorization: Bearer " + it.world.admin + "\r\n");
  CHECK(events.body.find(R"("actor":"ann","verb":"create","kind":"Session")") != std::string::npos);
  CHECK(events.body.find(R"("actor":"ann","verb":"delete","kind":"Session")") != std::string::npos);
  CHECK(events.body.find(R"("remote_address":"127.0.0.1")") != std::string::npos);
}

TEST_CASE("what another site's page asks is refused, and what has no token against that is not written") {
  SessionFixture it;
  const auto browser = it.log_in("ann");
  const std::string body = R"({"kind":"Service","metadata":{"name":"web"},"spec":{"protocol":"HTTP"}})";
  const auto post = [&](const std::string& fields) {
    return it.call("POST", "/v1/services", body, fields).status;
  };
  CHECK(post(browser.cookie) == 403);
  CHECK(post(browser.cookie + "X-Weir-CSRF: wrong\r\n") == 403);
  CHECK(post(browser.both() + "Origin: http://evil.example\r\n") == 403);
  CHECK(post(browser.both() + "Origin: null\r\n") == 403);
  CHECK(post(browser.both() + "Sec-Fetch-Site: cross-site\r\n") == 403);
  CHECK(post(browser.both() + "Sec-Fetch-Site: same-site\r\n") == 403);
  CHECK(post(browser.both() + "Sec-Fetch-Site: same-origin\r\nOrigin: http://proxy.example\r\n") == 201);
  CHECK(it.call("DELETE", "/v1/services/web", {}, browser.both() + "Origin: http://weir\r\n").status == 200);
  // Reading: only by following a link.
  const auto get = [&](const std::string& fields) {
    return it.call("GET", "/v1/services", {}, browser.cookie + fields).status;
  };
  CHECK(get("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n") == 403);
  CHECK(get("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n") == 200);
  // Logging somebody else in is nothing for another site's page either.
  const auto foreign =
      it.call("POST", "/v1/session", SessionFixture::login_body("ann"), "Origin: http://evil.example\r\n");
  CHECK(foreign.status == 403);
  CHECK(foreign.body.find("another site") != std::string::npos);
}

TEST_CASE("wrong passwords are slowed down, by address and by account, and tell nothing") {
  SessionFixture it;
  const auto wrong = it.call("POST", "/v1/session", SessionFixture::login_body("ann", "wrong"));
  const auto unknown = it.call("POST", "/v1/session", SessionFixture::login_body("who", "wrong"));
  CHECK(wrong.status == 401);
  CHECK(unknown.status == 401);
  const auto detail = [](const api::ApiAnswer& one) {
    return SessionFixture::between(one.body, R"("detail":")");
  };
  CHECK(detail(wrong) == detail(unknown));
  CHECK(it.call("POST", "/v1/session", SessionFixture::login_body("nobody", "wrong")).status == 401);
  for (int i = 0; i < auth::FailureThrottle::kFree; ++i) {
    it.call("POST", "/v1/session", SessionFixture::login_body("bob", "wrong"));
  }
  const auto waits = it.call("POST", "/v1/session", SessionFixture::login_body("bob"));
  CHECK(waits.status == 429);
  CHECK(waits.field("Retry-After") == "1");
  it.fake.advance(seconds(2));
  CHECK(it.call("POST", "/v1/session", SessionFixture::login_body("bob")).status == 200);
}

TEST_CASE("an account waits wherever its wrong passwords come from") {
  SessionFixture it;
  const auto wrong = [&](int times) {
    for (int i = 0; i < times; ++i)
      it.call("POST", "/v1/session", SessionFixture::login_body("bob", "wrong"));
    it.log_in("ann");  // the address is a good one again
  };
  wrong(5);
  wrong(6);
  const auto waits = it.call("POST", "/v1/session", SessionFixture::login_body("bob"));
  CHECK(waits.status == 429);
  CHECK(waits.body.find("for this account") != std::string::npos);
  it.fake.advance(seconds(2));
  CHECK(it.call("POST", "/v1/session", SessionFixture::login_body("bob")).status == 200);
}

TEST_CASE("content that is no login is refused, and what says why has nothing of it") {
  SessionFixture it;
  for (const char* body :
       {"[]", "{}", R"({"email":"a@b.example"})", R"({"email":"a","password":"b","token":"c"})",
        R"({"token":7})", R"({"tokens":"x"})"}) {
    CHECK(it.call("POST", "/v1/session", body).status == 400);
  }
  CHECK(it.call("POST", "/v1/session", R"({"token":"weir_wrong"})").status == 401);
  CHECK(it.call("PATCH", "/v1/session", "{}").status == 405);
  CHECK(it.call("GET", "/v1/session/nothing").status == 404);
  const std::string form = "Content-Type: text/plain\r\n";
  testing::Peer peer(it.fake, api::ApiFixture::kAddress);
  peer.send(it.world.text_of("POST", "/v1/session", "{}", form));
  CHECK(api::ApiFixture::parse(peer.take()).status == 415);
}

TEST_CASE("a token becomes a session that may as much and ends with the token") {
  SessionFixture it;
  it.put(R"({"kind":"Token","metadata":{"name":"root","uid":"t-root"},"spec":{"role":"admin","hash":")" +
         api::ApiFixture::token_of(1).hash.to_text() + R"("}})");
  const auto browser = it.log_in_by_token(it.world.admin);
  const auto shown = it.call("GET", "/v1/session", {}, browser.cookie);
  CHECK(shown.body.find(R"("user":"","token":"root")") != std::string::npos);
  CHECK(shown.body.find(R"("method":"token")") != std::string::npos);
  CHECK(it.call("GET", "/v1/tokens", {}, browser.cookie).status == 200);
  it.remove(config::Kind::kToken, "root");
  CHECK(it.call("GET", "/v1/tokens", {}, browser.cookie).status == 401);
  it.put(R"({"kind":"Token","metadata":{"name":"root","uid":"t-2"},"spec":{"role":"admin","hash":")" +
         api::ApiFixture::token_of(1).hash.to_text() + R"("}})");
  CHECK(it.call("GET", "/v1/tokens", {}, browser.cookie).status == 401);
}

TEST_CASE("a session ends when its user is disabled, gone, or has another password") {
  SessionFixture it;
  const auto works = [&](const SessionFixture::Browser& browser) {
    return it.call("GET", "/v1/services", {}, browser.cookie).status == 200;
  };
  auto browser = it.log_in("ann");
  CHECK(works(browser));
  it.put(SessionFixture::user("ann", R"(,"role":"admin","disabled":true)"));
  CHECK_FALSE(works(browser));
  it.put(SessionFixture::user("ann", R"(,"role":"admin")"));
  CHECK(works(browser));
  it.put(
      R"({"kind":"User","metadata":{"name":"ann","uid":"u-ann"},"spec":{
         "email":"ann@host.example","role":"admin",
         "password":")" +
      *auth::hash_password("right") + "\"}}");
  CHECK_FALSE(works(browser));
  browser = it.log_in("ann");
  CHECK(works(browser));
  it.remove(config::Kind::kUser, "ann");
  CHECK_FALSE(works(browser));
}

TEST_CASE("a session lives a day without use, and a month with it") {
  SessionFixture it;
  const auto browser = it.log_in("ann");
  const auto status = [&] { return it.call("GET", "/v1/services", {}, browser.cookie).status; };
  for (int day = 0; day < 29; ++day) {
    it.fake.advance(hours(23));
    REQUIRE(status() == 200);
  }
  it.fake.advance(hours(24) + minutes(1));
  CHECK(status() == 401);
  const auto again = it.log_in("ann");
  for (int day = 0; day < 31; ++day) {
    it.fake.advance(hours(23));
    it.call("GET", "/v1/services", {}, again.cookie);
  }
  it.fake.advance(hours(10));
  CHECK(it.call("GET", "/v1/services", {}, again.cookie).status == 401);
}

TEST_CASE("who belongs to several organizations says which, and sees nothing of others") {
  SessionFixture it;
  const auto eve = it.log_in("eve");
  const auto services = [&](const std::string& fields, const std::string& query = {}) {
    return it.call("GET", "/v1/services" + query, {}, eve.cookie + fields).status;
  };
  CHECK(services("") == 400);
  CHECK(services("X-Weir-Organization: acme\r\n") == 200);
  CHECK(services("", "?organization=rival") == 200);
  CHECK(services("X-Weir-Organization: \r\n") == 403);
  CHECK(services("X-Weir-Organization: other\r\n") == 403);
  CHECK(services("", "?organization=%zz") == 400);
  const auto shown = it.call("GET", "/v1/session", {}, eve.cookie + "X-Weir-Organization: rival\r\n");
  CHECK(shown.body.find(R"("role":"owner","organization":"rival")") != std::string::npos);
  // Who is in one needs not say it.
  const auto bob = it.call("GET", "/v1/session", {}, it.log_in("bob").cookie);
  CHECK(bob.body.find(R"("role":"admin","organization":"acme")") != std::string::npos);
  // Who leaves is out at once.
  it.put(R"({"kind":"Organization","metadata":{"name":"acme"},"spec":{"members":[]}})");
  CHECK(services("X-Weir-Organization: acme\r\n") == 403);
}

TEST_CASE("everybody sees and ends his own sessions, admins those of their organization") {
  SessionFixture it;
  const auto ann = it.log_in("ann");
  const auto bob = it.log_in("bob");
  const auto eve = it.log_in("eve");
  const std::string in_acme = "X-Weir-Organization: acme\r\n";
  const auto listed = it.call("GET", "/v1/sessions", {}, eve.cookie + in_acme);
  CHECK(listed.status == 200);
  CHECK(listed.body.find(eve.session) != std::string::npos);
  CHECK(listed.body.find(ann.session) == std::string::npos);
  CHECK(listed.body.find(bob.session) == std::string::npos);
  CHECK(listed.body.find("last_seen_at") != std::string::npos);
  CHECK(listed.body.find("sha256:") == std::string::npos);
  CHECK(it.call("GET", "/v1/sessions/" + ann.session, {}, eve.cookie + in_acme).status == 404);
  CHECK(it.call("DELETE", "/v1/sessions/" + ann.session, {}, eve.both() + in_acme).status == 404);
  CHECK(it.call("DELETE", "/v1/sessions/" + eve.session, {}, eve.both() + in_acme).status == 200);
  CHECK(it.call("GET", "/v1/session", {}, eve.cookie).status == 401);
  // The platform's admin sees and ends all.
  const auto all = it.call("GET", "/v1/sessions", {}, ann.cookie);
  CHECK(all.body.find(bob.session) != std::string::npos);
  CHECK(it.call("DELETE", "/v1/sessions/" + bob.session, {}, ann.both()).status == 200);
  CHECK(it.call("GET", "/v1/session", {}, bob.cookie).status == 401);
  CHECK(it.call("DELETE", "/v1/sessions/" + bob.session, {}, ann.both()).status == 404);
}

TEST_CASE("what outlives its request ends with its session") {
  SessionFixture it;
  const auto ann = it.log_in("ann");
  auth::Identity caller{.token = {}, .role = auth::Role::kAdmin, .user = "ann"};
  caller.session = ann.session;
  CHECK(it.calls.sessions().is_valid(caller));
  auto more = caller;
  more.role = auth::Role::kOwner;
  CHECK_FALSE(it.calls.sessions().is_valid(more));
  it.call("DELETE", "/v1/session", {}, ann.both());
  CHECK_FALSE(it.calls.sessions().is_valid(caller));
}

TEST_CASE("sessions that have ended are removed, and one user's are so many") {
  SessionFixture it;
  const auto count = [&] { return it.world.mirror.objects().of(config::Kind::kSession).size(); };
  const auto first = it.log_in("ann");
  it.fake.advance(seconds(1));
  for (std::size_t i = 1; i <= kSessionsOfOneMax; ++i) {
    const auto begun = it.fake.run(it.calls.sessions().keeper().begin(
        {.user = "ann", .expires_at = it.fake.clock.wall_now() + hours(24)}, {}, {"ann", {}}));
    REQUIRE(begun);
    REQUIRE(*begun);
  }
  CHECK(count() == kSessionsOfOneMax);
  CHECK(it.call("GET", "/v1/session", {}, first.cookie).status == 401);
  it.fake.advance(kIdleMax + seconds(1));
  const auto swept = it.fake.run(it.calls.sessions().sweep());
  REQUIRE(swept);
  REQUIRE(*swept);
  CHECK(**swept == kSessionsOfOneMax);
  CHECK(count() == 0);
}

TEST_CASE("a bearer of the API is told who it is, too") {
  SessionFixture it;
  const auto shown = it.call("GET", "/v1/session", {}, "Authorization: Bearer " + it.world.viewer + "\r\n");
  CHECK(shown.status == 200);
  CHECK(shown.body.find(R"("user":"","token":"reader","role":"viewer")") != std::string::npos);
}

TEST_CASE("how one can log in is told to everybody") {
  SessionFixture it;
  it.put(R"({"kind":"Organization","metadata":{"name":"sso"},"spec":{"sign_in":
         {"issuer":"https://id.example","client_id":"weir","client_secret":"hidden",
          "display_name":"Example"}}})");
  const auto told = it.call("GET", "/v1/session/methods");
  CHECK(told.status == 200);
  CHECK(told.body == R"({"password":true,"token":true,"oidc":[{"name":"sso",)"
                     R"("display_name":"Example","start":"/v1/session/oidc/sso"}]})"
                     "\n");
}

}  // namespace
}  // namespace weir::session
