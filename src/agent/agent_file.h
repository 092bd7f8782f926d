// The file of `weir agent`: which edges it attaches to, and the services that it brings. YAML or JSON, by a
// table like those of the kinds (config/schema.h). Pure.
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

struct File {
  std::vector<std::string> edges;  // host:port
  std::uint32_t links = 2;
  std::string instance;    // empty: the name of the machine
  std::string token_file;  // empty: none is shown
  std::string ca_file;     // of the edges' authority; empty: the token says it
  std::vector<FileService> services;
};

config::Checked<File> parse_file(std::string_view text);
std::string_view name_of(OriginType type);  // "http"
OriginType type_of(std::string_view name);  // that is one

}  // namespace weir::agent
