// Token buckets: for each client address, for each value of a field, or for the route as a whole. They count
// on this edge, over all its cores.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "filter/filters.h"
#include "lb/hash.h"

namespace weir::filter {
namespace {

std::int64_t seconds_up(Duration duration) {
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(duration).count());
}

struct Limit {
  config::RateLimit spec;
  lb::RateLimit rate;
  std::uint64_t rule = 0;
};

class RateLimit final : public Filter {
 public:
  RateLimit(std::vector<Limit> limits, std::shared_ptr<lb::RateLimiter> limiter)
      : limits_(std::move(limits)), limiter_(std::move(limiter)) {}

  std::unique_ptr<http::TextResponse> on_request(Exchange& exchange) const override {
    for (const Limit& limit : limits_) {
      const lb::RateDecision decision =
          limiter_->take(key_of(limit, exchange.request), limit.rate, exchange.env.loop.now());
      if (!decision.allowed) return refuse(exchange, limit.spec, decision);
    }
    return nullptr;
  }

 private:
  static std::uint64_t key_of(const Limit& limit, const http::Request& request) {
    std::uint64_t key = limit.rule;
    if (limit.spec.by_address) {
      // One machine has a /64 of IPv6.
      const auto bytes = std::span(request.peer.bytes()).first(request.peer.is_v6() ? 8 : 4);
      key = lb::hash_bytes(net::as_text(std::as_bytes(bytes)), key);
    }
    if (!limit.spec.by_header.empty()) {
      const http::Field* field = request.head.fields.find(limit.spec.by_header);
      const std::string_view value = field == nullptr ? std::string_view() : field->value;
      key = lb::hash_bytes(value, key);
    }
    return key;
  }

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

  std::vector<Limit> limits_;
  std::shared_ptr<lb::RateLimiter> limiter_;
};

}  // namespace

FilterPointer make_rate_limit(const config::Route& route, const RouteContext& context) {
  if (route.rate_limits.empty()) return nullptr;
  std::vector<Limit> limits;
  for (std::size_t i = 0; i < route.rate_limits.size(); ++i) {
    const config::RateLimit& spec = route.rate_limits[i];
    const std::uint32_t burst = spec.burst == 0 ? spec.requests : spec.burst;
    limits.push_back({spec,
                      {.requests = spec.requests, .period = spec.per, .burst = burst},
                      lb::hash_bytes(context.id + " limit " + std::to_string(i))});
  }
  return std::make_unique<RateLimit>(std::move(limits), context.common.limiter);
}

}  // namespace weir::filter
