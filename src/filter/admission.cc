#include "filter/admission.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "lb/hash.h"
#include "net/buffer.h"

namespace weir::filter {
namespace {

std::vector<config::Network> networks(const std::vector<std::string>& texts) {
  std::vector<config::Network> parsed;
  for (const std::string& text : texts) parsed.push_back(*config::parse_network(text));  // was validated
  return parsed;
}

}  // namespace

AddressAccess::AddressAccess(const config::IpAccess& spec)
    : allow_(networks(spec.allow)), deny_(networks(spec.deny)) {}

bool AddressAccess::allows(const net::Address& client) const {
  const auto holds = [&client](const config::Network& network) {
    return network.contains(client.is_v6(), client.bytes());
  };
  return std::ranges::none_of(deny_, holds) && (allow_.empty() || std::ranges::any_of(allow_, holds));
}

RateRules::RateRules(const std::vector<config::RateLimit>& specs, std::string_view id,
                     std::shared_ptr<lb::RateLimiter> limiter)
    : limiter_(std::move(limiter)) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::uint32_t burst = specs[i].burst == 0 ? specs[i].requests : specs[i].burst;
    rules_.push_back({specs[i],
                      {.requests = specs[i].requests, .period = specs[i].per, .burst = burst},
                      lb::hash_bytes(std::string(id) + " limit " + std::to_string(i))});
  }
}

std::uint64_t RateRules::key_of(const Rule& rule, const net::Address& client, const http::Fields* fields) {
  std::uint64_t key = rule.key;
  if (rule.spec.by_address) {
    // One machine has a /64 of IPv6.
    const auto bytes = std::span(client.bytes()).first(client.is_v6() ? 8 : 4);
    key = lb::hash_bytes(net::as_text(std::as_bytes(bytes)), key);
  }
  if (!rule.spec.by_header.empty()) {
    const http::Field* field = fields == nullptr ? nullptr : fields->find(rule.spec.by_header);
    const std::string_view value = field == nullptr ? std::string_view() : field->value;
    key = lb::hash_bytes(value, key);
  }
  return key;
}

std::optional<RateRules::Refused> RateRules::take(const net::Address& client, const http::Fields* fields,
                                                  Instant now) const {
  for (const Rule& rule : rules_) {
    const lb::RateDecision decision = limiter_->take(key_of(rule, client, fields), rule.rate, now);
    if (!decision.allowed) return Refused{rule.spec, decision};
  }
  return std::nullopt;
}

}  // namespace weir::filter
