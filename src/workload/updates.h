// Updates: how a new version of a workload gets to its instances. City by city, an extra instance first, then
// in place one after the other; what can't be made ready goes back to what ran before. All that is remembered
// is WorkloadSpec.progress, so that another controller can go on. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/specs_workload.h"
#include "workload/views.h"

namespace weir::workload {

// What is to come of an update now.
struct UpdateStep {
  config::WorkloadProgress progress;  // as it is from now on
  std::string reason;                 // of the event, when that is another than before; empty: it is not
};
// led_for: how long this controller has led; nothing fails by its deadline before it had that time here.
UpdateStep next_step(const WorkloadView& workload, Duration led_for, WallTime now);

// What a city gets.
struct CityUpdate {
  // Of new instances, of those that move, and of those that are replaced.
  std::string version;
  const config::ContainerGroup* group = nullptr;
  std::uint32_t extras_wanted = 0;      // instances beyond the replicas, which may be made
  bool under_way = false;               // some of its instances have another
  bool extras_stay = false;             // those that are there are still needed
  std::vector<std::uint32_t> replaced;  // numbers of those that are to be given the version, in place, now
};
// progress: as next_step() has it; it and the workload outlive the result.
CityUpdate update_of(const WorkloadView& workload, const config::WorkloadProgress& progress,
                     std::size_t city);

}  // namespace weir::workload
