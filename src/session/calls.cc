#include "session/calls.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "api/content.h"
#include "auth/password.h"
#include "base/text.h"
#include "mirror/accounts.h"
#include "session/bodies.h"
#include "session/cookies.h"
#include "session/limits.h"
#include "session/secret.h"
#include "session/standing.h"

namespace weir::session {
namespace {

using api::Answer;
using api::refuse;
using config::Kind;
using http::Known;
using http::Method;

std::string cut(std::string_view text) { return std::string(text.substr(0, kTextBytesMax)); }

// One account as the throttle knows addresses: by a network that no client comes from.
net::Address account_address(std::string_view email) {
  const auth::Digest digest = auth::sha256({auth::bytes_of(to_lower(email))});
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::to_integer<std::uint8_t>(digest[i]);
  return net::Address::v6(bytes, 0);
}

std::unexpected<api::Problem> too_busy(auth::PasswordChecker::Verdict verdict) {
  const bool source = verdict == auth::PasswordChecker::Verdict::kSourceBusy;
  return refuse(
      api::Problem{source ? 429 : 503, "overloaded", "too many passwords are being looked at", {}, {}, 1});
}

std::string organization_name(const config::Whole& world, const std::string& name) {
  const auto object = world.find(Kind::kOrganization, name);
  return object ? std::get<config::OrganizationSpec>(object->spec).display_name : std::string();
}

}  // namespace

struct Calls::Line {
  std::string_view path;
  Method method;
  Handler handler;
};

constexpr Calls::Line Calls::kLines[] = {
    {"session", Method::kGet, &Calls::show},
    {"session", Method::kPost, &Calls::log_in},
    {"session", Method::kDelete, &Calls::log_out},
    {"session/methods", Method::kGet, &Calls::methods},
    {"session/user", Method::kGet, &Calls::show_account},
    {"session/user", Method::kPatch, &Calls::change_account},
    {"device", Method::kGet, &Calls::show_device},
    {"device/code", Method::kPost, &Calls::ask_code},
    {"device/token", Method::kPost, &Calls::ask_token},
    {"device/approve", Method::kPost, &Calls::approve},
};

std::unique_ptr<http::TextResponse> shown(const http::Request& request, int status,
                                          const nlohmann::ordered_json& tree) {
  auto response = std::make_unique<http::TextResponse>(
      status, "application/json",
      tree.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
  response->head.fields.add(Known::kCacheControl, "no-store");
  response->head.fields.add("X-Content-Type-Options", "nosniff");
  response->head.fields.add("Referrer-Policy", "no-referrer");
  response->head.fields.add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  if (!request.id.empty()) response->add_field(Known::kXRequestId, std::string(request.id));
  return response;
}

Calls::Calls(net::Env& env, store::Store& store, mirror::Mirror& mirror, api::Api& api,
             const auth::TokenTable& tokens, auth::PasswordChecker& passwords, Options options)
    : env_(env),
      store_(store),
      mirror_(mirror),
      api_(api),
      tokens_(tokens),
      passwords_(passwords),
      options_(std::move(options)),
      sessions_(env, store, mirror, tokens),
      providers_(env),
      flow_(env, providers_, options_.key) {
  api_.set_sessions(
      {.identify = [this](const http::Request& request) { return sessions_.identify(request); },
       .is_valid = [this](const auth::Identity& caller) { return sessions_.is_valid(caller); },
       .answer = [this](http::Request& request, const api::Target& target,
                        const auth::Identity* caller) { return answer(request, target, caller); }});
}

std::string Calls::status_of(const config::Object& session) const {
  return config::status_text(sessions_.status_of(session));
}

net::Task<Calls::Responded> Calls::answer(http::Request& request, const api::Target& target,
                                          const auth::Identity* caller) {
  const Method method = request.head.method == Method::kHead ? Method::kGet : request.head.method;
  if (caller != nullptr) {
    if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
    if (method == Method::kDelete) co_return co_await end(request, target.name, *caller);
    co_return target.place == api::Place::kCollection ? list(request, *caller)
                                                      : one(request, target.name, *caller);
  }
  constexpr std::string_view kOpenId = "session/oidc/";
  if (target.name.starts_with(kOpenId) && method == Method::kGet) {
    co_return co_await open_id(request, target.name.substr(kOpenId.size()));
  }
  std::string allowed;
  for (const Line& line : kLines) {
    if (line.path != target.name) continue;
    if (line.method == method) co_return co_await (this->*line.handler)(request);
    allowed.append(allowed.empty() ? "" : ", ").append(http::name_of(line.method));
  }
  if (allowed.empty())
    co_return refuse(404, "not-found", "nothing is here; what is, docs/signing-in.md tells");
  co_return refuse(api::Problem{405, "method-not-allowed", "this is not done here", {}, allowed, 0});
}

net::Task<Answer<void>> Calls::see_objects() {
  const auto seen = co_await mirror_.catch_up();
  if (!seen) co_return refuse(api::problem_of(seen.error()));
  co_return Answer<void>{};
}

// Browsers ask before they send this sort of content for another site's page, and are told nothing.
net::Task<Answer<std::string>> Calls::read_json(http::Request& request) {
  const std::string_view value = request.head.fields.value_of(Known::kContentType);
  const std::string_view media = trim(value.substr(0, value.find(';')));
  const bool is_json = equal_ignoring_case(media, "application/json") ||
                       equal_ignoring_case(media, "application/merge-patch+json");
  if (!is_json) co_return refuse(415, "unsupported-media-type", "send Content-Type: application/json");
  co_return co_await api::read_content(request, kBodyBytesMax);
}

Answer<void> Calls::check_wait(const auth::FailureThrottle& throttle, const net::Address& from,
                               std::string sentence) const {
  const Duration wait = throttle.wait(from, env_.loop.now());
  if (wait <= Duration::zero()) return {};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return refuse(api::Problem{
      429, "too-many-failures", std::move(sentence), {}, {}, static_cast<std::uint32_t>(seconds)});
}

// --- /v1/session

Calls::Tree Calls::whole_answer(const http::Request& request, const config::Object& session,
                                std::string_view secret) const {
  const config::Whole& world = mirror_.objects();
  const config::SessionSpec& spec = terms_of(session);
  Tree all = Tree::array();
  for (const Belonging& one : belongings_of(world, tokens_, session, now())) {
    if (one.organization.empty()) continue;
    all.push_back({{"name", one.organization},
                   {"display_name", organization_name(world, one.organization)},
                   {"role", auth::name_of(one.role)}});
  }
  const auto asked = organization_of(request);
  const auto identity =
      identity_of(world, tokens_, session, asked ? *asked : std::optional<std::string>(), now());
  Tree tree{{"user", spec.user}, {"token", spec.token}};
  if (const auto user = world.find(Kind::kUser, spec.user)) {
    const auto& account = std::get<config::UserSpec>(user->spec);
    tree["email"] = account.email;
    tree["display_name"] = account.display_name;
  }
  tree["role"] = identity ? auth::name_of(identity->role) : std::string_view();
  tree["organization"] = identity ? identity->organization : std::string();
  tree["organizations"] = std::move(all);
  tree["session"] = session.metadata.name;
  tree["method"] = tree_of(session)["spec"]["method"];
  tree["csrf"] = csrf_of(secret);
  tree["version"] = options_.version;
  tree["domain"] = options_.domain;
  if (spec.expires_at) tree["expires_at"] = format_rfc3339(*spec.expires_at);
  return tree;
}

net::Task<Calls::Responded> Calls::show(http::Request& request) {
  auto session = co_await sessions_.session_of(request);
  if (!session) co_return refuse(std::move(session.error()));
  if (*session) {
    // Also who belongs nowhere is told who he is.
    (void)co_await sessions_.identify(request);
    co_return shown(request, 200, whole_answer(request, **session, Sessions::secret_of(request)));
  }
  const auto caller = co_await api_.identify(request);
  if (!caller) co_return refuse(caller.error());
  co_return shown(request, 200,
                  Tree{{"user", caller->user},
                       {"token", caller->token},
                       {"role", auth::name_of(caller->role)},
                       {"organization", caller->organization},
                       {"organizations", Tree::array()},
                       {"csrf", ""},
                       {"version", options_.version},
                       {"domain", options_.domain}});
}

net::Task<Answer<config::ObjectPointer>> Calls::user_of(const http::Request& request, std::string email,
                                                        std::string password) {
  using Verdict = auth::PasswordChecker::Verdict;
  const net::Address account = account_address(email);
  if (auto wait = check_wait(failed_from_, request.peer, "too many wrong passwords came from this address");
      !wait) {
    co_return refuse(std::move(wait.error()));
  }
  if (auto wait = check_wait(failed_as_, account, "too many wrong passwords came for this account"); !wait) {
    co_return refuse(std::move(wait.error()));
  }
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  config::ObjectPointer user = mirror_.objects().user_of_email(email);
  const auto* spec = user ? &std::get<config::UserSpec>(user->spec) : nullptr;
  const bool has_password = spec != nullptr && !spec->password.empty();
  const std::string hash = has_password ? spec->password : std::string(auth::kHashOfNobody);
  const Verdict verdict = co_await passwords_.check(
      env_.loop, {.key = auth::sha256({auth::bytes_of(hash), auth::bytes_of(password)}),
                  .source = auth::FailureThrottle::source_of(request.peer),
                  .hash = hash,
                  .password = std::move(password)});
  if (verdict == Verdict::kRight && has_password && !spec->disabled) {
    failed_from_.succeeded(request.peer);
    failed_as_.succeeded(account);
    co_return user;
  }
  if (verdict != Verdict::kRight && verdict != Verdict::kWrong) co_return too_busy(verdict);
  failed_from_.failed(request.peer, env_.loop.now());
  failed_as_.failed(account, env_.loop.now());
  env_.log.warning("a login is refused", {{"from", request.peer.ip()},
                                          {"user", user ? user->metadata.name : std::string("nobody")}});
  co_return refuse(401, "unauthenticated", "that e-mail address and password are not known");
}

Answer<auth::Identity> Calls::token_identity(const http::Request& request, std::string_view token) {
  if (auto wait = check_wait(failed_from_, request.peer, "too many wrong tokens came from this address");
      !wait) {
    return refuse(std::move(wait.error()));
  }
  auth::Verdict verdict = tokens_.check(token, now());
  if (!verdict.identity) {
    failed_from_.failed(request.peer, env_.loop.now());
    env_.log.warning("a login is refused", {{"from", request.peer.ip()},
                                            {"reason", std::string(name_of(verdict.outcome))},
                                            {"token_id", verdict.id}});
    return refuse(401, "unauthenticated", verdict.identity.error().text);
  }
  if (verdict.identity->role > auth::Role::kViewer) {
    return refuse(403, "forbidden", "this token is for machines, and logs nobody in");
  }
  failed_from_.succeeded(request.peer);
  return std::move(*verdict.identity);
}

net::Task<Calls::Responded> Calls::logged_in(const http::Request& request, config::SessionSpec spec,
                                             std::string actor) {
  const auto begun = co_await sessions_.keeper().begin(std::move(spec), {}, {actor, request.peer.ip()});
  if (!begun) co_return refuse(begun.error());
  const auto session = mirror_.objects().find(Kind::kSession, begun->name);
  if (!session) co_return refuse(401, "unauthenticated", "the session has ended already");
  auto response = shown(request, 200, whole_answer(request, *session, begun->secret));
  response->add_field(Known::kSetCookie, set_cookie(request, kSessionCookie, begun->secret, kLifeMax));
  co_return http::ResponsePtr(std::move(response));
}

net::Task<Calls::Responded> Calls::log_in(http::Request& request) {
  if (std::string foreign = foreign_page(request); !foreign.empty()) {
    co_return refuse(403, "foreign-page", std::move(foreign));
  }
  const auto body = co_await read_json(request);
  if (!body) co_return refuse(body.error());
  auto login = parse_login(*body);
  if (!login) co_return refuse(std::move(login.error()));
  config::SessionSpec spec{
      .remote_address = request.peer.ip(),
      .user_agent = cut(request.head.fields.value_of(Known::kUserAgent)),
      .expires_at = now() + std::chrono::floor<WallTime::duration>(kIdleMax),
  };
  if (!login->token.empty()) {
    const auto identity = token_identity(request, login->token);
    if (!identity) co_return refuse(identity.error());
    spec.token = identity->token;
    spec.method = config::SessionMethod::kToken;
    co_return co_await logged_in(request, std::move(spec), identity->actor());
  }
  const auto user = co_await user_of(request, std::move(login->email), std::move(login->password));
  if (!user) co_return refuse(user.error());
  spec.user = (*user)->metadata.name;
  co_return co_await logged_in(request, std::move(spec), (*user)->metadata.name);
}

net::Task<Calls::Responded> Calls::log_out(http::Request& request) {
  const auto session = co_await sessions_.session_of(request);
  if (!session) co_return refuse(session.error());
  if (!*session) co_return refuse(401, "unauthenticated", "there is no session to end");
  const config::SessionSpec& spec = terms_of(**session);
  mirror::Actor actor{spec.user.empty() ? spec.token : spec.user, request.peer.ip()};
  const auto done = co_await sessions_.keeper().end({*session}, std::move(actor));
  if (!done) co_return refuse(done.error());
  auto response = std::make_unique<http::TextResponse>(204, "", "");
  response->head.fields.add(Known::kCacheControl, "no-store");
  response->add_field(Known::kSetCookie, set_cookie(request, kSessionCookie, "", Duration::zero()));
  co_return http::ResponsePtr(std::move(response));
}

net::Task<Calls::Responded> Calls::methods(http::Request& request) {
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  Tree providers = Tree::array();
  for (const config::ObjectPointer& object : mirror_.objects().of(Kind::kOrganization)) {
    const auto& spec = std::get<config::OrganizationSpec>(object->spec);
    if (!spec.sign_in) continue;
    const std::string& name = object->metadata.name;
    const std::string& shown_as = spec.sign_in->display_name;
    providers.push_back({{"name", name},
                         {"display_name", shown_as.empty() ? name : shown_as},
                         {"start", "/v1/session/oidc/" + name}});
  }
  co_return shown(request, 200, Tree{{"password", true}, {"token", true}, {"oidc", std::move(providers)}});
}

// --- /v1/sessions

bool Calls::may_see(const config::Object& session, const auth::Identity& caller) const {
  const config::SessionSpec& spec = terms_of(session);
  if (session.metadata.name == caller.session) return true;
  if (!caller.user.empty() && spec.user == caller.user) {
    // Who comes by an organization's own provider sees what it sees.
    return caller.is_platform() || session.metadata.organization == caller.organization ||
           !is_limited(caller);
  }
  if (caller.role > auth::Role::kAdmin) return false;
  if (caller.is_platform()) return true;
  if (session.metadata.organization == caller.organization) return true;
  const config::ObjectPointer owner = owner_of(mirror_.objects(), spec);
  if (!owner) return false;
  if (owner->kind() == Kind::kToken) return owner->metadata.organization == caller.organization;
  return is_only_in(mirror_.objects(), *owner, caller.organization);
}

bool Calls::is_limited(const auth::Identity& caller) const {
  const auto session = mirror_.objects().find(Kind::kSession, caller.session);
  return session && !session->metadata.organization.empty();
}

Calls::Responded Calls::list(const http::Request& request, const auth::Identity& caller) const {
  Tree items = Tree::array();
  for (const config::ObjectPointer& session : mirror_.objects().of(Kind::kSession)) {
    if (items.size() == kListedMax) break;
    if (!terms_of(*session).pending && may_see(*session, caller)) items.push_back(tree_of(*session));
  }
  return shown(request, 200, Tree{{"items", std::move(items)}, {"revision", mirror_.revision()}});
}

Calls::Tree Calls::tree_of(const config::Object& session) const {
  config::Object object = session;
  object.status = status_of(session);
  return Tree::parse(config::to_json(object, config::Secrets::kHide), nullptr, false);
}

Calls::Responded Calls::one(const http::Request& request, const std::string& name,
                            const auth::Identity& caller) const {
  const auto session = mirror_.objects().find(Kind::kSession, name);
  if (!session || !may_see(*session, caller)) return refuse(404, "not-found", "there is no Session/" + name);
  return shown(request, 200, tree_of(*session));
}

net::Task<Calls::Responded> Calls::end(const http::Request& request, const std::string& name,
                                       const auth::Identity& caller) {
  const auto session = mirror_.objects().find(Kind::kSession, name);
  if (!session || !may_see(*session, caller)) {
    co_return refuse(404, "not-found", "there is no Session/" + name);
  }
  const auto done = co_await sessions_.keeper().end({session}, {caller.actor(), request.peer.ip()});
  if (!done) co_return refuse(done.error());
  Tree results = Tree::array();
  results.push_back({{"kind", "Session"}, {"name", name}, {"result", "deleted"}});
  co_return shown(request, 200, Tree{{"revision", mirror_.revision()}, {"results", std::move(results)}});
}

}  // namespace weir::session
