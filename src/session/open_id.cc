// Signing in by an organization's provider of identities: the way there and back.
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "oidc/pages.h"
#include "session/calls.h"
#include "session/cookies.h"
#include "session/limits.h"
#include "session/sign_in.h"
#include "session/standing.h"

namespace weir::session {
namespace {

using api::Answer;
using api::refuse;
using config::Kind;
using http::Known;

constexpr std::string_view kFlowCookie = "weir_sign_in";
constexpr std::string_view kCallback = "/callback";

// Each organization's own, so that what one provider sends back is never taken for another's.
std::string redirect_uri(const http::Request& request, std::string_view organization) {
  return std::string(is_secure(request) ? "https://" : "http://")
      .append(request.head.authority)
      .append("/v1/session/oidc/")
      .append(organization)
      .append(kCallback);
}

// A browser shows it: nothing else is there to.
http::ResponsePtr page_of(const http::Request& request, const api::Problem& problem) {
  auto response = oidc::shown({.status = problem.status,
                               .heading = "Signing in did not work",
                               .sentence = problem.detail,
                               .link = "/",
                               .link_text = "Back"});
  response->add_reason(problem.slug, request.id);
  if (problem.retry_after_seconds > 0) {
    response->add_field(Known::kRetryAfter, std::to_string(problem.retry_after_seconds));
  }
  return response;
}

std::optional<oidc::Client> client_of(const config::Whole& world, std::string_view organization) {
  const auto object = world.find(Kind::kOrganization, organization);
  const auto* spec = object ? &std::get<config::OrganizationSpec>(object->spec) : nullptr;
  if (spec == nullptr || !spec->sign_in) return std::nullopt;
  return oidc::Client{spec->sign_in->issuer, spec->sign_in->client_id, spec->sign_in->client_secret};
}

}  // namespace

std::unexpected<api::Problem> Calls::not_signed_in(const http::Request& request,
                                                   const oidc::Failure& failure) {
  failed_from_.failed(request.peer, env_.loop.now());
  env_.log.warning("a sign-in has failed", {{"reason", failure.reason}, {"from", request.peer.ip()}});
  const bool is_refused = failure.kind == oidc::Failure::Kind::kRefused;
  return refuse(is_refused ? 403 : 502, is_refused ? "sign-in-refused" : "provider-failed", failure.sentence);
}

net::Task<Calls::Responded> Calls::open_id(http::Request& request, std::string name) {
  const bool is_back = name.ends_with(kCallback);
  if (is_back) name.resize(name.size() - kCallback.size());
  auto wait = check_wait(failed_from_, request.peer, "too many tries to log in came from this address");
  auto answer = !wait     ? Responded(refuse(std::move(wait.error())))
                : is_back ? co_await come_back(request, std::move(name))
                          : co_await send_away(request, std::move(name));
  if (answer) co_return std::move(*answer);
  co_return page_of(request, answer.error());
}

net::Task<Calls::Responded> Calls::send_away(http::Request& request, std::string name) {
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  auto client = client_of(mirror_.objects(), name);
  if (!client) co_return refuse(404, "not-found", "nobody signs in so here");
  auto start = co_await flow_.start(std::move(*client), name, redirect_uri(request, name),
                                    oidc::parameter(request.head.query, "return"));
  if (!start) co_return not_signed_in(request, start.error());
  auto response = oidc::sent_to(std::move(start->location));
  response->add_field(Known::kSetCookie, set_cookie(request, kFlowCookie, start->cookie, oidc::kFlowLife));
  co_return http::ResponsePtr(std::move(response));
}

net::Task<Calls::Responded> Calls::come_back(http::Request& request, std::string name) {
  const auto begun = flow_.read(cookie_of(request, kFlowCookie));
  if (!begun || begun->name != name)
    co_return refuse(403, "sign-in-refused", "this sign-in was not begun here, or too long ago; try again");
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  auto client = client_of(mirror_.objects(), name);
  if (!client) co_return refuse(404, "not-found", "nobody signs in so here");
  const auto claims = co_await flow_.finish(std::move(*client), *begun, redirect_uri(request, name),
                                            std::string(request.head.query));
  if (!claims) co_return not_signed_in(request, claims.error());
  const auto user = co_await become(request, name, *claims);
  if (!user) co_return refuse(user.error());
  const auto session = co_await sessions_.keeper().begin(
      {.user = *user,
       .method = config::SessionMethod::kOpenId,
       .remote_address = request.peer.ip(),
       .user_agent = std::string(request.head.fields.value_of(Known::kUserAgent).substr(0, kTextBytesMax)),
       .expires_at = now() + std::chrono::floor<WallTime::duration>(kIdleMax)},
      name, {*user, request.peer.ip()});
  if (!session) co_return refuse(session.error());
  auto response = oidc::sent_to(begun->return_to);
  response->add_field(Known::kSetCookie, set_cookie(request, kSessionCookie, session->secret, kLifeMax));
  response->add_field(Known::kSetCookie, set_cookie(request, kFlowCookie, "", Duration::zero()));
  co_return http::ResponsePtr(std::move(response));
}

// The account of somebody who was vouched for, made or completed when it has to be.
net::Task<Answer<std::string>> Calls::become(const http::Request& request, const std::string& organization,
                                             const oidc::Claims& claims) {
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  auto known = sign_in(mirror_.objects(), organization, claims, env_.random);
  if (!known) co_return refuse(std::move(known.error()));
  if (known->intents.empty()) co_return std::move(known->user);
  std::string user;
  const auto source = [&](const config::Whole& world) -> Answer<std::vector<api::Intent>> {
    auto now_so = sign_in(world, organization, claims, env_.random);
    if (!now_so) return refuse(std::move(now_so.error()));
    user = now_so->user;
    return std::move(now_so->intents);
  };
  const auto written = co_await api_.writer().write(source, {"sign-in/" + organization, request.peer.ip()});
  if (!written) co_return refuse(written.error());
  if (written->plan.writes()) co_await api_.settle(written->revision);
  co_return user;
}

}  // namespace weir::session
