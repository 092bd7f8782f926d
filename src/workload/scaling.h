// Scaling: how many instances a city of a target is to have, by what they use and what they are given. Up at
// once, and at most to double and one more; down one at a time, when for a whole cool-down fewer would have
// been enough. What is not known decides nothing: it counts as nothing where more would be made, and as all
// that it can be where one would be ended. Pure: times come in.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/specs_workload.h"
#include "workload/views.h"

namespace weir::workload {

// What is older decides nothing.
inline constexpr Duration kMeasuredMax = std::chrono::seconds(10);
// Of an instance that has just become ready, what it uses is that of its start.
inline constexpr Duration kWarmUp = std::chrono::seconds(5);
// Requests are a mean of so long.
inline constexpr Duration kLoadSpan = std::chrono::seconds(10);

// What a service is given by all edges, in one zone.
struct ServiceLoad {
  double requests_per_second = 0;
  double in_flight = 0;
  std::string unknown;  // why that says nothing, in a sentence; empty: it does
};
// The requests as a mean of the last `span`.
using LoadOf = std::function<ServiceLoad(std::string_view service, std::string_view zone, Duration span)>;

// A metric of a city, of all its instances together: in thousandths of a core, requests per second, or
// requests.
struct Measure {
  config::ScaleMetric metric;
  double each = 1;  // of it that one instance is to have
  double least = 0;
  double most = 0;      // when what is not known is all that it can be
  std::string unknown;  // why it says nothing; empty: it does
};
// cpu_limit_milli: of an instance; 0: it has none.
Measure measure_cpu(const config::ScaleMetric& metric, std::span<const InstanceView> instances,
                    std::uint32_t cpu_limit_milli);
// share: of what the service is given in its zone, that of this city's instances.
Measure measure_load(const config::ScaleMetric& metric, const ServiceLoad& load, double share);

// Of one city of one target, while this controller leads.
class Scaler {
 public:
  // Without a measure for so long, what was known before is too old to end anything by.
  static constexpr Duration kGapMax = std::chrono::seconds(30);
  // More, or less, than this is a difference.
  static constexpr double kTolerance = 0.1;

  explicit Scaler(Instant now) : decided_at_(now), known_since_(now), known_at_(now) {}

  struct Decision {
    std::uint32_t replicas = 0;
    std::string reason;  // with its numbers
  };
  // None: as many as there are, `replicas`, which is within the target's bounds. may_shrink: none is being
  // replaced.
  std::optional<Decision> decide(const config::WorkloadTarget& target, std::uint32_t replicas,
                                 std::span<const Measure> measures, bool may_shrink, Instant now);

 private:
  struct Need {
    Instant at;
    std::uint32_t replicas = 0;
  };
  std::uint32_t keep(std::uint32_t need, Duration window, Instant now);

  Instant decided_at_;
  Instant known_since_;  // without a gap
  Instant known_at_;
  std::deque<Need> needs_;  // of the window: each less than all before it
};

}  // namespace weir::workload
