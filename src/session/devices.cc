// Devices: programs without a browser that ask for somebody, who approves them elsewhere (RFC 8628).
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <variant>

#include "api/content.h"
#include "api/query.h"
#include "auth/token.h"
#include "base/text.h"
#include "net/core.h"
#include "session/bodies.h"
#include "session/calls.h"
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
using Tree = nlohmann::ordered_json;

// RFC 8628 section 6.1: no vowels, so that no words come of them, and nothing that looks like a digit.
constexpr std::string_view kLetters = "BCDFGHJKLMNPQRSTVWXZ";
constexpr std::size_t kCodeLetters = 8;
constexpr std::string_view kGrant = "urn:ietf:params:oauth:grant-type:device_code";
// What a clock and a network may shorten the interval of two questions by.
constexpr Duration kPollSlack = std::chrono::seconds(1);

Result<std::string> make_code() {
  std::string code;
  while (code.size() < kCodeLetters) {
    std::array<std::byte, 16> bytes{};
    if (auto filled = net::fill_random(bytes); !filled) return fail(filled.error());
    for (const std::byte one : bytes) {
      const auto value = std::to_integer<std::size_t>(one);
      // 240 is a multiple of the number of letters: each is as likely.
      if (value < 240 && code.size() < kCodeLetters) code += kLetters[value % kLetters.size()];
    }
  }
  return code;
}

std::string normal_code(std::string_view typed) {
  std::string code;
  for (const char c : typed.substr(0, 64)) {
    if (c == '-' || c == ' ') continue;
    code += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  return code;
}

bool is_approved(const config::SessionSpec& spec) { return !spec.user.empty() || !spec.token.empty(); }

std::string address_of(const http::Request& request) {
  return (is_secure(request) ? "https://" : "http://") + std::string(request.head.authority);
}

http::ResponsePtr not_yet(const http::Request& request, const char* error, const char* description) {
  auto response = shown(request, 400, Tree{{"error", error}, {"error_description", description}});
  response->add_reason("device-code", {});
  return response;
}

bool is_form(const http::Request& request) {
  const std::string_view value = request.head.fields.value_of(Known::kContentType);
  return equal_ignoring_case(trim(value.substr(0, value.find(';'))), "application/x-www-form-urlencoded");
}

Answer<std::string> code_asked(const http::Request& request) {
  constexpr std::string_view kName = "user_code=";
  const std::string_view query = request.head.query;
  const auto code =
      query.starts_with(kName) ? api::percent_decoded(query.substr(kName.size()), true) : std::nullopt;
  if (!code) return refuse(400, "bad-query", "say which device: ?user_code=BCDF-GHJK");
  return *code;
}

}  // namespace

config::ObjectPointer Calls::pending_by_code(std::string_view user_code) const {
  const std::string wanted = code_hash(options_.key, normal_code(user_code));
  for (const config::ObjectPointer& session : mirror_.objects().of(Kind::kSession)) {
    const config::SessionSpec& spec = terms_of(*session);
    const bool waits = spec.pending && !is_approved(spec) && spec.expires_at && now() < *spec.expires_at;
    if (waits && auth::constant_time_equal(auth::bytes_of(spec.code_hash), auth::bytes_of(wanted))) {
      return session;
    }
  }
  return nullptr;
}

net::Task<Calls::Responded> Calls::ask_code(http::Request& request) {
  if (auto wait = check_wait(asked_codes_, request.peer, "too many codes were asked for from this address");
      !wait) {
    co_return refuse(std::move(wait.error()));
  }
  const bool form = is_form(request);
  const auto body = form ? co_await api::read_content(request, kBodyBytesMax) : co_await read_json(request);
  if (!body) co_return refuse(body.error());
  auto wish = parse_device_wish(*body, form);
  if (!wish) co_return refuse(std::move(wish.error()));
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  const auto& all = mirror_.objects().of(Kind::kSession);
  const auto pending = std::ranges::count_if(
      all, [](const config::ObjectPointer& one) { return terms_of(std::as_const(*one)).pending; });
  if (static_cast<std::size_t>(pending) >= kPendingMax) {
    co_return refuse(api::Problem{503, "overloaded", "too many devices wait to be approved", {}, {}, 30});
  }
  asked_codes_.failed(request.peer, env_.loop.now());
  const auto code = make_code();
  if (!code) co_return refuse(api::problem_of(code.error()));
  const auto begun = co_await sessions_.keeper().begin(
      {.method = config::SessionMethod::kDevice,
       .pending = true,
       .device = std::move(wish->device),
       .remote_address = request.peer.ip(),
       .user_agent = std::string(request.head.fields.value_of(Known::kUserAgent).substr(0, kTextBytesMax)),
       .expires_at = now() + std::chrono::floor<WallTime::duration>(kCodeLife),
       .code_hash = code_hash(options_.key, *code)},
      {}, {});
  if (!begun) co_return refuse(begun.error());
  const std::string typed = code->substr(0, 4) + '-' + code->substr(4);
  const std::string page = address_of(request) + "/device";
  co_return shown(
      request, 200,
      Tree{{"device_code", begun->secret},
           {"user_code", typed},
           {"verification_uri", page},
           {"verification_uri_complete", page + "?user_code=" + typed},
           {"expires_in", std::chrono::duration_cast<std::chrono::seconds>(kCodeLife).count()},
           {"interval", std::chrono::duration_cast<std::chrono::seconds>(kPollInterval).count()}});
}

net::Task<Calls::Responded> Calls::ask_token(http::Request& request) {
  const bool form = is_form(request);
  const auto body = form ? co_await api::read_content(request, kBodyBytesMax) : co_await read_json(request);
  if (!body) co_return refuse(body.error());
  const auto wish = parse_device_wish(*body, form);
  if (!wish) co_return refuse(wish.error());
  if (wish->grant_type != kGrant) {
    co_return not_yet(request, "unsupported_grant_type", "grant_type must be that of RFC 8628");
  }
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  const config::ObjectPointer session = sessions_.find(wish->device_code);
  if (!session || !terms_of(*session).pending || now() >= *terms_of(*session).expires_at) {
    co_return not_yet(request, "expired_token", "the code is not known, or not any more");
  }
  const std::string& name = session->metadata.name;
  const auto last = polled_.find(name);
  const bool too_soon = last != polled_.end() && env_.loop.now() - last->second < kPollInterval - kPollSlack;
  note_poll(name);
  if (too_soon) co_return not_yet(request, "slow_down", "ask every five seconds");
  if (!is_approved(terms_of(*session))) {
    if (!terms_of(*session).code_hash.empty()) {
      co_return not_yet(request, "authorization_pending", "nobody has approved it yet");
    }
    (void)co_await sessions_.keeper().end({session}, {});
    co_return not_yet(request, "access_denied", "somebody has refused it");
  }
  co_return co_await hand_out(request, name);
}

// Of those that are gone, nothing is remembered.
void Calls::note_poll(const std::string& name) {
  std::erase_if(polled_, [&](const auto& one) { return !mirror_.objects().find(Kind::kSession, one.first); });
  polled_.insert_or_assign(name, env_.loop.now());
}

net::Task<Calls::Responded> Calls::hand_out(http::Request& request, std::string name) {
  auto token = auth::issue_token();
  if (!token) co_return refuse(api::problem_of(token.error()));
  const WallTime until = now() + std::chrono::floor<WallTime::duration>(kLifeMax);
  bool handed_out = false;
  const auto session = mirror_.objects().find(Kind::kSession, name);
  std::string actor = terms_of(*session).user.empty() ? terms_of(*session).token : terms_of(*session).user;
  const auto done = co_await sessions_.keeper().change(name,
                                                       [&](config::Object& object, const config::Whole&) {
                                                         config::SessionSpec& spec = terms_of(object);
                                                         const auto kept = Kept::parse(spec.hash);
                                                         handed_out =
                                                             spec.pending && is_approved(spec) && kept;
                                                         if (!handed_out) return false;
                                                         spec.pending = false;
                                                         spec.code_hash.clear();
                                                         spec.expires_at = until;
                                                         spec.hash = Kept{token->hash, kept->mark}.to_text();
                                                         return true;
                                                       },
                                                       {std::move(actor), request.peer.ip()});
  if (!done) co_return refuse(done.error());
  if (!handed_out) co_return not_yet(request, "expired_token", "the code has been used");
  co_return shown(request, 200,
                  Tree{{"access_token", token->text},
                       {"token_type", "Bearer"},
                       {"expires_in", std::chrono::duration_cast<std::chrono::seconds>(kLifeMax).count()}});
}

net::Task<Answer<config::ObjectPointer>> Calls::typed_device(http::Request& request, std::string user_code) {
  if (auto wait = check_wait(failed_codes_, request.peer, "too many wrong codes came from this address");
      !wait) {
    co_return refuse(std::move(wait.error()));
  }
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  auto session = pending_by_code(user_code);
  if (session) co_return session;
  failed_codes_.failed(request.peer, env_.loop.now());
  co_return refuse(404, "not-found", "no device waits with this code; it may have waited for too long");
}

net::Task<Calls::Responded> Calls::show_device(http::Request& request) {
  if (const auto caller = co_await api_.identify(request); !caller) co_return refuse(caller.error());
  auto code = code_asked(request);
  if (!code) co_return refuse(std::move(code.error()));
  const auto session = co_await typed_device(request, std::move(*code));
  if (!session) co_return refuse(session.error());
  const config::SessionSpec& spec = terms_of(**session);
  co_return shown(request, 200,
                  Tree{{"device", spec.device},
                       {"remote_address", spec.remote_address},
                       {"user_agent", spec.user_agent},
                       {"expires_at", format_rfc3339(*spec.expires_at)}});
}

net::Task<Calls::Responded> Calls::approve(http::Request& request) {
  const auto caller = co_await api_.identify(request);
  if (!caller) co_return refuse(caller.error());
  if (caller->role > auth::Role::kViewer) {
    co_return refuse(403, "forbidden", "this token is for machines, and approves no device");
  }
  const auto body = co_await read_json(request);
  if (!body) co_return refuse(body.error());
  auto approval = parse_approval(*body);
  if (!approval) co_return refuse(std::move(approval.error()));
  const auto session = co_await typed_device(request, std::move(approval->user_code));
  if (!session) co_return refuse(session.error());
  // What the approver may is what the device may: as limited, and by the same token.
  const auto own = mirror_.objects().find(Kind::kSession, caller->session);
  const std::string only = own ? own->metadata.organization : std::string();
  bool is_late = false;
  const auto done =
      co_await sessions_.keeper().change((*session)->metadata.name,
                                         [&](config::Object& object, const config::Whole& world) {
                                           config::SessionSpec& spec = terms_of(object);
                                           is_late = is_approved(spec) || spec.code_hash.empty();
                                           if (is_late) return false;
                                           spec.code_hash.clear();
                                           if (!approval->approve) return true;
                                           object.metadata.organization = only;
                                           spec.token = caller->token;
                                           if (caller->token.empty()) spec.user = caller->user;
                                           put_mark(object, world);
                                           return true;
                                         },
                                         {caller->actor(), request.peer.ip()});
  if (!done) co_return refuse(done.error());
  if (is_late) co_return refuse(409, "conflict", "somebody has answered this device already");
  co_return shown(request, 200,
                  Tree{{"device", terms_of(**session).device}, {"approved", approval->approve}});
}

}  // namespace weir::session
