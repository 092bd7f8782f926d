// Access: who may use the API: the token that a request carries, held against the TokenTable. Slows down who
// tries tokens, never who has a good one. On the control loop. Never logs a secret.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/problem.h"
#include "api/routes.h"
#include "auth/failure_throttle.h"
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
  // A token that let a request in still does: for what outlives its request.
  bool is_valid(std::string_view token_name) const;
  std::uint64_t refused() const { return refused_.get(); }

 private:
  net::Env& env_;
  const auth::TokenTable& tokens_;
  auth::FailureThrottle throttle_;
  Counter refused_;
};

// 403 for what the role may not do there. What a member writes is looked at again when it is known whose it
// is: see permit_write.
Answer<void> permit(const auth::Identity& caller, const Target& target, http::Method method);
// 403 for a member, unless the object is an Endpoint of one of its services. object: as it is, or as it is
// wanted; null: there is none.
Answer<void> permit_write(const auth::Identity& caller, const config::Object* object);

}  // namespace weir::api
