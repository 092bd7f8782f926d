// Flags: in a word of two to five letters, what was wrong with a request: Envoy's response flags, where there
// is one that says the same. A set of them is a number; the table gives their words. Values, any core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/service.h"

namespace weir::record {

enum class Flag : std::uint8_t {
  kNoRoute,
  kNoEndpoint,
  kOverflow,
  kConnectFailure,
  kUpstreamClosed,
  kUpstreamTimeout,
  kUpstreamProtocol,
  kRetriesUsedUp,
  kRateLimited,
  kAccessRefused,
  kClientGone,
  kClientTimeout,
  kClientProtocol,
  kStopped,
  kLastedTooLong,
  kIdle,
  kEndpointGone,
};

struct FlagKind {
  Flag flag;
  std::string_view word;
  std::string_view doc;
};

inline constexpr std::array kFlags{
    FlagKind{Flag::kNoRoute, "NR", "no load balancer or route takes the request"},
    FlagKind{Flag::kNoEndpoint, "UH", "no endpoint of the service can take requests"},
    FlagKind{Flag::kOverflow, "UO", "a limit of the service is reached (circuit breaker)"},
    FlagKind{Flag::kConnectFailure, "UF", "no connection to the endpoint could be made"},
    FlagKind{Flag::kUpstreamClosed, "UC", "the endpoint closed or reset the connection"},
    FlagKind{Flag::kUpstreamTimeout, "UT", "the endpoint did not answer in time"},
    FlagKind{Flag::kUpstreamProtocol, "UPE", "what the endpoint sent is not HTTP"},
    FlagKind{Flag::kRetriesUsedUp, "URX", "it failed, and no more retries were allowed"},
    FlagKind{Flag::kRateLimited, "RL", "refused by a rate limit"},
    FlagKind{Flag::kAccessRefused, "UAEX", "refused by ip_access, basic_auth or sign_in"},
    FlagKind{Flag::kClientGone, "DC", "the client closed or reset its connection"},
    FlagKind{Flag::kClientTimeout, "DT", "the client did not send or take bytes in time, or too slowly"},
    FlagKind{Flag::kClientProtocol, "DPE", "what the client sent is not HTTP"},
    FlagKind{Flag::kStopped, "LR", "weir ended the connection, because it stops"},
    FlagKind{Flag::kLastedTooLong, "UMSDR", "it lasted as long as its route allows (stream_duration_max)"},
    FlagKind{Flag::kIdle, "SI", "nothing moved for as long as its route allows (stream_idle_timeout)"},
    FlagKind{Flag::kEndpointGone, "UD", "its endpoint was taken out, and drain_timeout is over"},
};
static_assert([] {
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if (static_cast<std::size_t>(kFlags[i].flag) != i) return false;
  }
  return true;
}());

class Flags {
 public:
  void add(Flag flag) { bits_ |= 1U << static_cast<unsigned>(flag); }
  void add(Flags others) { bits_ |= others.bits_; }
  bool has(Flag flag) const { return (bits_ & 1U << static_cast<unsigned>(flag)) != 0; }
  bool any() const { return bits_ != 0; }
  // "UF,URX", in the order of the table; "-" for none.
  std::string text() const;

 private:
  std::uint32_t bits_ = 0;
};

// What an error that ends a request, or a try, is flagged with. connecting: no connection was there yet.
Flags flags_of(const Error& error, bool connecting);
Flags flags_of(http::Cut cut);
// Of the filter that answered, by its name in filter::kFilters.
Flags flags_of_filter(std::string_view filter);

}  // namespace weir::record
