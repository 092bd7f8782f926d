// What a machine that joins and a controller say to each other at POST /v1/enroll, as JSON and as values.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/object.h"
#include "config/violation.h"

namespace weir::enroll {

// A certificate request of 4 KiB and a description.
inline constexpr std::size_t kMessageBytesMax = 64UL * 1024;

// What a machine says of itself.
struct Node {
  std::string name;  // of its object
  std::string provider;
  std::string region;
  std::string city;
  std::string address;  // by which clients reach it
  std::string version;
  config::Labels labels;
  config::MachineRole role = config::MachineRole::kEdge;
};

struct Request {
  std::string token;       // empty: the certificate of the connection speaks for the machine
  std::string csr;         // PEM
  config::Object machine;  // what it says of itself, as the object that it would become: an Edge or a Node
};

// {"token", "csr", "node": {...}, "role": "node"}; without a role, it is an edge. Secrets are in no
// violation.
config::Checked<Request> parse_request(std::string_view json);
std::string request_text(std::string_view token, std::string_view csr, const Node& node);

// Where controllers listen for edges, unless they say otherwise.
inline constexpr std::uint16_t kDiscoveryPort = 18000;

struct Answer {
  std::string name;                               // of the machine, as its certificate has it
  std::string certificate;                        // PEM, the machine's own first
  std::string ca;                                 // PEM of the authority
  std::uint16_t discovery_port = kDiscoveryPort;  // of every controller: discovery and reports
};
std::string answer_text(const Answer& answer);
Result<Answer> parse_answer(std::string_view json);
// The detail of a problem+json; empty: there is none.
std::string refusal_of(std::string_view json);

}  // namespace weir::enroll
