// What nodes and controllers say to each other, as plain values: who a node is and what it has, what it is to
// run, and what has become of that. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel/open.h"
#include "config/specs_workload.h"

namespace weir::nodelink {

enum class State : std::uint8_t {
  kPending,     // nothing was tried
  kStarting,    // containers are being made, or have not passed their startup probes
  kRunning,     // but not ready
  kReady,       // may be given requests
  kBackingOff,  // ended too often: waits before it is started again
  kStopping,
  kFailed,  // can't be started; tried again now and then
};
std::string_view name_of(State state);  // "backing_off"

struct Capacity {
  std::uint32_t cpu_milli = 0;  // thousandths of a core
  std::uint64_t memory_bytes = 0;
  std::uint32_t instances_max = 0;
  std::uint32_t port_first = 0;  // that its instances may be given; both ends included
  std::uint32_t port_last = 0;
  friend bool operator==(const Capacity&, const Capacity&) = default;
};

struct Hello {
  std::string node;
  std::string version;  // of weir there
  std::string provider;
  std::string region;
  std::string city;
  std::string address;  // by which edges reach its instances
  Capacity capacity;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// What has become of an instance.
struct InstanceSeen {
  std::string name;
  std::string version;  // of the containers that the rest is about, or that can't be made; empty: of none yet
  State state = State::kPending;
  std::string reason;   // a sentence; empty: all is well
  std::string address;  // on the node; empty: it has none now
  std::uint64_t restarts = 0;
  std::uint32_t cpu_milli = 0;  // used, within the last seconds
  std::uint64_t memory_bytes = 0;
  friend bool operator==(const InstanceSeen&, const InstanceSeen&) = default;
};

struct NodeReport {
  std::optional<Hello> hello;           // in the first of a stream, and in no other
  std::vector<InstanceSeen> instances;  // those that have changed; the first reports of a stream have all
  std::vector<std::string> gone;        // of which nothing is left
  bool complete = false;                // all that there is has been said once on this stream
  std::uint64_t revision = 0;           // with a hello: of the assignment that it goes by; 0: it has none
  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

struct Assigned {
  std::string name;           // of the Instance, and its host
  std::string owner;          // whose it is: owners can't reach each other's; empty: nobody's
  config::InstanceSpec spec;  // variables from secrets have their values
  std::string lacks;          // why nothing can be started, in a sentence; empty: it can. What runs goes on
  friend bool operator==(const Assigned&, const Assigned&) = default;
};
struct PullCredentials {
  std::string registry;
  std::string username;
  std::string password;
  std::string secret;  // whose name instances have among their pull_secrets; empty: for all instances
  friend bool operator==(const PullCredentials&, const PullCredentials&) = default;
};

// All that a node is to run, as of a revision.
struct Assignment {
  std::uint64_t revision = 0;
  std::vector<Assigned> instances;
  std::vector<PullCredentials> pull_credentials;
  bool anew = false;  // also when the node has one of a later revision: the store was put back
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

using channel::Open;

}  // namespace weir::nodelink
