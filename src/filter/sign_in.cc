// Visitors sign in by a provider of identities (OpenID Connect) before they come to an origin. Who they are
// is in a signed cookie; whether they may come is looked up at each request, so that who is taken off the
// list is out at once. Every edge derives the same key from the client's secret: what one edge began, any
// other goes on with. The origin is told who it is by X-Forwarded-Email, and sees none of the cookies.
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "auth/cookies.h"
#include "auth/crypto.h"
#include "base/uri_path.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "filter/filters.h"
#include "filter/visitor.h"
#include "oidc/flow.h"
#include "oidc/pages.h"

namespace weir::filter {
namespace {

using http::Known;
using Answer = std::unique_ptr<http::TextResponse>;

// Who knows it makes sessions. Providers give out 24 characters and more.
constexpr std::size_t kClientSecretBytesMin = 16;
constexpr std::string_view kFlowName = "visitor";
constexpr std::string_view kOwnPaths = "/.weir/sign-in/";
constexpr const char* kProviderWait = "5";  // seconds, after which a provider may be there again

// What others say of who somebody is (oauth2-proxy's names); from clients without trust, nothing of the sort
// gets as far as a filter.
constexpr std::array<std::string_view, 4> kIdentityFields{
    "X-Forwarded-Email", "X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Forwarded-Groups"};

bool is_reading(const http::Request& request) {
  return request.head.method == http::Method::kGet || request.head.method == http::Method::kHead;
}

// That a browser will show, so that sending it elsewhere is of use (Fetch Metadata; older ones say by Accept
// what they want).
bool is_page(const http::Request& request) {
  if (!is_reading(request) || request.upgrade != nullptr) return false;
  if (const http::Field* mode = request.head.fields.find("sec-fetch-mode")) return mode->value == "navigate";
  return request.head.fields.value_of(Known::kAccept).contains("text/html");
}

std::string target_of(const http::RequestHead& head) {
  std::string target(head.path);
  if (!head.query.empty()) target.append("?").append(head.query);
  return target;
}

std::string again_link(std::string_view return_to) {
  return std::string(config::kSignInAgainPath) + "?return=" + encoded(return_to);
}

std::string redirect_uri(const http::Request& request) {
  return std::string(auth::is_secure(request) ? "https://" : "http://")
      .append(request.head.authority)
      .append(config::kSignInCallbackPath);
}

Answer refuse(Exchange& exchange, int status, std::string_view reason, std::string_view text) {
  exchange.reason = reason;
  return http::refusal(status, reason, text, exchange.request.id);
}

// The same for people.
Answer show(Exchange& exchange, std::string_view reason, const oidc::Page& page) {
  exchange.reason = reason;
  auto response = oidc::shown(page);
  response->add_reason(reason, exchange.request.id);
  return response;
}

class SignIn final : public Filter {
 public:
  SignIn(const config::VisitorSignIn& spec, std::string_view load_balancer, std::string client_secret)
      : client_{spec.issuer, spec.client_id, std::move(client_secret)},
        session_(spec.session),
        guests_(spec),
        key_(visitor_key(spec, client_.client_secret, load_balancer)),
        cookie_(visitor_cookie_name(key_)),
        flow_cookie_(cookie_ + "_flow") {}

  Answer on_request(Exchange& exchange) const override {
    http::Request& request = exchange.request;
    if (client_.client_secret.size() < kClientSecretBytesMin) {
      return refuse(exchange, 503, "sign_in_unready",
                    "the Secret that visitors sign in with has no client_secret of 16 bytes or more");
    }
    if (request.head.path.starts_with(kOwnPaths)) {
      exchange.deferred = true;
      return nullptr;
    }
    const auto visitor = visitor_of(exchange);
    if (!visitor && !is_page(request)) return ask_to_sign_in(exchange);
    if (!visitor) {
      exchange.deferred = true;
      return nullptr;
    }
    if (!guests_.holds(visitor->email)) return turn_away(exchange, visitor->email);
    return introduce(exchange, visitor->email);
  }

  net::Task<Answer> on_request_deferred(Exchange& exchange) const override {
    const http::RequestHead& head = exchange.request.head;
    if (!is_reading(exchange.request)) {
      auto refused = refuse(exchange, 405, "method_not_allowed", "this is for GET and HEAD");
      refused->add_field(Known::kAllow, "GET, HEAD");
      co_return refused;
    }
    if (head.authority.empty()) co_return refuse(exchange, 400, "no_host", "signing in needs the Host field");
    if (head.path == config::kSignOutPath) co_return sign_out(exchange);
    const Duration wait = exchange.throttle.wait(exchange.request.peer, exchange.env.loop.now());
    if (wait > Duration::zero()) {
      auto refused = refuse(exchange, 429, "sign_in_throttled", "too many failed here; wait");
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
      refused->add_field(Known::kRetryAfter, std::to_string(seconds.count()));
      co_return refused;
    }
    if (head.path == config::kSignInCallbackPath) co_return co_await come_back(exchange);
    if (head.path == config::kSignInAgainPath) {
      co_return co_await send_away(exchange, oidc::parameter(head.query, "return"), oidc::Account::kChosen);
    }
    if (head.path.starts_with(kOwnPaths))
      co_return refuse(exchange, 404, "not_found", "there is nothing here");
    co_return co_await send_away(exchange, target_of(head), oidc::Account::kKnown);
  }

 private:
  static WallTime now(const Exchange& exchange) { return exchange.env.loop.clock().wall_now(); }

  std::optional<Visitor> visitor_of(const Exchange& exchange) const {
    return read_visitor(key_, auth::cookie_of(exchange.request, cookie_), now(exchange));
  }

  static Answer ask_to_sign_in(Exchange& exchange) {
    auto response =
        refuse(exchange, 401, "sign_in_needed", "sign in first: open a page of this site in a browser");
    // RFC 9110 section 15.5.2 wants a challenge; no scheme that is registered is of cookies.
    response->add_field(Known::kWwwAuthenticate, "Cookie realm=\"weir\"");
    return response;
  }

  static Answer turn_away(Exchange& exchange, const std::string& email) {
    constexpr std::string_view kReason = "visitor_refused";
    const std::string sentence = email + " may not come here";
    if (!is_page(exchange.request)) return refuse(exchange, 403, kReason, sentence);
    return show(exchange, kReason,
                {.status = 403,
                 .heading = "This is not for you",
                 .sentence = sentence,
                 .link = again_link(target_of(exchange.request.head)),
                 .link_text = "Sign in as somebody else"});
  }

  // Null: the origin is told who it is.
  static Answer introduce(Exchange& exchange, std::string email) {
    http::Request& request = exchange.request;
    auth::remove_cookies(request, kVisitorCookiePrefix);
    for (const std::string_view name : kIdentityFields) request.head.fields.remove(name);
    if (request.head.fields.add(kIdentityFields[0], request.scratch.keep(std::move(email)))) return nullptr;
    return refuse(exchange, 431, "too_many_fields", "there is no room for the field that says who this is");
  }

  net::Task<Answer> send_away(Exchange& exchange, std::string return_to, oidc::Account account) const {
    http::Request& request = exchange.request;
    oidc::Flow flow(exchange.env, exchange.providers, key_);
    const auto start = co_await flow.start(client_, std::string(kFlowName), redirect_uri(request),
                                           std::move(return_to), account);
    if (!start) co_return fail(exchange, start.error());
    exchange.reason = "sign_in";
    auto response = oidc::sent_to(start->location);
    response->add_field(Known::kSetCookie,
                        auth::set_cookie(request, flow_cookie_, start->cookie, oidc::kFlowLife));
    co_return response;
  }

  net::Task<Answer> come_back(Exchange& exchange) const {
    http::Request& request = exchange.request;
    oidc::Flow flow(exchange.env, exchange.providers, key_);
    const auto begun = flow.read(auth::cookie_of(request, flow_cookie_));
    oidc::Told<oidc::Claims> claims = std::unexpected(oidc::Failure{
        oidc::Failure::Kind::kRefused, "this sign-in was not begun here, or too long ago; try again",
        client_.issuer + ": somebody comes back without a cookie"});
    if (begun) {
      claims = co_await flow.finish(client_, *begun, redirect_uri(request), std::string(request.head.query));
    }
    const std::string return_to = begun ? begun->return_to : "/";
    if (!claims && claims.error().kind == oidc::Failure::Kind::kNoChoice) {
      co_return co_await send_away(exchange, return_to, oidc::Account::kAnew);
    }
    // Another tab of this browser was faster.
    if (!claims && visitor_of(exchange)) co_return arrived(exchange, return_to);
    if (!claims) co_return fail(exchange, claims.error());
    const bool is_email =
        claims->email.size() <= kEmailBytesMax && config::check_email(claims->email).empty();
    if (!claims->email_verified || !is_email) {
      co_return fail(exchange, {oidc::Failure::Kind::kRefused,
                                "the provider of identities vouches for no e-mail address of yours",
                                client_.issuer + ": no email with email_verified: true"});
    }
    const auto until = std::chrono::floor<std::chrono::seconds>(now(exchange)) +
                       std::chrono::floor<std::chrono::seconds>(session_);
    auto response = arrived(exchange, return_to);
    const std::string cookie = visitor_cookie(key_, {std::move(claims->email), until});
    response->add_field(Known::kSetCookie, auth::set_cookie(request, cookie_, cookie, session_));
    co_return response;
  }

  Answer arrived(Exchange& exchange, const std::string& return_to) const {
    exchange.reason = "signed_in";
    auto response = oidc::sent_to(return_to);
    response->add_field(Known::kSetCookie,
                        auth::set_cookie(exchange.request, flow_cookie_, "", Duration::zero()));
    return response;
  }

  Answer sign_out(Exchange& exchange) const {
    auto response = show(exchange, "signed_out",
                         {.status = 200,
                          .heading = "Signed out",
                          .sentence = "You are signed out here, but may still be signed in at the provider",
                          .link = again_link("/"),
                          .link_text = "Sign in"});
    response->add_field(Known::kSetCookie, auth::set_cookie(exchange.request, cookie_, "", Duration::zero()));
    return response;
  }

  Answer fail(Exchange& exchange, const oidc::Failure& failure) const {
    const net::Address& peer = exchange.request.peer;
    const bool is_refused = failure.kind == oidc::Failure::Kind::kRefused;
    if (is_refused) exchange.throttle.failed(peer, exchange.env.loop.now());
    exchange.env.log.warning("a visitor's sign-in has failed",
                             {{"reason", failure.reason}, {"from", peer.ip()}});
    auto response = show(exchange, is_refused ? "sign_in_refused" : "provider_failed",
                         {.status = is_refused ? 403 : 503,
                          .heading = "Signing in did not work",
                          .sentence = failure.sentence,
                          .link = again_link("/"),
                          .link_text = "Try again"});
    if (!is_refused) response->add_field(Known::kRetryAfter, kProviderWait);
    return response;
  }

  oidc::Client client_;
  Duration session_;
  GuestList guests_;
  auth::Digest key_;
  std::string cookie_;
  std::string flow_cookie_;
};

// Beside such a route, where anybody may come: the origin there is nobody to show a visitor's cookie to.
class CookieKeeper final : public Filter {
 public:
  Answer on_request(Exchange& exchange) const override {
    auth::remove_cookies(exchange.request, kVisitorCookiePrefix);
    return nullptr;
  }
};

}  // namespace

FilterPointer make_sign_in(const config::Route& route, const RouteContext& context) {
  if (!route.sign_in && context.beside_sign_in) return std::make_unique<CookieKeeper>();
  if (!route.sign_in) return nullptr;
  std::string client_secret;
  if (const config::Secret* secret = context.snapshot.find_secret(route.sign_in->secret)) {
    const auto found = secret->spec.values.find("client_secret");
    if (found != secret->spec.values.end()) client_secret = found->second;
  }
  return std::make_unique<SignIn>(*route.sign_in, context.load_balancer, std::move(client_secret));
}

}  // namespace weir::filter
