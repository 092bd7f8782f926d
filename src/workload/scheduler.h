// Scheduler: the reconciler of Workloads, on the controller that leads. Looks, whenever something has changed
// and every second, at what is written and at what nodes say; decides by the rules of updates.h, scaling.h
// and placement.h; and writes Instances, their Endpoints and how far updates have come. All that it goes by
// is in the store or is heard anew, so the next one to lead goes on from there. Every controller looks, for
// the statuses; only who leads writes. On the control loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "config/object.h"
#include "config/status.h"
#include "mirror/mirror.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "store/store.h"
#include "workload/board.h"
#include "workload/placement.h"
#include "workload/roster.h"
#include "workload/scaling.h"
#include "workload/views.h"

namespace weir::workload {

class Scheduler {
 public:
  static constexpr Duration kTick = std::chrono::seconds(1);
  static constexpr Duration kPause = std::chrono::milliseconds(100);  // between two looks
  static constexpr std::size_t kChangesMax = 500;                     // in one transaction

  // load_of: what edges give to services; null: nobody says.
  Scheduler(net::Env& env, store::Store& store, mirror::Mirror& mirror, Roster& roster, LoadOf load_of = {});
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start();
  net::Task<void> stop();  // to be awaited before it is destroyed

  // What is seen here of a Workload, Node or Instance: the text of its status.
  std::string status_of(const config::Object& object) const;

 private:
  config::WorkloadStatus status_of_workload(const config::Object& workload) const;
  config::NodeStatus status_of_node(const config::Object& node) const;
  config::InstanceStatus status_of_instance(const config::Object& instance) const;
  // Changes that are made together or not at all.
  struct Unit {
    std::vector<config::ObjectChange> changes;
    std::vector<config::ObjectPointer> needed;  // that must be as they are
    std::string reason;
  };
  // Of one look.
  struct Look {
    std::vector<Unit> progress;  // of workloads
    std::vector<Unit> units;
    std::set<std::string, std::less<>> changing;  // instances that are another afterwards
  };
  // A Workload's version, which costs something to compute.
  struct Version {
    std::uint64_t revision = 0;
    std::string text;
  };

  std::string why_not_begun(const config::Object& instance) const;
  std::string false_claims(std::string_view node) const;
  void moved(const std::vector<config::ObjectChange>& changes);
  net::Task<void> run();
  Look look();
  void tell_losses();
  void add_nodes();
  void view_workloads();
  WorkloadView view(const config::ObjectPointer& workload);
  void judge(InstanceView& view, const CityView& city) const;
  void plan(WorkloadView& workload, bool scales, Placement& placement, Look& look);
  void begin_scaling();
  static void count_replicas(CityView& city);
  std::string scale(const WorkloadView& workload, CityView& city);
  Measure measure(const WorkloadView& workload, const CityView& city,
                  const config::ScaleMetric& metric) const;
  double share_of(const CityView& city, const std::string& service, const std::string& zone) const;
  void drop_orphans(Placement& placement);
  void add_placed(std::vector<Placed> placed, Look& look);
  void add_endpoints(Look& look);
  void add_endpoints(const InstanceView& one, Look& look);
  std::vector<config::ObjectPointer> endpoints_of_instance(std::string_view name) const;
  net::Task<bool> commit(Look look);
  net::Task<bool> commit(std::vector<Unit> units);
  net::Task<Result<void>> commit_some(std::span<const Unit> units);

  net::Env& env_;
  store::Store& store_;
  mirror::Mirror& mirror_;
  Roster& roster_;
  LoadOf load_of_;
  mirror::Follower follower_;
  net::Event wake_;
  bool is_dirty_ = true;
  bool is_careful_ = false;  // a transaction was refused: what does not go must not hold up what does
  std::optional<Instant> led_since_;  // none: another process leads
  bool has_told_losses_ = false;
  std::size_t event_ = 0;  // tells events of one moment apart

  std::map<std::string, config::ObjectPointer, std::less<>> endpoints_;  // of instances, by name
  std::map<std::string, Version, std::less<>> versions_;                 // by workload
  std::map<std::string, std::uint32_t, std::less<>> ports_;              // where to search next, by node
  std::map<std::string, Scaler, std::less<>> scalers_;  // by workload and city, while this one leads
  std::map<std::pair<std::string, std::string>, std::size_t> pools_;  // endpoints, by service and zone
  Instant scale_at_;                                                  // not before
  // Of the last look.
  Board board_;
  std::map<std::string, WorkloadView, std::less<>> workloads_;
  std::vector<config::ObjectPointer> orphans_;
  std::map<std::string, std::map<std::string, std::string>, std::less<>> reasons_;  // by workload and city
  std::map<std::string, std::string, std::less<>> unmeasured_;  // by workload and city: why it is not scaled
  std::map<std::string, std::string, std::less<>> refusals_;    // by instance: why it is no endpoint
  net::TaskGroup tasks_;
};

}  // namespace weir::workload
