// Status: what is seen of the objects of each kind, as the API shows it beside what is wanted. Computed when
// it is shown, by those who see it; stored nowhere. Tables in schema_status.h, so that the API's description
// and the docs have them too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/specs.h"
#include "config/specs_dns.h"

namespace weir::config {

// An edge that could not take an object up: it goes on with what was before.
struct RefusedBy {
  std::string edge;
  std::string reason;
  friend bool operator==(const RefusedBy&, const RefusedBy&) = default;
};
inline constexpr std::size_t kRefusedByShownMax = 16;  // of an object; more would tell nothing new

// Of an object that edges carry and of which nothing else is seen.
struct AppliedStatus {
  std::string applied;  // "1/1"; empty: no edge carries it
  std::vector<RefusedBy> refused;
};

enum class EndpointHealth : std::uint8_t { kUnknown, kHealthy, kUnhealthy, kEjected, kUnchecked };

// One address of a service's pool; also of an Endpoint, which has one.
struct EndpointStatus {
  std::string applied;             // of an Endpoint only
  std::vector<RefusedBy> refused;  // the same
  std::string address;
  std::string name;
  EndpointHealth health = EndpointHealth::kUnknown;
  std::optional<WallTime> since;
  std::string reason;
  friend bool operator==(const EndpointStatus&, const EndpointStatus&) = default;
};

struct ServiceStatus {
  std::string applied;
  std::vector<RefusedBy> refused;
  std::uint32_t serving = 0;
  std::uint32_t total = 0;
  std::vector<EndpointStatus> endpoints;
};

struct ListenerStatus {
  std::string address;
  bool listening = false;
  std::string reason;
  friend bool operator==(const ListenerStatus&, const ListenerStatus&) = default;
};

struct LoadBalancerStatus {
  std::string applied;
  std::vector<RefusedBy> refused;
  std::vector<ListenerStatus> listeners;
};

// What an edge could not take up: it goes on with the object as it was.
struct RefusedObject {
  std::string object;
  std::string reason;
};

// An address that an edge shares with others, as it says itself.
struct AnycastStatus {
  std::string network;
  std::string route;  // "announced"
  std::string reason;
};

struct EdgeStatus {
  bool attached = false;
  std::optional<WallTime> since;
  std::uint64_t applied_revision = 0;
  std::optional<WallTime> applied_at;
  std::uint32_t connections = 0;
  std::string endpoints;  // "12/13"
  std::vector<RefusedObject> refused;
  std::vector<AnycastStatus> anycast;
};

struct RolloutStatus {
  RolloutPhase phase = RolloutPhase::kPending;
  std::uint32_t wave = 0;          // the one under way, from 1
  std::vector<RolloutWave> waves;  // all of them, as they were worked out at the beginning
  std::optional<WallTime> since;   // when that wave began
  std::string edges;               // "3/40": that have it, of all
  std::string reason;              // what it waits for, or why it ended
};

struct ZoneStatus {
  bool serving = false;
  std::uint64_t serial = 0;
  std::uint64_t records = 0;
  std::string reason;
};

// One record of a set with a policy, or that follows a Service.
struct RecordAnswerStatus {
  std::string value;
  bool healthy = false;
  bool given = false;
  std::string reason;
};

struct RecordSetStatus {
  std::string reason;
  std::vector<RecordAnswerStatus> answers;
};

// One zone at a provider, as the controller that writes it sees it.
struct DnsProviderZoneStatus {
  std::string zone;
  bool synced = false;
  std::optional<WallTime> synced_at;
  std::uint64_t records = 0;
  std::string reason;
  friend bool operator==(const DnsProviderZoneStatus&, const DnsProviderZoneStatus&) = default;
};

struct DnsProviderStatus {
  std::vector<DnsProviderZoneStatus> zones;
};

struct DnsWeightsStatus {
  std::string reason;  // why none are computed now
};

// A city that has nodes of a workload's target.
struct WorkloadCity {
  std::string target;
  std::string city;
  std::string ready;    // "2/3"
  std::string updated;  // "1/3"
  std::string reason;   // empty: all is well
  friend bool operator==(const WorkloadCity&, const WorkloadCity&) = default;
};

struct WorkloadStatus {
  std::string ready;
  std::string updated;
  std::string reason;
  std::vector<WorkloadCity> cities;
};

struct NodeStatus {
  bool attached = false;
  std::optional<WallTime> since;
  std::string cpu;        // "1500m/4000m"
  std::string memory;     // "512Mi/7936Mi"
  std::string instances;  // "3/200"
  std::string reason;
};

// Of a Session.
struct SessionStatus {
  std::optional<WallTime> last_seen_at;
  friend bool operator==(const SessionStatus&, const SessionStatus&) = default;
};

struct InstanceStatus {
  std::string state;
  std::string reason;
  std::string address;
  std::uint64_t restarts = 0;
  std::optional<WallTime> since;
  std::string cpu;     // "120m"
  std::string memory;  // "34Mi"
};

// As the JSON text of Object::status.
std::string status_text(const AppliedStatus& status);
std::string status_text(const EndpointStatus& status);
std::string status_text(const ServiceStatus& status);
std::string status_text(const LoadBalancerStatus& status);
std::string status_text(const EdgeStatus& status);
std::string status_text(const RolloutStatus& status);
std::string status_text(const ZoneStatus& status);
std::string status_text(const RecordSetStatus& status);
std::string status_text(const DnsProviderStatus& status);
std::string status_text(const DnsWeightsStatus& status);
std::string status_text(const WorkloadStatus& status);
std::string status_text(const NodeStatus& status);
std::string status_text(const InstanceStatus& status);
std::string status_text(const SessionStatus& status);

}  // namespace weir::config
