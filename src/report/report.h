// Report: what an edge tells a controller, on one stream for as long as it is attached: who it is, how it
// finds endpoints, what it carries. As values; the wire is weir.v1.Report (weir.proto). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "channel/open.h"
#include "report/interval.h"

namespace weir::report {

// What one report may hold: the message stays below gRPC's 4 MiB, and no edge makes a controller keep more.
inline constexpr std::size_t kReportEndpointsMax = 1000;
inline constexpr std::size_t kReportTunnelsMax = 1000;
inline constexpr std::size_t kReportTextBytesMax = 1024;  // each text
inline constexpr std::size_t kReportLabelsMax = 64;
inline constexpr std::size_t kReportCapabilitiesMax = 64;
inline constexpr std::size_t kReportRefusedMax = 1000;
inline constexpr std::size_t kReportBucketsMax = 64;
inline constexpr std::size_t kReportAnycastMax = 64;
inline constexpr std::size_t kReportServicesMax = 1000;  // whose load is told
inline constexpr std::size_t kReportZonesMax = 16;       // of each of them

struct Hello {
  std::string node;  // the edge's name
  std::string version;
  std::string provider;
  std::string region;
  std::string city;
  std::map<std::string, std::string> labels;
  std::vector<std::string> capabilities;
  std::string address;
  std::string relay;  // host:port by which other edges reach origins that are attached to it
  friend bool operator==(const Hello&, const Hello&) = default;
};

enum class EndpointState : std::uint8_t { kUnknown, kHealthy, kUnhealthy, kGone };  // as in weir.proto

struct EndpointSeen {
  std::string service;
  std::string endpoint;  // its key
  EndpointState state = EndpointState::kUnknown;
  std::string reason;
  friend bool operator==(const EndpointSeen&, const EndpointSeen&) = default;
};

// What the endpoints of a service in a zone were given: requests, calls and connections.
struct ZoneLoad {
  std::string zone;
  std::uint64_t requests = 0;
  std::uint64_t in_flight = 0;  // now
  friend bool operator==(const ZoneLoad&, const ZoneLoad&) = default;
};
struct ServiceLoad {
  std::string service;
  std::vector<ZoneLoad> zones;
  friend bool operator==(const ServiceLoad&, const ServiceLoad&) = default;
};
// Of all services that were given some, or have some.
struct ServiceLoads {
  std::vector<ServiceLoad> of;
  bool left_out = false;  // there are more than a report holds
  friend bool operator==(const ServiceLoads&, const ServiceLoads&) = default;
};

struct Load {
  std::uint64_t requests = 0;
  std::uint64_t errors_5xx = 0;
  std::uint32_t connections = 0;              // now
  std::vector<std::uint64_t> latency_counts;  // of those requests, by record::Traffic::kBuckets
  std::uint64_t applied_revision = 0;         // now
  Duration span{};                            // that this is about, in whole milliseconds
  std::optional<ServiceLoads> services;       // none: the edge does not count by service
  friend bool operator==(const Load&, const Load&) = default;
};

// What an edge could not take up; it goes on with what was before.
struct RefusedObject {
  std::string object;  // "services/web"
  std::string reason;
  friend bool operator==(const RefusedObject&, const RefusedObject&) = default;
};

// An origin that came to the edge by itself.
struct TunnelSeen {
  std::string service;
  std::string instance;
  std::string session;  // the edge's: a later one takes the place of an earlier
  bool gone = false;    // with that session; nothing below is said then
  bool agent = false;   // false: by ssh
  std::string user;     // whose it is; empty: nobody's
  std::string client;   // its address and port
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string hostname;  // that it asks for, when there is no such service yet; empty: for none
  std::string type;      // of that service: "tcp", "tls"; else of HTTP
  friend bool operator==(const TunnelSeen&, const TunnelSeen&) = default;
};

// A network that the edge announces for an address which it shares with others.
enum class AnycastRoute : std::uint8_t { kWithdrawn, kAnnounced, kPrepended };  // as in weir.proto
struct AnycastSeen {
  std::string network;  // "203.0.113.10/32"
  AnycastRoute route = AnycastRoute::kWithdrawn;
  bool asks = false;  // it wants to stop, unless it is the last
  std::string reason;
  friend bool operator==(const AnycastSeen&, const AnycastSeen&) = default;
};

struct Report {
  std::optional<Hello> hello;
  std::vector<EndpointSeen> endpoints;
  std::vector<TunnelSeen> tunnels;
  std::optional<Load> load;
  std::optional<std::vector<RefusedObject>> refused;  // when they have changed: all of them
  std::optional<std::vector<AnycastSeen>> anycast;    // the same
  std::vector<Interval> intervals;
  friend bool operator==(const Report&, const Report&) = default;
};

std::string serialize(const Report& report);
// Refuses what goes beyond the limits: kInvalid.
Result<Report> parse_report(std::string_view message);

// What a controller knows of the other edges that report to it.
struct AnycastOthers {
  std::string network;
  std::uint32_t others = 0;  // that announce it, and don't want to stop
  bool asked = false;        // the edge had asked
  friend bool operator==(const AnycastOthers&, const AnycastOthers&) = default;
};

// To one or more reports, or by itself.
struct Reply {
  std::uint64_t seen = 0;  // reports of this stream
  std::vector<AnycastOthers> anycast;
  bool withdraw = false;                  // the edge is to announce nothing, where it is not the last
  std::vector<channel::Open> opens = {};  // calls that it is to make
  friend bool operator==(const Reply&, const Reply&) = default;
};

// weir.v1.ReportReply
std::string serialize(const Reply& reply);
Result<Reply> parse_reply(std::string_view message);

// The method.
inline constexpr std::string_view kReportPath = "/weir.v1.Reports/Stream";

}  // namespace weir::report
