// Sessions: whose a request is that comes with a session: by its cookie, or by its secret as a bearer. Knows
// each session of the store as soon as the mirror has it, notes when it was seen last, and removes those that
// have ended. On the control loop. Never logs a secret.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "auth/token_table.h"
#include "config/object.h"
#include "config/status.h"
#include "http/service.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/task.h"
#include "session/keeper.h"
#include "store/store.h"

namespace weir::session {

class Sessions {
 public:
  // All outlive it.
  Sessions(net::Env& env, store::Store& store, mirror::Mirror& mirror, const auth::TokenTable& tokens);

  // Nothing: it brings no session's secret. Which organization it is about: X-Weir-Organization, or the
  // parameter "organization" for who can send no field.
  net::Task<std::optional<api::Answer<auth::Identity>>> identify(const http::Request& request);
  // The session still lets it in, as just that: for what outlives its request.
  bool is_valid(const auth::Identity& caller) const;

  // The session that a request brings, whatever it may do by it; null: none. By a cookie, only if no other
  // site's page has sent it and what it writes has the session's X-Weir-CSRF.
  net::Task<api::Answer<config::ObjectPointer>> session_of(const http::Request& request);
  // Of a bearer, or of the cookie. Empty: there is none.
  static std::string_view secret_of(const http::Request& request);

  // The session with that secret; null: there is none.
  config::ObjectPointer find(std::string_view secret) const;
  config::SessionStatus status_of(const config::Object& session) const;

  // Until it is cancelled: removes those that have ended.
  net::Task<void> run();
  net::Task<api::Answer<std::size_t>> sweep();

  Keeper& keeper() { return keeper_; }

 private:
  void take(const std::vector<config::ObjectChange>& changes);
  net::Task<void> touch(config::ObjectPointer session);
  std::string ended_now(const config::Object& session) const;

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  const auth::TokenTable& tokens_;
  Keeper keeper_;
  std::map<std::string, std::string, std::less<>> by_id_;  // of the secret: the session's name
  std::map<std::string, WallTime, std::less<>> seen_;      // here, by name
  mirror::Follower follower_;
};

// The organization that a request asks for; none: it does not say. 400 when it can't be read.
api::Answer<std::optional<std::string>> organization_of(const http::Request& request);

}  // namespace weir::session
