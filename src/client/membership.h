// Membership: what serves at an address, made a member of a service for as long as somebody holds this: the
// Service is made when it is not there, the Endpoint put there under a lease, the lease renewed, and at the
// end the Endpoint taken out. On one loop.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "client/api_client.h"
#include "client/member.h"
#include "client/objects.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::client {

// The way to the API, and who hears what comes of it.
struct MemberApi {
  std::function<net::Task<Result<ApiAnswer>>(http::Method method, std::string target, std::string content)>
      ask;
  std::function<tls::Host()> host;  // that was asked last, or will be
  std::function<void(const std::string& sentence)> say;
  // That there was no answer, or one that is no 2xx. Of several in a row, the first.
  std::function<void(const Result<ApiAnswer>& answer)> say_wrong;
  std::function<void()> on_joined = [] {};
};

// With which the names of all Endpoints begin that join that service from this machine.
std::string own_prefix(const std::string& service);

class Membership {
 public:
  Membership(net::Env& env, MemberApi api, Member member);

  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }  // empty: not known yet
  const Member& member() const { return member_; }
  // That it has joined: a sentence.
  std::string welcome() const;

  // Once. False: why was said.
  net::Task<bool> join();
  // Renews it, and puts it there again when it is gone. Until it is cancelled.
  net::Task<void> keep();
  // Joins, however often that takes, and keeps it. Until it is cancelled.
  net::Task<void> stay();
  // False: why was said.
  net::Task<bool> leave();

 private:
  Duration jittered(Duration duration);
  bool went_well(const Result<ApiAnswer>& answer);
  net::Task<bool> find_address();
  net::Task<bool> see_to_service();
  std::optional<Tree> new_service();
  Tree endpoint() const;

  net::Env& env_;
  MemberApi api_;
  Member member_;
  std::string name_;
  std::string address_;
  bool failing_ = false;  // and it was said
  bool told_ = false;     // that it is not found by DNS-SD
};

}  // namespace weir::client
