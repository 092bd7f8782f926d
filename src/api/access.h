// Access: who may use the API: the token that a request carries, held against the TokenTable. Slows down who
// tries tokens, never who has a good one. On the control loop. Never logs a secret.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/problem.h"
#include "api/routes.h"
#include "auth/failure_throttle.h"
#include "auth/permissions.h"
#include "auth/token_table.h"
#include "base/metrics.h"
#include "config/object.h"
#include "http/service.h"
#include "net/env.h"

namespace weir::api {

class Access {
 public:
  Access(net::Env& env, const auth::TokenTable& tokens) : env_(env), tokens_(tokens) {}

  // 401 without a valid token; 429 after many wrong ones from one address; 503 as long as it is not known
  // which are valid.
  Answer<auth::Identity> identify(const http::Request& request);
  // What let this caller in still does, as just that: for what outlives its request.
  bool is_valid(const auth::Identity& caller) const;
  std::uint64_t refused() const { return refused_.get(); }

 private:
  net::Env& env_;
  const auth::TokenTable& tokens_;
  auth::FailureThrottle throttle_;
  Counter refused_;
};

// 403 for what the role or the scopes of the caller do not let it do there, and for what is the platform's.
// What it writes is looked at again, object by object: see permit_write.
Answer<void> permit(const auth::Identity& caller, const Target& target, http::Method method);

// The same, where the kind is known from what is written.
Answer<void> permit_kind(const auth::Identity& caller, config::Kind kind, auth::Verb verb);
// 403 for what the caller may not make of an object that it may write: nobody gives more than it has, and an
// organization's own is its owners'. before: as it is; null: it is not there. after: null: it is deleted.
Answer<void> permit_write(const auth::Identity& caller, const config::Object* before,
                          const config::Object* after);
// 403 for a member, unless the object is an Endpoint of one of its services. object: as it is, or as it is
// wanted; null: there is none.
Answer<void> permit_member(const auth::Identity& caller, const config::Object* object);

}  // namespace weir::api
