#include "mysocket/calls.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/content.h"
#include "auth/account_token.h"
#include "auth/token.h"
#include "base/text.h"
#include "mysocket/accounts.h"
#include "mysocket/bodies.h"

namespace weir::mysocket {
namespace {

using api::Answer;
using api::refuse;
using http::Known;

http::ResponsePtr text(const http::Request& request, int status, const std::string& json) {
  auto response = std::make_unique<http::TextResponse>(status, json.empty() ? "" : "application/json", json);
  response->head.fields.add(Known::kCacheControl, "no-store");
  if (!request.id.empty()) response->add_field(Known::kXRequestId, std::string(request.id));
  return response;
}

// Mysocket's clients take 200 and 204 for success, and nothing else.
http::ResponsePtr shown(const http::Request& request, const nlohmann::ordered_json& tree) {
  return text(request, 200,
              tree.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
}

http::ResponsePtr shown(const http::Request& request, const api::Problem& problem) {
  const nlohmann::ordered_json tree{{"error_message", sentence_of(problem)}, {"status_code", problem.status}};
  auto response = std::make_unique<http::TextResponse>(
      problem.status, "application/json",
      tree.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
  response->head.fields.add(Known::kCacheControl, "no-store");
  response->add_reason(problem.slug, request.id);
  if (!problem.allow.empty()) response->add_field(Known::kAllow, problem.allow);
  if (problem.status == 401) response->add_field(Known::kWwwAuthenticate, "Bearer realm=\"weir\"");
  if (problem.retry_after_seconds > 0) {
    response->add_field(Known::kRetryAfter, std::to_string(problem.retry_after_seconds));
  }
  return response;
}

std::unexpected<api::Problem> unauthenticated(std::string sentence) {
  return refuse(401, "unauthenticated", std::move(sentence));
}

// Browsers ask before they send this sort of content for another site's page, and are told nothing.
Answer<void> check_media(const http::Request& request) {
  const std::string_view value = request.head.fields.value_of(Known::kContentType);
  if (equal_ignoring_case(trim(value.substr(0, value.find(';'))), "application/json")) return {};
  return refuse(415, "unsupported-media-type", "send Content-Type: application/json");
}

net::Task<Answer<std::string>> read_body(http::Request& request) {
  if (auto media = check_media(request); !media) co_return refuse(std::move(media.error()));
  co_return co_await api::read_content(request, kBodyBytesMax);
}

Answer<void> check_wait(const auth::FailureThrottle& throttle, const net::Address& from, Instant now,
                        std::string sentence) {
  const Duration wait = throttle.wait(from, now);
  if (wait <= Duration::zero()) return {};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return refuse(api::Problem{
      429, "too-many-requests", std::move(sentence), {}, {}, static_cast<std::uint32_t>(seconds)});
}

std::unexpected<api::Problem> too_busy(auth::PasswordChecker::Verdict verdict) {
  const bool source = verdict == auth::PasswordChecker::Verdict::kSourceBusy;
  return refuse(
      api::Problem{source ? 429 : 503, "overloaded", "too many passwords are being looked at", {}, {}, 1});
}

}  // namespace

net::Task<Result<http::ResponsePtr>> Calls::handle(http::Request& request) {
  auto asked = find_call(request.head.path, request.head.method);
  if (!asked) return api_.handle(request);
  return answer(request, std::move(*asked));
}

net::Task<Result<http::ResponsePtr>> Calls::answer(http::Request& request, Answer<Asked> asked) {
  Responded answer = asked ? co_await respond(request, *asked) : Responded(refuse(std::move(asked.error())));
  if (answer) co_return std::move(*answer);
  // The client has left, or the server ends now: there is nobody to tell.
  if ((co_await net::current_context()).cancelled()) co_return fail(Code::kCancelled, "cancelled");
  if (answer.error().status >= 500) {
    env_.log.error("a call of mysocket's failed", {{"status", std::to_string(answer.error().status)},
                                                   {"reason", answer.error().detail},
                                                   {"request_id", std::string(request.id)}});
  }
  co_return shown(request, answer.error());
}

net::Task<Calls::Responded> Calls::respond(http::Request& request, Asked asked) {
  if (asked.call == Call::kSignUp) co_return co_await sign_up(request);
  if (asked.call == Call::kLogin) co_return co_await log_in(request);
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  const auto user = identify(request);
  if (!user) co_return refuse(user.error());
  const std::string& name = (*user)->metadata.name;
  Caller caller{name, {"user/" + name, request.peer.ip()}};
  switch (asked.call) {
    case Call::kConnect: co_return co_await make_socket(request, std::move(caller), true);
    case Call::kCreateSocket: co_return co_await make_socket(request, std::move(caller), false);
    case Call::kReplaceSocket: co_return co_await replace(request, asked, std::move(caller));
    case Call::kCreateTunnel: co_return co_await make_tunnel(request, asked, std::move(caller));
    case Call::kDeleteSocket:
    case Call::kDeleteTunnel: co_return co_await remove(request, asked, std::move(caller));
    default: co_return co_await read(request, asked, name);
  }
}

net::Task<Answer<void>> Calls::see_objects() {
  const auto seen = co_await mirror_.catch_up();
  if (!seen) co_return refuse(api::problem_of(seen.error()));
  co_return Answer<void>{};
}

Answer<config::ObjectPointer> Calls::identify(const http::Request& request) const {
  const http::Field* own = request.head.fields.find("x-access-token");
  std::string_view token = own == nullptr ? std::string_view() : own->value;
  if (token.empty()) token = auth::bearer_of(request.head.fields.value_of(Known::kAuthorization));
  if (token.empty()) return unauthenticated("a token is needed: log in, and send it as x-access-token");
  auto user = user_of_token(mirror_.objects(), token, options_.key, env_.loop.clock().wall_now());
  if (!user) return unauthenticated("the token is not valid, or not any more; log in again");
  return user;
}

net::Task<Calls::Responded> Calls::sign_up(http::Request& request) {
  if (!options_.sign_up_open) {
    co_return refuse(403, "forbidden", "nobody can sign up here; an administrator makes accounts");
  }
  if (auto wait = check_wait(sign_ups_, request.peer, env_.loop.now(),
                             "too many accounts were made from this address; wait");
      !wait) {
    co_return refuse(std::move(wait.error()));
  }
  const auto body = co_await read_body(request);
  if (!body) co_return refuse(body.error());
  const auto wanted = parse_sign_up(*body);
  if (!wanted) co_return refuse(wanted.error());
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  if (mirror_.objects().of(config::Kind::kUser).size() >= kUsersMax) {
    co_return refuse(403, "forbidden", "there are as many accounts as there may be; ask an administrator");
  }
  auto intent = sign_up_intent(*wanted, env_.random);
  if (!intent) co_return refuse(std::move(intent.error()));
  sign_ups_.failed(request.peer, env_.loop.now());
  mirror::Actor actor{"user/" + intent->name, request.peer.ip()};
  std::vector<api::Intent> intents;
  intents.push_back(std::move(*intent));
  const auto written = co_await api_.writer().write(std::move(intents), std::move(actor), false);
  if (!written) co_return refuse(written.error());
  co_await api_.settle(written->revision);
  co_return shown(request, user_json(*written->plan.objects.front().after));
}

net::Task<Calls::Responded> Calls::log_in(http::Request& request) {
  using Verdict = auth::PasswordChecker::Verdict;
  if (auto wait = check_wait(failed_logins_, request.peer, env_.loop.now(),
                             "too many wrong passwords came from this address; wait");
      !wait) {
    co_return refuse(std::move(wait.error()));
  }
  const auto body = co_await read_body(request);
  if (!body) co_return refuse(body.error());
  const auto login = parse_login(*body);
  if (!login) co_return refuse(login.error());
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  const config::ObjectPointer user = mirror_.objects().user_of_email(login->email);
  const std::string& hash = hash_to_compare(user);
  const Verdict verdict = co_await passwords_.check(
      env_.loop, {.key = auth::sha256({auth::bytes_of(hash), auth::bytes_of(login->password)}),
                  .source = auth::FailureThrottle::source_of(request.peer),
                  .hash = hash,
                  .password = login->password});
  if (verdict == Verdict::kRight && can_log_in(user)) {
    failed_logins_.succeeded(request.peer);
    const std::string& name = user->metadata.name;
    const auth::Digest key = auth::account_key(options_.key, name, hash);
    const std::string token = auth::make_account_token(user_id_of(name), env_.loop.clock().wall_now(), key);
    co_return shown(request, Tree{{"token", token}, {"require_mfa", false}});
  }
  if (verdict != Verdict::kRight && verdict != Verdict::kWrong) co_return too_busy(verdict);
  failed_logins_.failed(request.peer, env_.loop.now());
  env_.log.warning("a login is refused", {{"from", request.peer.ip()},
                                          {"user", user ? user->metadata.name : std::string("nobody")}});
  co_return unauthenticated("that e-mail address and password are not known");
}

net::Task<Calls::Responded> Calls::read(http::Request& request, Asked asked, std::string user) {
  const config::Whole& world = mirror_.objects();
  const auto not_there = [] { return refuse(404, "not-found", "you have nothing of that id"); };
  if (asked.call == Call::kShowUser) {
    const std::string name = name_of_user(asked.id);
    if (name != user) co_return not_there();
    co_return shown(request, user_json(*world.find(config::Kind::kUser, name)));
  }
  if (asked.call == Call::kListSockets) {
    Tree list = Tree::array();
    for (const config::ObjectPointer& socket : sockets_of(world, user)) {
      list.push_back(socket_json(world, *socket, options_.surroundings));
    }
    co_return shown(request, list);
  }
  const config::ObjectPointer socket = find_socket(world, user, asked.id);
  if (!socket) co_return not_there();
  if (asked.call == Call::kShowSocket) {
    co_return shown(request, socket_json(world, *socket, options_.surroundings));
  }
  if (asked.call == Call::kListTunnels) {
    Tree list = Tree::array();
    for (const config::ObjectPointer& tunnel : tunnels_of(world, *socket)) {
      list.push_back(tunnel_json(world, *tunnel));
    }
    co_return shown(request, list);
  }
  const config::ObjectPointer tunnel = find_tunnel(world, *socket, asked.tunnel);
  if (!tunnel) co_return not_there();
  co_return shown(request, tunnel_json(world, *tunnel));
}

// Written, seen by this process's edge, and in the mirror.
net::Task<Answer<api::Written>> Calls::write(api::IntentSource source, mirror::Actor actor) {
  auto written = co_await api_.writer().write(std::move(source), std::move(actor));
  if (!written) co_return refuse(std::move(written.error()));
  if (written->plan.writes()) co_await api_.settle(written->revision);
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  co_return std::move(*written);
}

net::Task<Answer<SocketChange>> Calls::read_change(http::Request& request, std::string user) {
  using Verdict = auth::PasswordChecker::Verdict;
  const auto body = co_await read_body(request);
  if (!body) co_return refuse(body.error());
  auto wish = parse_socket(*body);
  if (!wish) co_return refuse(std::move(wish.error()));
  SocketChange change{.user = std::move(user), .wish = std::move(*wish), .password_hash = {}};
  if (!change.wish.is_protected || change.wish.visitor_password.empty()) co_return change;
  auto hashed = co_await passwords_.hash(env_.loop, auth::FailureThrottle::source_of(request.peer),
                                         std::move(change.wish.visitor_password));
  if (hashed.verdict != Verdict::kRight) co_return too_busy(hashed.verdict);
  change.password_hash = std::move(hashed.hash);
  co_return change;
}

net::Task<Calls::Responded> Calls::make_socket(http::Request& request, Caller caller, bool with_tunnel) {
  auto change = co_await read_change(request, caller.user);
  if (!change) co_return refuse(std::move(change.error()));
  const auto source = [this, change = std::move(*change), with_tunnel](const config::Whole& world) {
    return create_socket(world, change, options_.surroundings, with_tunnel, env_.random);
  };
  const auto written = co_await write(source, std::move(caller.actor));
  if (!written) co_return refuse(written.error());
  const auto socket = find_socket(mirror_.objects(), caller.user, written->plan.objects.front().name);
  if (!socket) co_return refuse(404, "not-found", "the socket has been deleted meanwhile");
  co_return shown(request, socket_json(mirror_.objects(), *socket, options_.surroundings));
}

net::Task<Calls::Responded> Calls::replace(http::Request& request, Asked asked, Caller caller) {
  auto change = co_await read_change(request, caller.user);
  if (!change) co_return refuse(std::move(change.error()));
  const auto source = [this, change = std::move(*change),
                       id = std::string(asked.id)](const config::Whole& world) {
    return replace_socket(world, id, change, options_.surroundings);
  };
  const auto written = co_await write(source, std::move(caller.actor));
  if (!written) co_return refuse(written.error());
  const auto socket = find_socket(mirror_.objects(), caller.user, asked.id);
  if (!socket) co_return refuse(404, "not-found", "the socket has been deleted meanwhile");
  co_return shown(request, socket_json(mirror_.objects(), *socket, options_.surroundings));
}

net::Task<Calls::Responded> Calls::make_tunnel(http::Request& request, Asked asked, Caller caller) {
  if (const auto body = co_await read_body(request); !body) co_return refuse(body.error());
  const auto source = [this, user = caller.user, id = std::string(asked.id)](const config::Whole& world) {
    return create_tunnel(world, user, id, env_.random);
  };
  const auto written = co_await write(source, std::move(caller.actor));
  if (!written) co_return refuse(written.error());
  co_return shown(request, tunnel_json(mirror_.objects(), *written->plan.objects.front().after));
}

net::Task<Calls::Responded> Calls::remove(http::Request& request, Asked asked, Caller caller) {
  const auto source = [user = caller.user, id = std::string(asked.id),
                       tunnel = std::string(asked.tunnel)](const config::Whole& world) {
    return tunnel.empty() ? delete_socket(world, user, id) : delete_tunnel(world, user, id, tunnel);
  };
  const auto written = co_await write(source, std::move(caller.actor));
  if (!written) co_return refuse(written.error());
  co_return text(request, 204, "");
}

}  // namespace weir::mysocket
