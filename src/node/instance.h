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
#include "config/specs_workload.h"
#include "config/violation.h"

namespace weir::node {

inline constexpr std::size_t kFileBytesMax = std::size_t{4} << 20U;
inline constexpr std::size_t kInstancesMax = 200;

using config::Container;
using config::ContainerPort;
using config::EnvVariable;
using config::ExecProbe;
using config::HttpProbe;
using config::Probe;
using config::Resources;
using config::Security;
using config::TcpProbe;
using config::Transport;
using config::VolumeMount;

struct Instance : config::ContainerGroup {
  std::string name;   // also its host name
  std::string owner;  // whose it is; owners can't reach each other's instances
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

// Those for an image; null: there are none.
const PullCredentials* credentials_for(const std::vector<PullCredentials>& all, std::string_view image);

}  // namespace weir::node
