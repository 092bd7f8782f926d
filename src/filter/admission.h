// Who may come, by address, and how often: what routes of requests and listeners of connections have in
// common. Immutable, used by every core at once; what is counted is in the limiter.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/formats.h"
#include "config/specs.h"
#include "http/message.h"
#include "lb/rate_limiter.h"
#include "net/network.h"

namespace weir::filter {

class AddressAccess {
 public:
  AddressAccess() = default;  // everybody may
  explicit AddressAccess(const config::IpAccess& spec);
  bool allows(const net::Address& client) const;

 private:
  std::vector<config::Network> allow_;
  std::vector<config::Network> deny_;
};

class RateRules {
 public:
  // id: of whom they limit, the same over changes of others.
  RateRules(const std::vector<config::RateLimit>& specs, std::string_view id,
            std::shared_ptr<lb::RateLimiter> limiter);

  struct Refused {
    const config::RateLimit& spec;
    lb::RateDecision decision;
  };
  // Takes one out of each; nothing: all had one. fields: of a request; null: there are none.
  std::optional<Refused> take(const net::Address& client, const http::Fields* fields, Instant now) const;

 private:
  struct Rule {
    config::RateLimit spec;
    lb::RateLimit rate;
    std::uint64_t key = 0;
  };
  static std::uint64_t key_of(const Rule& rule, const net::Address& client, const http::Fields* fields);

  std::vector<Rule> rules_;
  std::shared_ptr<lb::RateLimiter> limiter_;
};

}  // namespace weir::filter
