// Calls: mysocket's interface on the API's port, for the clients that people have (mysocketctl 0.15 and its
// kin). An http::Service before the Api: answers mysocket's paths, by the same writer and audit, and passes
// on all others. Who calls is a User, by the token that logging in gives; it sees and changes its own sockets
// and nothing else. On the control loop. Never logs a secret.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/api.h"
#include "auth/crypto.h"
#include "auth/failure_throttle.h"
#include "auth/password_checker.h"
#include "http/service.h"
#include "mirror/mirror.h"
#include "mysocket/routes.h"
#include "mysocket/sockets.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::mysocket {

struct Options {
  Surroundings surroundings;
  bool sign_up_open = false;  // anybody can make an account
  auth::Digest key{};         // of all accounts' tokens: the same at every controller of this weir
};

class Calls final : public http::Service {
 public:
  // All outlive the last request.
  Calls(net::Env& env, mirror::Mirror& mirror, api::Api& api, auth::PasswordChecker& passwords,
        Options options)
      : env_(env), mirror_(mirror), api_(api), passwords_(passwords), options_(std::move(options)) {}

  net::Task<Result<http::ResponsePtr>> handle(http::Request& request) override;

 private:
  using Tree = nlohmann::ordered_json;
  using Responded = api::Answer<http::ResponsePtr>;
  // Whose token came, and what the request brings.
  struct Caller {
    std::string user;
    mirror::Actor actor;
  };

  net::Task<Result<http::ResponsePtr>> answer(http::Request& request, api::Answer<Asked> asked);
  net::Task<Responded> respond(http::Request& request, Asked asked);
  net::Task<Responded> sign_up(http::Request& request);
  net::Task<Responded> log_in(http::Request& request);
  net::Task<Responded> read(http::Request& request, Asked asked, std::string user);
  net::Task<Responded> make_socket(http::Request& request, Caller caller, bool with_tunnel);
  net::Task<Responded> replace(http::Request& request, Asked asked, Caller caller);
  net::Task<Responded> make_tunnel(http::Request& request, Asked asked, Caller caller);
  net::Task<Responded> remove(http::Request& request, Asked asked, Caller caller);

  api::Answer<config::ObjectPointer> identify(const http::Request& request) const;
  net::Task<api::Answer<SocketChange>> read_change(http::Request& request, std::string user);
  net::Task<api::Answer<api::Written>> write(api::IntentSource source, mirror::Actor actor);
  net::Task<api::Answer<void>> see_objects();

  net::Env& env_;
  mirror::Mirror& mirror_;
  api::Api& api_;
  auth::PasswordChecker& passwords_;
  Options options_;
  auth::FailureThrottle failed_logins_;
  auth::FailureThrottle sign_ups_;
};

}  // namespace weir::mysocket
