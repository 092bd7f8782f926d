// Token buckets: for each client address, for each value of a field, or for the route as a whole. They count
// on this edge, over all its cores.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "filter/admission.h"
#include "filter/filters.h"

namespace weir::filter {
namespace {

std::int64_t seconds_up(Duration duration) {
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(duration).count());
}

class RateLimit final : public Filter {
 public:
  explicit RateLimit(RateRules rules) : rules_(std::move(rules)) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    const http::Request& request = exchange.request;
    const auto refused = rules_.take(request.peer, &request.head.fields, exchange.env.loop.now());
    if (refused) return refuse(exchange, refused->spec, refused->decision);
    return nullptr;
  }

 private:
  // RFC 6585 section 4; draft-ietf-httpapi-ratelimit-headers-10.
  static std::unique_ptr<http::TextResponse> refuse(Exchange& exchange, const config::RateLimit& spec,
                                                    const lb::RateDecision& decision) {
    exchange.reason = "rate_limited";
    auto response = http::refusal(429, exchange.reason, "too many requests", exchange.request.id);
    const std::string wait = std::to_string(seconds_up(decision.retry_after));
    response->add_field(http::Known::kRetryAfter, wait);
    response->add_field("RateLimit-Policy", "\"weir\";q=" + std::to_string(spec.requests) +
                                                ";w=" + std::to_string(seconds_up(spec.per)));
    response->add_field("RateLimit", "\"weir\";r=0;t=" + wait);
    return response;
  }

  RateRules rules_;
};

}  // namespace

FilterPointer make_rate_limit(const config::Route& route, const RouteContext& context) {
  if (route.rate_limits.empty()) return nullptr;
  return std::make_unique<RateLimit>(RateRules(route.rate_limits, context.id, context.common.limiter));
}

}  // namespace weir::filter
