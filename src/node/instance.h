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
#include "nodelink/values.h"

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

using nodelink::PullCredentials;

struct Instance : config::ContainerGroup {
  std::string name;   // also its host name
  std::string owner;  // whose it is; owners can't reach each other's instances
  // Of those that controllers assign:
  std::string version;
  std::vector<std::string> pull_secrets;  // whose credentials its images are pulled with
  std::string lacks;                      // why it can't be started: a sentence; empty: it can
  friend bool operator==(const Instance&, const Instance&) = default;
};

struct InstanceFile {
  std::vector<Instance> instances;
  std::vector<PullCredentials> pull_credentials;
};

config::Checked<InstanceFile> parse_file(std::string_view text);
// The same, as controllers tell it.
InstanceFile instances_of(const nodelink::Assignment& assignment);

// What it is, in few digits: another one for anything that needs other containers. What secrets have is not
// in it: containers that are made the next time have what is new.
std::string digest_of(const Instance& instance);

// Those for an image of the instance; null: there are none.
const PullCredentials* credentials_for(const std::vector<PullCredentials>& all, const Instance& instance,
                                       std::string_view image);

}  // namespace weir::node
