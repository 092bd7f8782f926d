// Filter: one policy of a route: looks at requests before an endpoint is chosen, and at responses before they
// are sent back. Made once for each route that asks for it and kept while the route asks for the same;
// immutable, used by every core at once; what it counts is atomic. A filter is one file and one line of
// kFilters.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "auth/failure_throttle.h"
#include "auth/password_checker.h"
#include "config/snapshot.h"
#include "http/service.h"
#include "lb/rate_limiter.h"
#include "net/env.h"
#include "oidc/provider.h"

namespace weir::filter {

// What the filters of all routes have in common, over all plans.
struct Common {
  std::shared_ptr<lb::RateLimiter> limiter = std::make_shared<lb::RateLimiter>();
  std::shared_ptr<auth::PasswordChecker> passwords = std::make_shared<auth::PasswordChecker>();
};

// What a route knows of itself when its filters are made.
struct RouteContext {
  std::string id;                  // "web path prefix /a": the same over changes of other routes
  std::string_view load_balancer;  // whose it is
  bool beside_sign_in = false;     // another route of the load balancer has sign_in
  const config::Snapshot& snapshot;
  const Common& common;
};

// One request on its way; on the core of its connection.
struct Exchange {
  http::Request& request;
  net::Env& env;
  auth::FailureThrottle& throttle;  // this core's
  oidc::Providers& providers;       // the same
  std::string_view matched_prefix;  // of the path; empty: the route is no prefix
  std::string_view reason;          // static: why a filter answered, for weir-reason
  bool deferred = false;            // set by on_request(): see on_request_deferred()
};

class Filter {
 public:
  virtual ~Filter() = default;
  // A response: it is the answer, and nothing goes to an endpoint. Null: go on. May edit the head; texts that
  // it makes go to request.scratch.
  virtual std::unique_ptr<http::TextResponse> on_request(Exchange& /*exchange*/) const { return nullptr; }
  // What takes longer than a turn of the loop may: awaited when on_request() has set exchange.deferred, and
  // its answer counts.
  virtual net::Task<std::unique_ptr<http::TextResponse>> on_request_deferred(Exchange& exchange) const;
  // Whatever answered, the filters' own answers included.
  virtual void on_response(Exchange& /*exchange*/, http::ResponseHead& /*head*/) const {}
};

using FilterPointer = std::unique_ptr<const Filter>;

}  // namespace weir::filter
