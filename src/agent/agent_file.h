// The file of `weir agent`: which edges it attaches to, and the services that it brings; which services what
// serves here joins. YAML or JSON, by a table like those of the kinds (config/schema.h). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/specs.h"
#include "config/violation.h"

namespace weir::agent {

inline constexpr std::size_t kFileBytesMax = 1UL << 20U;

// What the origin speaks; of kTls: whatever it speaks comes to visitors in TLS, which ends at the edge.
enum class OriginType : std::uint8_t { kHttp, kHttps, kTcp, kTls };

struct FileService {
  std::string name;
  std::string target;  // host:port
  OriginType type = OriginType::kHttp;
  std::string ca_file;  // of type https: whom to believe beside the system's authorities
  std::string hostname;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::optional<config::HealthCheck> health_check;
};

// What serves beside the agent and joins a service by its address, without a tunnel.
struct FileMember {
  std::string name;  // of the service
  std::uint32_t port = 0;
  std::string address;   // an IP address or a DNS name; empty: the one by which the API is reached
  std::string endpoint;  // name of the Endpoint; empty: made of service, machine and port
  std::string instance;
  std::string type;  // of a service that is not there yet
  std::uint32_t priority = 0;
  std::uint32_t weight = 1;
  std::string zone;
  std::vector<std::string> text;
  std::string version;
  std::optional<config::HealthCheck> health_check;
};

struct FileJoin {
  std::vector<std::string> apis;  // URLs
  std::string token_file;
  std::string ca_file;  // of the APIs' authority; empty: the system's
  Duration lease = std::chrono::seconds(30);
  std::vector<FileMember> services;
};

struct File {
  std::vector<std::string> edges;  // host:port; none: it joins alone
  std::uint32_t links = 2;
  std::string instance;    // empty: the name of the machine
  std::string token_file;  // empty: none is shown
  std::string ca_file;     // of the edges' authority; empty: the token says it
  std::vector<FileService> services;
  std::optional<FileJoin> join;
};

config::Checked<File> parse_file(std::string_view text);
std::string_view name_of(OriginType type);  // "http"
OriginType type_of(std::string_view name);  // that is one

}  // namespace weir::agent
