// Calls: what is asked of sessions themselves: /v1/session, /v1/sessions, /v1/device and what is below them.
// The Api passes these on, by its hook. On the control loop. Never logs a secret.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.h"
#include "auth/crypto.h"
#include "auth/failure_throttle.h"
#include "auth/password_checker.h"
#include "auth/token_table.h"
#include "http/service.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "oidc/flow.h"
#include "oidc/provider.h"
#include "session/limits.h"
#include "session/sessions.h"
#include "store/store.h"

namespace weir::session {

struct Options {
  std::string version;  // of the program
  std::string domain;
  auth::Digest key{};  // the same at every controller of this weir
};

class Calls {
 public:
  using Responded = api::Answer<http::ResponsePtr>;

  // Hangs itself into the Api. All outlive the last request.
  Calls(net::Env& env, store::Store& store, mirror::Mirror& mirror, api::Api& api,
        const auth::TokenTable& tokens, auth::PasswordChecker& passwords, Options options);

  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  net::Task<Responded> answer(http::Request& request, const api::Target& target,
                              const auth::Identity* caller);
  Sessions& sessions() { return sessions_; }
  // As the text of a Session's status.
  std::string status_of(const config::Object& session) const;

 private:
  using Tree = nlohmann::ordered_json;
  using Handler = net::Task<Responded> (Calls::*)(http::Request& request);
  struct Line;
  static const Line kLines[];

  net::Task<Responded> show(http::Request& request);
  net::Task<Responded> log_in(http::Request& request);
  net::Task<Responded> log_out(http::Request& request);
  net::Task<Responded> methods(http::Request& request);
  net::Task<Responded> show_account(http::Request& request);
  net::Task<Responded> change_account(http::Request& request);
  net::Task<Responded> ask_code(http::Request& request);
  net::Task<Responded> ask_token(http::Request& request);
  net::Task<Responded> show_device(http::Request& request);
  net::Task<Responded> approve(http::Request& request);

  // Of /v1/session/oidc/: an organization, or that and "/callback".
  net::Task<Responded> open_id(http::Request& request, std::string name);
  net::Task<Responded> send_away(http::Request& request, std::string name);
  net::Task<Responded> come_back(http::Request& request, std::string name);
  net::Task<api::Answer<std::string>> become(const http::Request& request, const std::string& organization,
                                             const oidc::Claims& claims);
  std::unexpected<api::Problem> not_signed_in(const http::Request& request, const oidc::Failure& failure);

  // Of /v1/sessions.
  Responded list(const http::Request& request, const auth::Identity& caller) const;
  Responded one(const http::Request& request, const std::string& name, const auth::Identity& caller) const;
  net::Task<Responded> end(const http::Request& request, const std::string& name,
                           const auth::Identity& caller);
  bool may_see(const config::Object& session, const auth::Identity& caller) const;
  // By a session that acts in one organization alone.
  bool is_limited(const auth::Identity& caller) const;
  Tree tree_of(const config::Object& session) const;

  // Whose the password is, or that the account's owner waits, or has to.
  net::Task<api::Answer<config::ObjectPointer>> user_of(const http::Request& request, std::string email,
                                                        std::string password);
  api::Answer<auth::Identity> token_identity(const http::Request& request, std::string_view token);
  Tree whole_answer(const http::Request& request, const config::Object& session,
                    std::string_view secret) const;
  net::Task<Responded> logged_in(const http::Request& request, config::SessionSpec spec, std::string actor);
  net::Task<api::Answer<std::string>> read_json(http::Request& request);
  net::Task<api::Answer<void>> see_objects();
  // The caller's own session and User, to change the account: not by a token, nor by one that an organization
  // vouched for whose the account is not.
  net::Task<api::Answer<config::ObjectPointer>> own_account(http::Request& request);
  api::Answer<void> check_wait(const auth::FailureThrottle& throttle, const net::Address& from,
                               std::string sentence) const;
  config::ObjectPointer pending_by_code(std::string_view user_code) const;
  net::Task<api::Answer<config::ObjectPointer>> typed_device(http::Request& request, std::string user_code);
  net::Task<Responded> hand_out(http::Request& request, std::string name);
  void note_poll(const std::string& name);
  WallTime now() const { return env_.loop.clock().wall_now(); }

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  api::Api& api_;
  const auth::TokenTable& tokens_;
  auth::PasswordChecker& passwords_;
  Options options_;
  Sessions sessions_;
  oidc::Providers providers_;
  oidc::Flow flow_;
  auth::FailureThrottle failed_from_;                   // by address
  auth::FailureThrottle failed_as_;                     // by account
  auth::FailureThrottle asked_codes_;                   // for devices
  auth::FailureThrottle failed_codes_;                  // that somebody typed
  std::map<std::string, Instant, std::less<>> polled_;  // by pending devices
};

// An answer that no cache keeps and no browser takes for something else.
std::unique_ptr<http::TextResponse> shown(const http::Request& request, int status,
                                          const nlohmann::ordered_json& tree);

}  // namespace weir::session
