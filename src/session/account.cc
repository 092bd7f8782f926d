// What people see and change of their own account.
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "auth/ssh_key.h"
#include "session/bodies.h"
#include "session/calls.h"
#include "session/standing.h"

namespace weir::session {
namespace {

using api::Answer;
using api::refuse;
using config::Kind;
using Tree = nlohmann::ordered_json;

Tree account_json(const config::Object& user) {
  const auto& spec = std::get<config::UserSpec>(user.spec);
  Tree providers = Tree::array();
  for (const config::OpenIdName& one : spec.open_ids) providers.push_back(one.issuer);
  return {{"name", user.metadata.name},        {"email", spec.email},
          {"display_name", spec.display_name}, {"has_password", !spec.password.empty()},
          {"ssh_keys", spec.ssh_keys},         {"providers", std::move(providers)}};
}

// But for options and authorities: whoever changes his own brings keys, and is nobody's authority.
Answer<void> check_keys(const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (const auto key = auth::parse_ssh_key(lines[i]); !key) {
      const std::string field = "ssh_keys[" + std::to_string(i) + "]";
      return refuse(api::invalid({{.field = field, .message = key.error(), .object = {}}}));
    }
  }
  return {};
}

}  // namespace

net::Task<Answer<config::ObjectPointer>> Calls::own_account(http::Request& request) {
  const auto session = co_await sessions_.session_of(request);
  if (!session) co_return refuse(session.error());
  if (!*session) {
    if (auto caller = co_await api_.identify(request); !caller) co_return refuse(std::move(caller.error()));
    co_return refuse(403, "forbidden", "a token is nobody's account; log in");
  }
  const std::string& name = terms_of(**session).user;
  auto user = mirror_.objects().find(Kind::kUser, name);
  if (!user) co_return refuse(403, "forbidden", "this session is a token's, which is nobody's account");
  const std::string& only = (*session)->metadata.organization;
  // Whoever runs the provider could come so: only where there is nothing to be had elsewhere.
  const bool has_password = !std::get<config::UserSpec>(user->spec).password.empty();
  if (!only.empty() && (has_password || !is_only_in(mirror_.objects(), *user, only))) {
    co_return refuse(403, "forbidden",
                     "this account is not of this organization alone; log in by your password to see and "
                     "change it");
  }
  co_return user;
}

net::Task<Calls::Responded> Calls::show_account(http::Request& request) {
  const auto user = co_await own_account(request);
  if (!user) co_return refuse(user.error());
  co_return shown(request, 200, account_json(**user));
}

net::Task<Calls::Responded> Calls::change_account(http::Request& request) {
  const auto user = co_await own_account(request);
  if (!user) co_return refuse(user.error());
  const auto body = co_await read_json(request);
  if (!body) co_return refuse(body.error());
  auto change = parse_account_change(*body);
  if (!change) co_return refuse(std::move(change.error()));
  const std::string name = (*user)->metadata.name;
  Tree spec = Tree::object();
  if (change->display_name) spec["display_name"] = *change->display_name;
  if (change->ssh_keys) {
    if (auto wrong = check_keys(*change->ssh_keys); !wrong) co_return refuse(std::move(wrong.error()));
    spec["ssh_keys"] = *change->ssh_keys;
  }
  if (change->password) {
    const auto& account = std::get<config::UserSpec>((*user)->spec);
    if (account.password.empty()) {
      co_return refuse(403, "forbidden", "this account has no password; an administrator gives it the first");
    }
    const auto known = co_await user_of(request, account.email, std::move(change->old_password));
    if (!known && known.error().status == 401) {
      co_return refuse(api::invalid(
          {{.field = "old_password", .message = "is not the password of this account", .object = {}}}));
    }
    if (!known) co_return refuse(known.error());
    spec["password"] = *change->password;
  }
  api::Intent intent{.verb = api::Verb::kPatch, .kind = Kind::kUser, .name = name};
  intent.patch = Tree{{"spec", std::move(spec)}}.dump(-1, ' ', false, Tree::error_handler_t::replace);
  std::vector<api::Intent> intents;
  intents.push_back(std::move(intent));
  const auto written = co_await api_.writer().write(std::move(intents), {name, request.peer.ip()}, false);
  if (!written) co_return refuse(written.error());
  const auto session = sessions_.find(Sessions::secret_of(request));
  if (change->password && session) {  // all others have ended by it
    const auto kept =
        co_await sessions_.keeper().change(session->metadata.name,
                                           [](config::Object& object, const config::Whole& world) {
                                             put_mark(object, world);
                                             return true;
                                           },
                                           {});
    if (!kept) co_return refuse(kept.error());
  }
  if (const auto seen = co_await see_objects(); !seen) co_return refuse(seen.error());
  const auto now_so = mirror_.objects().find(Kind::kUser, name);
  if (!now_so) co_return refuse(404, "not-found", "the account is gone");
  co_return shown(request, 200, account_json(*now_so));
}

}  // namespace weir::session
