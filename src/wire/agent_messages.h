// What an agent and an edge say to each other on the control stream of a session (weir.v1.Agent/Session): as
// values, and as bytes (weir.proto). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace weir::wire {

inline constexpr std::string_view kSessionPath = "/weir.v1.Agent/Session";
// By ALPN, on the port for tunnels: an agent's, and another edge's.
inline constexpr std::string_view kProtocol = "weir-tunnel/1";
inline constexpr std::string_view kRelayProtocol = "h2";
// Whom both ask for there and believe, whatever host they dial: each edge has a certificate for it.
inline constexpr std::string_view kServerName = "tunnel.weir.internal";

// Each text of a message: names have at most 253, a sentence or a line of the log a few hundred.
inline constexpr std::size_t kTextBytesMax = 2048;
inline constexpr std::size_t kUrlsMax = 16;
// A whole message, in bytes: a welcome or a registration, with all of its texts.
inline constexpr std::size_t kMessageBytesMax = 64UL * 1024;

// An origin of a service, by the names that it has everywhere.
struct Origin {
  std::string service;
  std::string instance;
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

// --- from the agent
struct Hello {
  std::string agent;
  std::string version;
  std::string credential;  // a token; empty: none
  bool looks_on = false;   // wants to hear of each request
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct Register {
  Origin origin;
  std::string type;        // "http", "https", "tcp", "tls"
  std::uint16_t port = 0;  // that visitors ask for; 0: any
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string hostname;  // that is asked for; empty: none, or one that is made up
  friend bool operator==(const Register&, const Register&) = default;
};
struct Unregister {
  Origin origin;
  friend bool operator==(const Unregister&, const Unregister&) = default;
};
struct Health {
  Origin origin;
  bool up = true;
  std::string reason;  // why not
  friend bool operator==(const Health&, const Health&) = default;
};
struct Goodbye {
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};
using FromAgent = std::variant<Hello, Register, Unregister, Health, Goodbye>;

// --- from the edge
struct Welcome {
  std::string edge;
  std::string provider;
  std::string region;
  std::string refused;  // a sentence; empty: welcome
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct Registered {
  Origin origin;
  std::vector<std::string> urls;
  std::string refused;  // a sentence; empty: it is registered
  friend bool operator==(const Registered&, const Registered&) = default;
};
struct Unregistered {
  Origin origin;
  friend bool operator==(const Unregistered&, const Unregistered&) = default;
};
struct RequestLine {
  std::string service;
  std::string line;
  friend bool operator==(const RequestLine&, const RequestLine&) = default;
};
struct Drain {
  friend bool operator==(const Drain&, const Drain&) = default;
};
using FromEdge = std::variant<Welcome, Registered, Unregistered, RequestLine, Drain>;

std::string serialize(const FromAgent& message);
std::string serialize(const FromEdge& message);
// kInvalid: it is none, or beyond the limits.
Result<FromAgent> parse_from_agent(std::string_view bytes);
Result<FromEdge> parse_from_edge(std::string_view bytes);

}  // namespace weir::wire
