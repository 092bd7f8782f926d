// What runs on a node: instances, each of some containers that start, stop and are reached together, and the
// file that lists them for `weir node`: YAML or JSON, by a table like those of the kinds (config/schema.h).
// Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/violation.h"

namespace weir::node {

inline constexpr std::size_t kFileBytesMax = std::size_t{4} << 20U;
inline constexpr std::size_t kInstancesMax = 200;
inline constexpr std::size_t kContainersMax = 8;  // of an instance, and as many that run before them

enum class Protocol : std::uint8_t { kTcp, kUdp };

struct Port {
  std::uint32_t port = 0;       // in the container
  std::uint32_t host_port = 0;  // 0: it is reached at the instance's address only
  std::string host_address;     // empty: all of the machine
  Protocol protocol = Protocol::kTcp;
};

struct HttpProbe {
  std::uint32_t port = 0;
  std::string path = "/";
  std::string host;  // of the Host field; empty: the instance's address
};
struct TcpProbe {
  std::uint32_t port = 0;
};
struct ExecProbe {
  std::vector<std::string> command;
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
};

struct EnvVariable {
  std::string name;
  std::string value;
};
struct VolumeMount {
  std::string volume;
  std::string path;
  bool read_only = false;
};
struct Resources {
  std::string cpu;     // "500m", "1.5"; empty: no limit
  std::string memory;  // "64Mi"; empty: no limit
  std::uint32_t pids = 512;
};
struct Security {
  std::string user;  // empty: the image's
  bool read_only_root = false;
  std::vector<std::string> capabilities;  // that it keeps
};

struct Container {
  std::string name;
  std::string image;
  std::string archive;               // a file with the image, for when it is not there
  std::vector<std::string> command;  // in place of the image's entry point
  std::vector<std::string> args;     // in place of the image's command
  std::vector<EnvVariable> env;
  std::vector<Port> ports;
  Resources resources;
  std::vector<VolumeMount> volume_mounts;
  Security security;
  std::optional<Probe> startup_probe;
  std::optional<Probe> readiness_probe;
  std::optional<Probe> liveness_probe;
};

struct Instance {
  std::string name;  // also its host name
  std::vector<Container> init_containers;
  std::vector<Container> containers;
  std::vector<std::string> volumes;
  Duration drain = std::chrono::seconds(5);        // between not ready and SIGTERM
  Duration stop_grace = std::chrono::seconds(30);  // between SIGTERM and SIGKILL
};

struct PullCredentials {
  std::string registry;  // what an image's name begins with
  std::string username;
  std::string password;
};

struct InstanceFile {
  std::vector<Instance> instances;
  std::vector<PullCredentials> pull_credentials;
};

config::Checked<InstanceFile> parse_file(std::string_view text);

// All of it, secrets too: equal texts are equal instances.
std::string text_of(const Instance& instance);
// What it is, in few digits: another one for anything that needs other containers.
std::string digest_of(const Instance& instance);

// "500m" -> 500, "1.5" -> 1500 thousandths of a core; "64Mi" -> bytes. Nothing: it is none.
std::optional<std::uint32_t> parse_cpu(std::string_view text);
std::optional<std::uint64_t> parse_memory(std::string_view text);

// Those for an image; null: there are none.
const PullCredentials* credentials_for(const std::vector<PullCredentials>& all, std::string_view image);

}  // namespace weir::node
