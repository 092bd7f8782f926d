#include "oidc/flow.h"

#include <doctest/doctest.h>

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/task_group.h"
#include "oidc/fetch.h"
#include "oidc/tokens_fixture.h"
#include "testing/fake_env.h"
#include "testing/manual_time.h"
#include "testing/peer.h"

namespace weir::oidc {
namespace {

constexpr const char* kBack = "http://weir/back";

std::string document(const std::string& more = {}) {
  return R"({"issuer":"http://127.0.0.1:9700/id","authorization_endpoint":"https://id.example/login?a=b",
    "token_endpoint":"http://127.0.0.1:9700/token","jwks_uri":"http://127.0.0.1:9700/keys")" +
         more + "}";
}

// A provider that the test plays, request by request, and a task that asks it.
template <class T>
class Asked {
 public:
  Asked(testing::FakeEnv& fake, testing::PeerListener& provider, net::Task<T> task)
      : fake_(fake), provider_(provider), tasks_(fake.loop) {
    tasks_.spawn(keep(std::move(task), result));
    fake_.run_until_idle();
  }
  ~Asked() { CHECK(fake_.run(stop(tasks_))); }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  // The next request, answered. Empty: none has come.
  std::string answer(std::string_view status, std::string_view content) {
    fake_.run_until_idle();
    testing::Peer peer = provider_.accept();
    if (!peer.connected()) return {};
    std::string request = peer.take();
    peer.send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(content.size()) +
              "\r\nConnection: close\r\n\r\n" + std::string(content));
    fake_.run_until_idle();
    return request;
  }

  std::optional<T> result;

 private:
  static net::Task<void> keep(net::Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
  static net::Task<void> stop(net::TaskGroup& tasks) { co_await tasks.stop(); }

  testing::FakeEnv& fake_;
  testing::PeerListener& provider_;
  net::TaskGroup tasks_;
};

struct World {
  World() { key.fill(std::byte{3}); }
  auth::Digest key{};
  testing::FakeEnv fake;
  testing::PeerListener provider{fake, "127.0.0.1:9700"};
  Providers providers{fake.env};
  Client client{kIssuer, "weir", "s3cret/+"};
};

// As it is in the URL, not decoded.
std::string in_url(const std::string& url, const std::string& name) {
  const auto at = url.find(name + "=");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 1;
  return url.substr(begin, url.find('&', begin) - begin);
}

TEST_CASE("a parameter is decoded, and one that is there twice is none") {
  CHECK(parameter("a=b&return=%2Fx%3Fy%3D+z", "return") == "/x?y= z");
  CHECK(parameter("return=/a&return=/b", "return").empty());
  CHECK(parameter("return=%zz", "return").empty());
  CHECK(parameter("", "return").empty());
}

TEST_CASE("somebody is sent to the provider with all that the way back needs") {
  World it;
  Flow flow(it.fake.env, it.providers, it.key);
  Asked start(it.fake, it.provider, flow.start(it.client, "acme", kBack, "/services?a=1"));
  CHECK(start.answer("200 OK", document()).starts_with("GET /id/.well-known/openid-configuration HTTP/1.1"));
  REQUIRE(start.result);
  REQUIRE(*start.result);
  const std::string& location = (*start.result)->location;
  CHECK(
      location.starts_with("https://id.example/login?a=b&response_type=code&scope=openid%20email%20profile"));
  CHECK(in_url(location, "client_id") == "weir");
  CHECK(in_url(location, "redirect_uri") == "http%3A%2F%2Fweir%2Fback");
  CHECK(in_url(location, "code_challenge_method") == "S256");
  CHECK(in_url(location, "code_challenge").size() == 43);
  CHECK(in_url(location, "nonce").size() == 43);
  CHECK(location.find("s3cret") == std::string::npos);

  const std::string& cookie = (*start.result)->cookie;
  const auto begun = flow.read(cookie);
  REQUIRE(begun);
  CHECK(begun->name == "acme");
  CHECK(begun->return_to == "/services?a=1");
  CHECK(begun->state == in_url(location, "state"));
  // Another process with the same key reads it, one with another does not; nobody else can write one.
  CHECK(Flow(it.fake.env, it.providers, it.key).read(cookie));
  CHECK_FALSE(Flow(it.fake.env, it.providers, auth::Digest{}).read(cookie));
  CHECK_FALSE(flow.read(cookie.substr(1)));
  CHECK_FALSE(flow.read(cookie + "x"));
  CHECK_FALSE(flow.read(""));
  CHECK_FALSE(flow.read("."));
  CHECK_FALSE(flow.read(std::string(kFlowCookieBytesMax + 1, 'a')));
  it.fake.advance(kFlowLife + std::chrono::seconds(1));
  CHECK_FALSE(flow.read(cookie));
  // What the provider says of itself is not asked again.
  Asked again(it.fake, it.provider, flow.start(it.client, "acme", kBack, "//evil.example"));
  REQUIRE(again.result);
  REQUIRE(*again.result);
  CHECK(flow.read((*again.result)->cookie)->return_to == "/");
}

TEST_CASE("somebody who would be somebody else is asked who") {
  World it;
  Flow flow(it.fake.env, it.providers, it.key);
  Asked start(it.fake, it.provider, flow.start(it.client, "acme", kBack, "/", Account::kChosen));
  start.answer("200 OK", document());
  REQUIRE(start.result);
  REQUIRE(*start.result);
  CHECK(in_url((*start.result)->location, "prompt") == "select_account");
  CHECK(flow.read((*start.result)->cookie)->account == Account::kChosen);
  Asked anew(it.fake, it.provider, flow.start(it.client, "acme", kBack, "/", Account::kAnew));
  CHECK(in_url((*anew.result)->location, "prompt") == "login");
}

TEST_CASE("of a provider that says that it has no choice of accounts a login is wanted at once") {
  World it;
  Flow flow(it.fake.env, it.providers, it.key);
  Asked start(it.fake, it.provider, flow.start(it.client, "acme", kBack, "/", Account::kChosen));
  start.answer("200 OK", document(R"(,"prompt_values_supported":["none","login","consent"])"));
  REQUIRE(start.result);
  REQUIRE(*start.result);
  CHECK(in_url((*start.result)->location, "prompt") == "login");
  CHECK(parse_metadata(document(R"(,"prompt_values_supported":["login","select_account"])"), kIssuer)
            ->has_choice);
}

TEST_CASE("a provider that does not take the choice of an account is told apart from a refusal") {
  World it;
  Flow flow(it.fake.env, it.providers, it.key);
  const auto kind = [&](Account account, const std::string& query) {
    Asked finish(it.fake, it.provider, flow.finish(it.client, {"s", account, "acme", "/"}, kBack, query));
    REQUIRE(finish.result);
    REQUIRE_FALSE(*finish.result);
    return finish.result->error().kind;
  };
  CHECK(kind(Account::kChosen, "state=s&error=invalid_request") == Failure::Kind::kNoChoice);
  CHECK(kind(Account::kChosen, "state=s&error=account_selection_required") == Failure::Kind::kNoChoice);
  CHECK(kind(Account::kChosen, "state=s&error=access_denied") == Failure::Kind::kRefused);
  CHECK(kind(Account::kChosen, "state=t&error=invalid_request") == Failure::Kind::kRefused);
  CHECK(kind(Account::kAnew, "state=s&error=invalid_request") == Failure::Kind::kRefused);
  CHECK(kind(Account::kKnown, "state=s&error=invalid_request") == Failure::Kind::kRefused);
}

TEST_CASE("a provider that does not answer is asked so often at a time, and no more") {
  World it;
  std::list<Asked<Told<Metadata>>> waiting;
  for (std::size_t i = 0; i < Providers::kRequestsMax; ++i) {
    waiting.emplace_back(it.fake, it.provider, it.providers.metadata(kIssuer));
    CHECK_FALSE(waiting.back().result);
  }
  Asked refused(it.fake, it.provider, it.providers.metadata(kIssuer));
  REQUIRE(refused.result);
  REQUIRE_FALSE(*refused.result);
  CHECK(refused.result->error().sentence == "too many people are signing in; try again in a moment");
  waiting.pop_back();
  Asked again(it.fake, it.provider, it.providers.metadata(kIssuer));
  CHECK_FALSE(again.result);
}

TEST_CASE("only a path of this site is come back to") {
  CHECK(local_path("/a?b=c") == "/a?b=c");
  for (const char* other :
       {"", "a", "//evil.example", "https://evil.example", "/a\\b", "/a b", "/a\r\nSet-Cookie: x"}) {
    CHECK(local_path(other) == "/");
  }
  CHECK(local_path("/" + std::string(kReturnBytesMax, 'a')) == "/");
}

TEST_CASE("a way back that is not the one begun is refused before anything is asked") {
  World it;
  Flow flow(it.fake.env, it.providers, it.key);
  const Begun begun{"state-1", Account::kKnown, "acme", "/"};
  const auto why = [&](const std::string& query) {
    Asked finish(it.fake, it.provider, flow.finish(it.client, begun, kBack, query));
    REQUIRE(finish.result);
    REQUIRE_FALSE(*finish.result);
    CHECK_FALSE(finish.result->error().sentence.empty());
    return finish.result->error().reason;
  };
  const std::string issuer = kIssuer;
  CHECK(why("") == issuer + ": another state came back");
  CHECK(why("code=x&state=state-2") == issuer + ": another state came back");
  CHECK(why("code=x&state=state-1&state=state-1") == issuer + ": another state came back");
  CHECK(why("state=state-1") == issuer + ": no code came back");
  CHECK(why("state=state-1&code=%zz") == issuer + ": no code came back");
  CHECK(why("state=state-1&code=x&iss=https%3A%2F%2Fevil.example") ==
        issuer + ": another iss came back: https://evil.example");
  CHECK(why("state=state-1&error=access_denied%0a") == issuer + ": it refuses: access_denied?");
}

// One sign-in at a provider that has said what it is already.
struct Redeemed {
  std::string request;  // for the token
  std::string why;      // it did not work; empty: it did
  bool asked_keys = false;
};
Redeemed redeem(World& it, Providers& providers, const std::string& token, const std::string& keys,
                const std::string& nonce = "n-1") {
  Asked asked(it.fake, it.provider, providers.redeem(it.client, "c/1", kBack, "verifier", nonce));
  Redeemed redeemed;
  redeemed.request = asked.answer("200 OK", R"({"id_token":")" + token + R"("})");
  const std::string third = asked.answer("200 OK", keys);
  redeemed.asked_keys = third.starts_with("GET /keys ");
  REQUIRE(asked.result);
  if (!*asked.result) redeemed.why = asked.result->error().reason.substr(std::string(kIssuer).size() + 2);
  if (*asked.result) CHECK((*asked.result)->email == "bob@host.example");
  return redeemed;
}

TEST_CASE("a code becomes a person, when all that the provider says fits together") {
  World it;
  it.fake.clock.step_wall(kMade - testing::ManualClock::kWallStart);
  Providers providers(it.fake.env);
  {
    Asked first(it.fake, it.provider, providers.metadata(kIssuer));
    first.answer("200 OK", document());
  }
  const auto good = redeem(it, providers, kRs256, kKeys);
  CHECK(good.why == "");
  CHECK(good.asked_keys);
  CHECK(good.request.starts_with("POST /token HTTP/1.1"));
  CHECK(good.request.find("Authorization: Basic d2VpcjpzM2NyZXQlMkYlMkI=") != std::string::npos);
  CHECK(
      good.request.ends_with("grant_type=authorization_code&code=c%2F1&redirect_uri=http%3A%2F%2Fweir%2Fback"
                             "&code_verifier=verifier"));
  // Its keys are kept.
  const auto again = redeem(it, providers, kEdDsa, kKeys);
  CHECK(again.why == "");
  CHECK_FALSE(again.asked_keys);

  const auto why = [&](const std::string& token, const std::string& nonce = "n-1") {
    return redeem(it, providers, token, kKeys, nonce).why;
  };
  CHECK(why(kNone) == "its token: its alg is none of RS256, PS256, ES256 and EdDSA");
  CHECK(why(kHs256) == "its token: its alg is none of RS256, PS256, ES256 and EdDSA");
  CHECK(why(kOthersKey) == "its token: its signature is wrong");
  CHECK(why(kRs256, "n-2") == "its token: its nonce is another");
  CHECK(why(kUnknownKid) == "its token: none of its keys signs so");
  it.client.client_id = "other";
  CHECK(why(kRs256) == "its token: it is for somebody else (aud)");
  it.client.client_id = "weir";
  it.fake.advance(std::chrono::minutes(11));
  CHECK(why(kRs256) == "its token: it has expired");
}

TEST_CASE("keys that have changed are looked for, but not again and again") {
  World it;
  it.fake.clock.step_wall(kMade - testing::ManualClock::kWallStart);
  Providers providers(it.fake.env);
  {
    Asked first(it.fake, it.provider, providers.metadata(kIssuer));
    first.answer("200 OK", document());
  }
  const std::string none = R"({"keys":[]})";
  CHECK(redeem(it, providers, kEs256, none).why == "its token: none of its keys signs so");
  it.fake.advance(Providers::kKeysAgainAfter - std::chrono::seconds(1));
  CHECK_FALSE(redeem(it, providers, kEs256, kKeys).asked_keys);
  it.fake.advance(std::chrono::seconds(1));
  const auto changed = redeem(it, providers, kEs256, kKeys);
  CHECK(changed.asked_keys);
  CHECK(changed.why == "");
  it.fake.advance(Providers::kKeysAgainAfter);
  const auto large = redeem(it, providers, kUnknownKid, std::string(kKeySetBytesMax + 1, ' '));
  CHECK(large.why == "127.0.0.1:9700: the answer is too large");
}

TEST_CASE("a provider that is away, or says what it should not, fails the sign-in and nothing else") {
  World it;
  const auto why = [&](std::string_view status, const std::string& content) {
    Providers providers(it.fake.env);
    Asked asked(it.fake, it.provider, providers.metadata(kIssuer));
    asked.answer(status, content);
    REQUIRE(asked.result);
    REQUIRE_FALSE(*asked.result);
    CHECK(asked.result->error().kind == Failure::Kind::kProvider);
    return asked.result->error().reason.substr(std::string(kIssuer).size() + 2);
  };
  CHECK(why("404 Not Found", "") == "its discovery document has status 404");
  CHECK(why("302 Found", document()) == "its discovery document has status 302");
  CHECK(why("200 OK", "[]") == "its discovery document is no JSON object");
  CHECK(why("200 OK", R"({"issuer":"https://other.example"})") ==
        "its discovery document is another issuer's");
  CHECK(why("200 OK", std::string(Providers::kDocumentBytesMax + 1, ' ')) ==
        "127.0.0.1:9700: the answer is too large");
  CHECK(why("200 OK", R"({"issuer":"http://127.0.0.1:9700/id","authorization_endpoint":"javascript:1"})") ==
        "its authorization_endpoint must begin with https://");
  CHECK(why("200 OK", R"({"issuer":"http://127.0.0.1:9700/id","authorization_endpoint":"https://a",)"
                      R"("token_endpoint":"http://b/"})") == "its token_endpoint must begin with https://");
}

TEST_CASE("which addresses a provider may have") {
  const auto wrong = [](std::string_view text) {
    const auto url = Url::parse(text);
    return url ? "" : url.error();
  };
  CHECK(wrong("https://id.example") == "");
  CHECK(wrong("https://id.example:8443/a?b=c") == "");
  CHECK(wrong("http://127.0.0.1:3000/") == "");
  CHECK(wrong("http://localhost:3000/") == "");
  CHECK(wrong("http://id.example/") == "must begin with https://");
  CHECK(wrong("ftp://id.example/") == "must begin with https://");
  CHECK(wrong("https://") == "must name a host");
  CHECK(wrong("https://user@id.example/") == "must name a host");
  CHECK(wrong("https://id.example:0/") == "must have a port from 1 to 65535");
  CHECK(wrong("https://id.example/#a") == "must not have a fragment");
  CHECK(wrong("https://id.example/a b") == "has characters that no URL has");
  CHECK(wrong("https://id.example/" + std::string(kUrlBytesMax, 'a')) == "is too long");
  const auto url = Url::parse("https://[::1]:444/a?b");
  REQUIRE(url);
  CHECK(url->host.name == "::1");
  CHECK(url->host.port == 444);
  CHECK(url->path == "/a");
  CHECK(url->query == "b");
}

TEST_CASE("how the secret is sent is as the provider wants it") {
  const auto in_form = [](const std::string& methods) {
    const auto metadata = parse_metadata(document(methods), kIssuer);
    REQUIRE(metadata);
    return metadata->secret_in_form;
  };
  CHECK_FALSE(in_form(""));
  CHECK_FALSE(
      in_form(R"(,"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"])"));
  CHECK(in_form(R"(,"token_endpoint_auth_methods_supported":["client_secret_post"])"));
}

}  // namespace
}  // namespace weir::oidc
