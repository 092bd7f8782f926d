// Views: nodes, instances and cities as one look of the scheduler has them, for the rules that decide what is
// to happen: placement, updates and scaling. Values. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/object.h"
#include "config/specs_workload.h"

namespace weir::workload {

inline constexpr std::size_t kHostNameBytesMax = 63;  // an instance's name is its host's
// Of an Instance that is there beyond the replicas, for as long as others are replaced.
inline constexpr std::string_view kExtraLabel = "weir/extra";
inline constexpr std::string_view kWorkloadLabel = "weir/workload";  // of its Instances and their Endpoints

enum class Health : std::uint8_t {
  kUnknown,   // its node has not been heard, and may still come
  kLost,      // with its node
  kFailing,   // it ends again and again, or can't be started
  kNotReady,  // yet, or any more
  kReady,     // with the version that it is to have
};

struct InstanceView {
  config::ObjectPointer object;
  Health health = Health::kUnknown;
  Duration health_for{};                   // that it is ready, or is not
  Duration ready_longest{};                // that it ever was at a stretch, with this version on this node
  std::string reason;                      // why it is not ready; empty: nobody says
  bool is_begun = true;                    // its node has heard of it, and of that version
  std::optional<std::uint32_t> cpu_milli;  // that it uses; none: that is not known
  std::string must_go;  // why it can't stay where it is, such as "its node is drained"; empty: it can

  const config::InstanceSpec& spec() const { return std::get<config::InstanceSpec>(object->spec); }
  const std::string& name() const { return object->metadata.name; }
  bool is_extra() const { return object->metadata.labels.contains(std::string(kExtraLabel)); }
};

// The nodes of one target of a workload in one city, and the instances there.
struct CityView {
  const config::WorkloadTarget* target = nullptr;
  std::string city;
  std::uint32_t want = 0;               // replicas
  std::vector<InstanceView> instances;  // by number

  std::string key() const { return target->name + "/" + city; }
};

// A workload with all of its cities, in the order in which they are updated: by target, then by name.
struct WorkloadView {
  config::ObjectPointer object;
  std::string version;  // of its containers as they are written
  std::vector<CityView> cities;

  const config::WorkloadSpec& spec() const { return std::get<config::WorkloadSpec>(object->spec); }
};

// Of a Workload as it is written: its containers, and whose they are, since on another owner's network they
// are other instances.
std::string version_of(const config::Object& workload);
std::string instance_name(std::string_view workload, std::string_view target, std::string_view city,
                          std::uint32_t number);

}  // namespace weir::workload
