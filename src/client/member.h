// Member: what joins a service, as it was written. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace weir::client {

inline constexpr Duration kLeaseDefault = std::chrono::seconds(30);

// Texts as written, which the API judges.
struct Member {
  std::string service;
  std::uint16_t port = 0;
  std::string address;  // an IP address or a host name; empty: by which the API is reached
  std::string name;     // of the Endpoint; empty: made of service, machine and port
  std::string instance;
  std::string type;  // of a Service that is not there yet: "_db._tcp"; empty: made of the service's name
  std::uint64_t priority = 0;
  std::uint64_t weight = 1;
  std::string zone;
  std::vector<std::string> text;
  std::string version;
  std::string health;             // of a Service that is not there yet: "tcp", "http:/path"
  std::optional<Duration> lease;  // none: it stays
  friend bool operator==(const Member&, const Member&) = default;
};

}  // namespace weir::client
