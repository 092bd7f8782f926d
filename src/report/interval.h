// Interval: what went on at a machine in about ten seconds, as it tells controllers: differences, but for
// what there is now. As values; the wire is weir.v1.Interval (weir.proto). Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/latency.h"
#include "base/time.h"

namespace weir::report {

// Each ends when the clock shows a multiple of it, so that those of all machines are about the same time.
inline constexpr std::chrono::seconds kIntervalStep{10};
inline constexpr std::size_t kIntervalsMax = 4;    // in one report
inline constexpr std::size_t kMeasuredMax = 1200;  // in one interval: 256 names of each sort, and some room
// What is said to be older, or to have taken longer, is taken for that.
inline constexpr Duration kIntervalAgeMax = std::chrono::hours(1);

struct Measured {
  enum class Sort : std::uint8_t {  // as in weir.proto
    kMachine,                       // all of it, always there; without a name
    kLoadBalancer,
    kService,
    kEndpoint,  // "service/endpoint"
    kWorkload,
    kInstance,  // "workload/instance"
  };
  Sort sort = Sort::kMachine;
  std::string name;
  // Requests, and connections of TCP and TLS listeners that have ended.
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  // of those: 5xx, or nothing was answered, or no endpoint took it
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t in_flight = 0;     // now
  std::uint64_t connections = 0;   // now
  std::uint64_t cpu_milli = 0;     // now
  std::uint64_t memory_bytes = 0;  // now
  std::uint64_t queries = 0;       // of DNS; of a machine
  LatencyCounts durations{};
  friend bool operator==(const Measured&, const Measured&) = default;
};

struct Interval {
  std::uint64_t run = 0;           // of the process: another number each time it begins
  std::uint64_t sequence = 0;      // 1, 2, ...
  Duration span{};                 // in whole milliseconds
  Duration age{};                  // of its end, when it was sent
  std::vector<Measured> measured;  // what is not there was nothing
  friend bool operator==(const Interval&, const Interval&) = default;
};

// Until the next one is to end.
inline Duration until_interval_end(WallTime now) {
  constexpr auto kStep = std::chrono::milliseconds(kIntervalStep);
  return kStep - now.time_since_epoch() % kStep;
}

}  // namespace weir::report
