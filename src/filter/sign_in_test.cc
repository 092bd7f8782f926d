#include <string>

#include "config/kinds.h"
#include "filter/filter_fixture.h"
#include "filter/visitor.h"
#include "oidc/flow.h"
#include "testing/peer.h"

namespace weir::filter {
namespace {

constexpr const char* kIssuer = "http://127.0.0.1:9700/id";
constexpr const char* kSecret = "a secret of the client";
const std::string kPage = "Accept: text/html,*/*\r\n";

struct Guarded : World {
  Guarded() {
    set_secret(kSecret);
    make();
  }
  void set_secret(const std::string& client_secret) {
    snapshot.secrets = {std::make_shared<config::Secret>(
        config::Secret{"id", "u", ++revision, {{{"client_secret", client_secret}}}})};
  }
  void make() {
    config::Route route;
    route.sign_in = spec;
    chain = chain_of(route, chain);
  }
  auth::Digest key() const { return visitor_key(spec, kSecret, load_balancer); }
  std::string cookie_field(const std::string& email, Duration left = 1h) {
    const auto until = std::chrono::floor<std::chrono::seconds>(fake.loop.clock().wall_now() +
                                                                std::chrono::floor<WallTime::duration>(left));
    return "Cookie: a=1; " + visitor_cookie_name(key()) + '=' + visitor_cookie(key(), {email, until}) +
           "\r\n";
  }
  int status(const std::string& fields, const std::string& line = "GET /") {
    return Call(*this, line, fields).status(chain);
  }
  // What the provider says of itself is known from now on.
  void meet_provider() {
    testing::PeerListener provider(fake, "127.0.0.1:9700");
    net::TaskGroup group(fake.loop);
    group.spawn(ask(providers));
    fake.run_until_idle();
    const std::string document =
        R"({"issuer":"http://127.0.0.1:9700/id","authorization_endpoint":"https://id.example/login",)"
        R"("token_endpoint":"http://127.0.0.1:9700/token","jwks_uri":"http://127.0.0.1:9700/keys"})";
    testing::Peer peer = provider.accept();
    REQUIRE(peer.connected());
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(document.size()) +
              "\r\nConnection: close\r\n\r\n" + document);
    fake.run_until_idle();
    REQUIRE(group.size() == 0);
  }
  static net::Task<void> ask(oidc::Providers& providers) {
    const auto metadata = co_await providers.metadata(kIssuer);
    CHECK(metadata.has_value());
  }

  config::VisitorSignIn spec{
      .issuer = kIssuer, .client_id = "weir", .secret = "id", .allow_domains = {"host.example"}};
  std::uint64_t revision = 0;
  ChainPointer chain;
};

std::string cookie_set(const http::Response& response) {
  const std::string_view field = field_of(response, "Set-Cookie");
  return std::string(field.substr(0, field.find(';')));
}

TEST_CASE("whom the list holds passes, the origin is told who it is, and the cookie goes no further") {
  Guarded world;
  Call call(world, "GET /",
            world.cookie_field("Eve@host.example") +
                "X-Forwarded-Email: ann@host.example\r\n"
                "x-forwarded-user: ann\r\nX-Forwarded-Groups: admins\r\n");
  CHECK(call.pass(world.chain) == nullptr);
  CHECK(call.head.fields.count("X-Forwarded-Email") == 1);
  CHECK(call.head.fields.find("X-Forwarded-Email")->value == "Eve@host.example");
  CHECK(call.head.fields.find("X-Forwarded-User") == nullptr);
  CHECK(call.head.fields.find("X-Forwarded-Groups") == nullptr);
  CHECK(call.head.fields.value_of(http::Known::kCookie) == "a=1");
  CHECK(world.status(world.cookie_field("eve@host.example"), "POST /form") == 0);
}

TEST_CASE("whom it does not hold is told so, and may sign in as somebody else") {
  Guarded world;
  Call call(world, "GET /a?b=c", world.cookie_field("eve@evil-host.example") + kPage);
  const auto response = call.pass(world.chain);
  REQUIRE(response);
  CHECK(response->head.status == 403);
  CHECK(field_of(*response, "weir-reason") == "visitor_refused");
  const std::string page(net::as_text(response->take_buffered()));
  CHECK(page.contains("eve@evil-host.example may not come here."));
  CHECK(page.contains("/.weir/sign-in/again?return=%2Fa%3Fb%3Dc"));
  CHECK(world.status(world.cookie_field("eve@sub.host.example")) == 403);
  // Whoever is taken off the list is out at once, and in again when they are back.
  const std::string cookie = world.cookie_field("bob@host.example");
  CHECK(world.status(cookie) == 0);
  world.spec.allow_domains = {"else.example"};
  world.make();
  CHECK(world.status(cookie) == 403);
  world.spec.allow_emails = {"bob@host.example"};
  world.make();
  CHECK(world.status(cookie) == 0);
}

TEST_CASE("a cookie that is too old, changed, or of another load balancer is none") {
  Guarded world;
  CHECK(world.status(world.cookie_field("eve@host.example", 0s)) == 401);
  const std::string cookie = world.cookie_field("eve@host.example");
  world.fake.advance(1h);
  CHECK(world.status(cookie) == 401);
  world.load_balancer = "shop";
  const std::string others = world.cookie_field("eve@host.example");
  world.load_balancer = "web";
  CHECK(world.status(others) == 401);
  // By the name of ours, too.
  const std::string value = others.substr(others.rfind('='));
  CHECK(world.status("Cookie: " + visitor_cookie_name(world.key()) + value) == 401);
  CHECK(world.status("Cookie: weir_visitor_\r\n") == 401);
  world.set_secret("another secret of the client");
  world.make();
  CHECK(world.status(world.cookie_field("eve@host.example")) == 401);
}

TEST_CASE("a browser that opens a page is sent to the provider, and nobody else is") {
  Guarded world;
  world.meet_provider();
  Call call(world, "GET /a?b=c", kPage);
  const auto response = call.pass(world.chain);
  REQUIRE(response);
  CHECK(response->head.status == 302);
  CHECK(call.exchange.reason == "sign_in");
  const std::string_view location = field_of(*response, "Location");
  CHECK(location.starts_with("https://id.example/login?response_type=code"));
  CHECK(location.contains("redirect_uri=http%3A%2F%2Fa.example%3A81%2F.weir%2Fsign-in%2Fcallback"));
  CHECK_FALSE(location.contains("prompt="));
  CHECK(field_of(*response, "Cache-Control") == "no-store");
  const std::string cookie = cookie_set(*response);
  const oidc::Flow flow(world.fake.env, world.providers, world.key());
  const auto begun = flow.read(cookie.substr(cookie.find('=') + 1));
  REQUIRE(begun);
  CHECK(begun->return_to == "/a?b=c");

  CHECK(world.status("Sec-Fetch-Mode: navigate\r\n") == 302);
  CHECK(world.status(kPage, "HEAD /") == 302);
  CHECK(world.status("Sec-Fetch-Mode: cors\r\n" + kPage) == 401);
  CHECK(world.status(kPage, "POST /") == 401);
  CHECK(world.status("Accept: */*\r\n") == 401);
  Call program(world, "GET /");
  const auto refused = program.pass(world.chain);
  REQUIRE(refused);
  CHECK(field_of(*refused, "weir-reason") == "sign_in_needed");
  CHECK(field_of(*refused, "WWW-Authenticate") == "Cookie realm=\"weir\"");
}

TEST_CASE("somebody who signs in anew is asked who they are, and comes back to this site alone") {
  Guarded world;
  world.meet_provider();
  const auto return_to = [&](const std::string& asked) {
    Call call(world, "GET /.weir/sign-in/again?return=" + asked);
    const auto response = call.pass(world.chain);
    REQUIRE(response);
    CHECK(response->head.status == 302);
    CHECK(field_of(*response, "Location").contains("&prompt=select_account"));
    const std::string cookie = cookie_set(*response);
    return oidc::Flow(world.fake.env, world.providers, world.key())
        .read(cookie.substr(cookie.find('=') + 1))
        .value()
        .return_to;
  };
  CHECK(return_to("%2Fa%3Fb%3Dc") == "/a?b=c");
  for (const char* elsewhere : {"https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example",
                                "evil", "%2Fa%0D%0ASet-Cookie:x", "", "/a&return=/b"}) {
    CHECK(return_to(elsewhere) == "/");
  }
  CHECK(world.status("", "GET /.weir/sign-in/else") == 404);
  CHECK(world.status("", "POST /.weir/sign-in/callback") == 405);
}

TEST_CASE("a provider that has no choice of accounts is asked for a login, once, also of who is in") {
  Guarded world;
  world.meet_provider();
  const std::string visitor = world.cookie_field("eve@evil-host.example");
  const auto location_of = [&](const std::string& request, const std::string& cookie) {
    Call call(world, request, cookie);
    const auto response = call.pass(world.chain);
    REQUIRE(response);
    const std::string set = cookie_set(*response);
    return std::pair(std::string(field_of(*response, "Location")), set.substr(0, set.find(';')));
  };
  const auto back = [&](const std::pair<std::string, std::string>& sent) {
    const std::size_t state = sent.first.find("&state=") + 1;
    const std::string query =
        sent.first.substr(state, sent.first.find('&', state) - state) + "&error=invalid_request";
    return location_of("GET /.weir/sign-in/callback?" + query, "Cookie: " + sent.second + "\r\n" + visitor);
  };
  const auto chosen = location_of("GET /.weir/sign-in/again?return=%2Fa", visitor);
  CHECK(chosen.first.contains("&prompt=select_account"));
  const auto anew = back(chosen);
  CHECK(anew.first.contains("&prompt=login"));
  CHECK(back(anew).first == "/a");  // that was not it: whoever is in goes on as they are
}

TEST_CASE("whoever signs out has no session any more") {
  Guarded world;
  Call call(world, "GET /.weir/sign-in/out", world.cookie_field("eve@host.example"));
  const auto response = call.pass(world.chain);
  REQUIRE(response);
  CHECK(response->head.status == 200);
  CHECK(cookie_set(*response) == visitor_cookie_name(world.key()) + '=');
  CHECK(field_of(*response, "Set-Cookie").contains("Max-Age=0"));
}

TEST_CASE("a way back that was not begun here is refused, but not to who is in already") {
  Guarded world;
  const std::string back = "GET /.weir/sign-in/callback?code=x&state=y";
  CHECK(world.status("", back) == 403);
  CHECK(world.status("Cookie: " + visitor_cookie_name(world.key()) + "_flow=a.b\r\n", back) == 403);
  Call call(world, back, world.cookie_field("eve@host.example"));
  const auto response = call.pass(world.chain);
  REQUIRE(response);
  CHECK(response->head.status == 302);
  CHECK(field_of(*response, "Location") == "/");
  // Who fails again and again waits.
  for (int i = 0; i <= auth::FailureThrottle::kFree; ++i) world.status("", back);
  CHECK(world.status("", back) == 429);
  CHECK(world.status(world.cookie_field("eve@host.example")) == 0);
}

TEST_CASE("what the provider answers instead of a code is refused") {
  Guarded world;
  world.meet_provider();
  Call start(world, "GET /", kPage);
  const auto sent = start.pass(world.chain);
  REQUIRE(sent);
  const std::string cookie = "Cookie: " + cookie_set(*sent) + "\r\n";
  const std::string_view location = field_of(*sent, "Location");
  const std::string state(location.substr(location.find("&state=") + 7, 32));
  Call back(world, "GET /.weir/sign-in/callback?error=access_denied&state=" + state, cookie);
  const auto refused = back.pass(world.chain);
  REQUIRE(refused);
  CHECK(refused->head.status == 403);
  CHECK(std::string(net::as_text(refused->take_buffered())).contains("has refused it"));
}

TEST_CASE("without a provider or a secret nobody comes in, and a sentence says why") {
  Guarded world;
  Call call(world, "GET /", kPage);
  const auto response = call.pass(world.chain);
  REQUIRE(response);
  CHECK(response->head.status == 503);
  CHECK(field_of(*response, "weir-reason") == "provider_failed");
  CHECK(field_of(*response, "Retry-After") == "5");
  CHECK(std::string(net::as_text(response->take_buffered()))
            .contains("the provider of identities can\'t be reached"));
  // Who is in stays in: nobody is asked about them.
  CHECK(world.status(world.cookie_field("eve@host.example")) == 0);
  world.set_secret("short");
  world.make();
  CHECK(world.status(world.cookie_field("eve@host.example")) == 503);
  world.snapshot.secrets.clear();
  world.make();
  Call unready(world, "GET /");
  const auto refused = unready.pass(world.chain);
  REQUIRE(refused);
  CHECK(field_of(*refused, "weir-reason") == "sign_in_unready");
}

TEST_CASE("beside a route with sign-in, a visitor\'s cookie goes to no origin") {
  Guarded world;
  const ChainPointer open =
      make_chain({}, {"web path prefix /open", "web", true, world.snapshot, world.common}, nullptr);
  Call call(world, "GET /open", world.cookie_field("eve@host.example"));
  CHECK(call.pass(open) == nullptr);
  CHECK(call.head.fields.value_of(http::Known::kCookie) == "a=1");
  CHECK(call.head.fields.find("X-Forwarded-Email") == nullptr);
}

}  // namespace
}  // namespace weir::filter
