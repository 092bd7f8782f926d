// What podman is asked for and what it tells, as plain values, and the JSON that stands for them
// (/v4.0.0/libpod). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace weir::podman {

// All that an answer may be: a list of a thousand containers has 1 MiB.
inline constexpr std::size_t kAnswerBytesMax = std::size_t{16} << 20U;

using Labels = std::map<std::string, std::string, std::less<>>;

struct PublishedPort {
  std::uint16_t container_port = 0;
  std::uint16_t host_port = 0;
  std::string host_address;  // empty: all
  bool udp = false;
};

struct Mount {
  std::string volume;
  std::string path;
  bool read_only = false;
};

struct ContainerSpec {
  std::string name;
  std::string image;
  std::vector<std::string> entrypoint;  // in place of the image's; empty: the image's
  std::vector<std::string> command;     // empty: the image's
  std::vector<std::pair<std::string, std::string>> env;
  std::string host_name;
  std::string user;        // empty: the image's
  std::string network_of;  // the container whose network it shares; empty: one of its own
  std::string network;     // the bridge that its own is on; empty: podman's
  Labels labels;
  std::vector<PublishedPort> ports;
  std::vector<Mount> mounts;
  std::vector<std::string> capabilities;  // all others are dropped
  bool read_only_root = false;
  std::uint32_t cpu_milli = 0;     // thousandths of a core; 0: no limit
  std::uint64_t memory_bytes = 0;  // 0: no limit
  std::uint32_t pids_max = 0;      // 0: no limit
  std::uint64_t log_bytes_max = 0;
  std::uint32_t stop_seconds = 10;
};

struct Image {
  std::string id;
  std::vector<std::string> names;  // "localhost/web:1"
  friend bool operator==(const Image&, const Image&) = default;
};

// A bridge, with addresses that podman chooses.
struct NetworkSpec {
  std::string name;
  std::string interface;  // of the machine
  Labels labels;
};
struct Network {
  std::string name;
  Labels labels;
  friend bool operator==(const Network&, const Network&) = default;
};

// As it is in a list.
struct Container {
  std::string id;
  std::string name;
  std::string state;  // created, running, exited, stopping, ...
  int exit_code = 0;
  Labels labels;
  friend bool operator==(const Container&, const Container&) = default;
};

struct Inspected {
  std::string id;
  std::string address;  // on its bridge; empty: it has none
  std::string error;    // of its last start
  int exit_code = 0;
  bool running = false;
  bool out_of_memory = false;
};

struct Usage {
  std::string container;  // name
  std::uint64_t cpu_nanoseconds = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;
  std::uint64_t processes = 0;
};

// Of a registry.
struct Credentials {
  std::string username;
  std::string password;
};

std::string to_json(const ContainerSpec& spec);
// A command in a container that runs.
struct ExecSpec {
  std::vector<std::string> command;
  bool input = false;     // it is given one
  bool terminal = false;  // its streams are one
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};
struct ExecSeen {
  bool running = false;
  int exit_code = 0;
  std::uint64_t process = 0;  // its id on this machine, while it runs
};

std::string exec_json(const ExecSpec& spec);
std::string exec_start_json(const ExecSpec& spec);
std::string volume_json(const std::string& name, const Labels& labels);
std::string network_json(const NetworkSpec& spec);
// For the query of a list: filters={"label":["a=b"]}, encoded.
std::string label_filter(const Labels& labels);
// The same of images that have the name, whatever their tag.
std::string reference_filter(const std::string& repository);
// For the field X-Registry-Auth.
std::string auth_field(const Credentials& credentials);

Result<std::vector<Container>> read_containers(std::string_view json);
Result<Inspected> read_inspected(std::string_view json);
Result<std::vector<Usage>> read_usage(std::string_view json);
Result<std::vector<std::string>> read_volumes(std::string_view json);  // names
Result<std::vector<Image>> read_images(std::string_view json);
Result<std::vector<Network>> read_networks(std::string_view json);
Result<std::string> read_id(std::string_view json);                  // {"Id": ...}
Result<std::vector<std::string>> read_names(std::string_view json);  // of images that were loaded
Result<ExecSeen> read_exec(std::string_view json);
Result<std::string> read_version(std::string_view json);
// A line of a pull: what went wrong, or empty.
std::string read_pull_error(std::string_view line);

// What podman says with a refusal: {"cause": ..., "message": ...}; otherwise the text itself, not all of it.
struct Refused {
  std::string cause;
  std::string message;
};
Refused read_refusal(std::string_view json);
// The same as one sentence about what was to be done. image, command: of the container that it was about,
// where there is one.
std::string sentence_of(const Refused& refused, std::string_view image, std::string_view command);

}  // namespace weir::podman
