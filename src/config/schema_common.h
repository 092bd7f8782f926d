// The bounds and words that the tables of several kinds share. See schema.h for what a table is.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/schema.h"
#include "config/specs.h"
#include "lb/policies.h"

namespace weir::config {

constexpr std::int64_t nanoseconds(Duration duration) { return duration.count(); }
inline constexpr std::int64_t kTimeoutMin = nanoseconds(std::chrono::milliseconds(10));
inline constexpr std::int64_t kTimeoutMax = nanoseconds(std::chrono::hours(1));
inline constexpr std::int64_t kDayMax = nanoseconds(std::chrono::hours(24));

inline constexpr std::int64_t kTokenUsesMax = 10'000;    // machines that one token lets in
inline constexpr std::int64_t kJsonBytesMax = 1 << 20U;  // an object within an event
inline constexpr std::size_t kMembersMax = 1000;         // of one organization
inline constexpr std::size_t kScopesMax = 64;            // of one token
inline constexpr std::size_t kOpenIdNamesMax = 16;       // of one user: at so many providers of identities
inline constexpr std::size_t kSignInDomainsMax = 64;
inline constexpr std::size_t kQuotasMax = 32;           // more than there are kinds
inline constexpr std::size_t kRolloutObjectsMax = 256;  // changes of one, and deletions
inline constexpr std::size_t kVisitorsMax = 1000;       // that one route lists, and as many domains

// --- words
template <>
struct Words<Protocol> {
  static constexpr std::array<std::string_view, 3> words{"HTTP", "HTTP2", "TCP"};
};
template <>
struct Words<ProxyProtocol> {
  static constexpr std::array<std::string_view, 3> words{"NONE", "V1", "V2"};
};
template <>
struct Words<ListenerProtocol> {
  static constexpr std::array<std::string_view, 4> words{"HTTP", "HTTPS", "TCP", "TLS"};
};
template <>
struct Words<ClientCertificates> {
  static constexpr std::array<std::string_view, 3> words{"NONE", "REQUEST", "REQUIRE"};
};
template <>
struct Words<TlsMode> {
  static constexpr std::array<std::string_view, 2> words{"TERMINATE", "PASSTHROUGH"};
};
template <>
struct Words<TlsVersion> {
  static constexpr std::array<std::string_view, 2> words{"1.2", "1.3"};
};
template <>
struct Words<GrpcStatus> {
  static constexpr std::array<std::string_view, 5> words{"CANCELLED", "DEADLINE_EXCEEDED",
                                                         "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE"};
};

// --- of listeners and services
inline constexpr std::int64_t kAlpnBytesMax = 255;  // RFC 7301 section 3.1
inline constexpr std::size_t kAlpnMax = 16;
template <>
struct Schema<TcpOptions> {
  static constexpr std::string_view name = "TcpOptions";
  static constexpr std::array fields{
      field<&TcpOptions::keepalive>(
          {.name = "keepalive",
           .doc = "of silence, before the peer is asked whether it is there; absent: as the system does it",
           .min = nanoseconds(std::chrono::seconds(1)),
           .max = kDayMax}),
      field<&TcpOptions::user_timeout>(
          {.name = "user_timeout",
           .doc = "what was sent may stay unacknowledged for so long; absent: as the system does it",
           .min = nanoseconds(std::chrono::seconds(1)),
           .max = kTimeoutMax}),
  };
};

template <>
struct Words<Balance> {
  static constexpr std::array<std::string_view, lb::kPolicies.size()> words = [] {
    std::array<std::string_view, lb::kPolicies.size()> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = lb::kPolicies[i].name;
    return names;
  }();
};
static_assert(Words<Balance>::words[0] == "ROUND_ROBIN", "the default of ServiceSpec::balance");

template <>
struct Words<Role> {
  static constexpr std::array<std::string_view, 7> words{"owner", "admin",  "editor", "viewer",
                                                         "join",  "tunnel", "member"};
};
template <>
struct Words<MachineRole> {
  static constexpr std::array<std::string_view, 2> words{"edge", "node"};
};

}  // namespace weir::config
