// The specs of Workload, Node and Instance: containers, and where they run. As specs.h: plain values with
// their defaults; the tables are in schema_workload.h. weir node's file has instances of the same parts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace weir::config {

inline constexpr std::size_t kContainersMax = 8;    // of an instance, and as many that run before them
inline constexpr std::size_t kTargetsMax = 32;      // of a workload
inline constexpr std::int64_t kReplicasMax = 1000;  // in one city

// --- containers
enum class Transport : std::uint8_t { kTcp, kUdp };

struct ContainerPort {
  std::uint32_t port = 0;       // in the container
  std::uint32_t host_port = 0;  // 0: of a workload, one that is free; else: at the instance's address only
  std::string host_address;     // empty: all of the machine
  Transport protocol = Transport::kTcp;
  std::string service;  // whose endpoint it is while the instance is ready; empty: none
  friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
};

struct HttpProbe {
  std::uint32_t port = 0;
  std::string path = "/";
  std::string host;  // of the Host field; empty: the instance's address
  friend bool operator==(const HttpProbe&, const HttpProbe&) = default;
};
struct TcpProbe {
  std::uint32_t port = 0;
  friend bool operator==(const TcpProbe&, const TcpProbe&) = default;
};
struct ExecProbe {
  std::vector<std::string> command;
  friend bool operator==(const ExecProbe&, const ExecProbe&) = default;
};
struct Probe {  // one of the three
  std::optional<HttpProbe> http;
  std::optional<TcpProbe> tcp;
  std::optional<ExecProbe> exec;
  Duration initial_delay{};
  Duration period = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(1);
  std::uint32_t success_threshold = 1;
  std::uint32_t failure_threshold = 3;
  friend bool operator==(const Probe&, const Probe&) = default;
};

struct SecretKey {
  std::string secret;  // its name
  std::string key;     // of its values
  friend bool operator==(const SecretKey&, const SecretKey&) = default;
};
struct EnvVariable {
  std::string name;
  std::string value;  // with a secret: what it is worth, which only the node is told
  std::optional<SecretKey> secret;
  friend bool operator==(const EnvVariable&, const EnvVariable&) = default;
};
struct VolumeMount {
  std::string volume;
  std::string path;
  bool read_only = false;
  friend bool operator==(const VolumeMount&, const VolumeMount&) = default;
};
struct Resources {     // limits, which are set aside on the node, too
  std::string cpu;     // "500m", "1.5"; empty: no limit
  std::string memory;  // "64Mi"; empty: no limit
  std::uint32_t pids = 512;
  friend bool operator==(const Resources&, const Resources&) = default;
};
struct Security {
  std::string user;  // empty: the image's
  bool read_only_root = false;
  std::vector<std::string> capabilities;  // that it keeps
  friend bool operator==(const Security&, const Security&) = default;
};

struct Container {
  std::string name;
  std::string image;
  std::string archive;               // of a node's file: a file with the image, for when it is not there
  std::vector<std::string> command;  // in place of the image's entry point
  std::vector<std::string> args;     // in place of the image's command
  std::vector<EnvVariable> env;
  std::vector<ContainerPort> ports;
  Resources resources;
  std::vector<VolumeMount> volume_mounts;
  Security security;
  std::optional<Probe> startup_probe;
  std::optional<Probe> readiness_probe;
  std::optional<Probe> liveness_probe;
  friend bool operator==(const Container&, const Container&) = default;
};

// What an instance consists of: containers that start, stop and are reached together.
struct ContainerGroup {
  std::vector<Container> init_containers;
  std::vector<Container> containers;
  std::vector<std::string> volumes;
  Duration drain = std::chrono::seconds(5);        // between not ready and SIGTERM
  Duration stop_grace = std::chrono::seconds(30);  // between SIGTERM and SIGKILL
  friend bool operator==(const ContainerGroup&, const ContainerGroup&) = default;
};

// --- Workload
enum class ScaleBy : std::uint8_t { kCpu, kRequests, kInFlight };

struct ScaleMetric {
  ScaleBy metric = ScaleBy::kCpu;
  std::uint32_t average_utilization = 0;  // CPU: percent of what an instance may use
  std::uint32_t average_value = 0;        // REQUESTS: per second, IN_FLIGHT: at a time; of an instance
  friend bool operator==(const ScaleMetric&, const ScaleMetric&) = default;
};

// Some cities, and how many instances each of them has. Of cities, regions and providers, what is empty is
// any.
struct WorkloadTarget {
  std::string name;
  std::vector<std::string> cities;
  std::vector<std::string> regions;
  std::vector<std::string> providers;
  std::uint32_t min_replicas = 1;
  std::uint32_t max_replicas = 0;  // 0: as min_replicas
  std::vector<ScaleMetric> metrics;
  Duration scale_up_cooldown = std::chrono::seconds(15);  // after any decision
  Duration scale_down_cooldown = std::chrono::minutes(5);
  friend bool operator==(const WorkloadTarget&, const WorkloadTarget&) = default;
};

struct WorkloadUpdate {
  std::uint32_t max_unavailable = 0;  // of a city's replicas
  std::uint32_t max_surge = 1;        // beyond them; not both 0
  Duration min_healthy_time = std::chrono::seconds(10);
  Duration healthy_deadline = std::chrono::minutes(5);  // for each instance
  bool auto_revert = true;
  bool paused = false;  // no further instance is replaced
  friend bool operator==(const WorkloadUpdate&, const WorkloadUpdate&) = default;
};

enum class UpdatePhase : std::uint8_t { kDone, kRunning, kReverted, kFailed };

// How far an update has come: written by the controller that leads.
struct WorkloadProgress {
  UpdatePhase phase = UpdatePhase::kDone;
  std::string version;                 // what is under way, or was last
  std::string city;                    // where it is under way
  std::optional<WallTime> since;       // of the phase
  std::string good_version;            // that all ran last
  std::optional<ContainerGroup> good;  // which that is
  std::string reason;                  // why it went back, or can't go on
  friend bool operator==(const WorkloadProgress&, const WorkloadProgress&) = default;
};

struct WorkloadSpec : ContainerGroup {
  std::vector<std::string> pull_secrets;  // names of Secrets with registry, username, password
  bool anycast = false;  // edges without a ready instance in their region don't announce their addresses
  std::vector<WorkloadTarget> targets;
  WorkloadUpdate update;
  std::optional<WorkloadProgress> progress;  // none: nothing has run; set by the server
  friend bool operator==(const WorkloadSpec&, const WorkloadSpec&) = default;
};

// --- Node: a registered machine that runs instances
struct NodeSpec {
  std::string provider;
  std::string region;
  std::string city;
  std::string address;  // by which edges reach its instances
  std::string version;
  bool cordoned = false;  // gets no more instances
  bool drained = false;   // and loses those that it has, as others take their place
  bool revoked = false;   // its certificate counts no more
  friend bool operator==(const NodeSpec&, const NodeSpec&) = default;
};

// --- Instance: one of a workload's, on a node. Its name is <workload>-<target>-<city>-<number>, and its
// host's. All host ports are set.
struct InstanceSpec : ContainerGroup {
  std::string workload;
  std::string target;
  std::string city;
  std::uint32_t number = 0;  // from 1, within the city
  std::string node;
  std::string version;  // of the containers: version_of the workload that they came from
  std::vector<std::string> pull_secrets;
  std::optional<WallTime> placed_at;  // on this node, with this version
  friend bool operator==(const InstanceSpec&, const InstanceSpec&) = default;
};

// What tells one set of containers from another: hex, the same for equal ones.
std::string version_of(const ContainerGroup& group, const std::vector<std::string>& pull_secrets);

// "500m" -> 500, "1.5" -> 1500 thousandths of a core; "64Mi" -> bytes. Nothing: it is none.
std::optional<std::uint32_t> parse_cpu(std::string_view text);
std::optional<std::uint64_t> parse_memory(std::string_view text);

}  // namespace weir::config
