// What a look tells the rules of scaling, and what follows from their decisions.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "workload/scheduler.h"

namespace weir::workload {
namespace {

std::set<std::string> services_of(const config::ContainerGroup& group) {
  std::set<std::string> services;
  for (const config::Container& container : group.containers) {
    for (const config::ContainerPort& port : container.ports) {
      if (!port.service.empty()) services.insert(port.service);
    }
  }
  return services;
}

std::uint32_t cpu_limit_of(const config::ContainerGroup& group) {
  std::uint32_t limit = 0;
  for (const config::Container& one : group.containers) {
    const auto milli = config::parse_cpu(one.resources.cpu);
    if (!milli) return 0;  // it may use all that there is
    limit += *milli;
  }
  return limit;
}

}  // namespace

// Replicas are counted from what is there: whoever leads next finds the same.
void Scheduler::count_replicas(CityView& city) {
  const config::WorkloadTarget& target = *city.target;
  if (target.max_replicas <= target.min_replicas) return;
  const auto regulars =
      std::ranges::count_if(city.instances, [](const InstanceView& one) { return !one.is_extra(); });
  city.want = std::clamp(static_cast<std::uint32_t>(regulars), target.min_replicas, target.max_replicas);
}

// Why there are to be more or fewer; empty: there are not.
std::string Scheduler::scale(const WorkloadView& workload, CityView& city) {
  const config::WorkloadTarget& target = *city.target;
  if (target.max_replicas <= target.min_replicas || target.metrics.empty()) return {};
  const Instant now = env_.loop.now();
  const std::string key = workload.object->metadata.name + '/' + city.key();
  Scaler& scaler = scalers_.try_emplace(key, now).first->second;
  std::vector<Measure> measures;
  for (const config::ScaleMetric& metric : target.metrics)
    measures.push_back(measure(workload, city, metric));
  std::string unknown;
  for (const Measure& one : measures) {
    if (!one.unknown.empty()) unknown = one.unknown;
  }
  if (!unknown.empty()) unmeasured_.insert_or_assign(key, unknown);
  const auto& progress = workload.spec().progress;
  const bool may_shrink = progress && progress->phase == config::UpdatePhase::kDone;
  const auto decision = scaler.decide(target, city.want, measures, may_shrink, now);
  if (!decision) return {};
  env_.log.info(
      "a workload is scaled",
      {{"workload", workload.object->metadata.name}, {"city", city.key()}, {"reason", decision->reason}});
  city.want = decision->replicas;
  return decision->reason;
}

Measure Scheduler::measure(const WorkloadView& workload, const CityView& city,
                           const config::ScaleMetric& metric) const {
  if (metric.metric == config::ScaleBy::kCpu) {
    return measure_cpu(metric, city.instances, cpu_limit_of(workload.spec()));
  }
  std::set<std::string> zones;
  for (const auto& [name, node] : board_.nodes()) {
    if (node.spec->city == city.city && is_of_target(*node.spec, *city.target))
      zones.insert(node.spec->region);
  }
  Measure all = measure_load(metric, {}, 1);
  const std::set<std::string> services = services_of(workload.spec());
  if (services.empty()) all.unknown = "none of its ports has a service";
  for (const std::string& service : services) {
    for (const std::string& zone : zones) {
      const ServiceLoad load = load_of_ ? load_of_(service, zone, kLoadSpan)
                                        : ServiceLoad{.unknown = "nobody says what the service is given"};
      const Measure one = measure_load(metric, load, share_of(city, service, zone));
      all.least += one.least;
      all.most += one.most;
      if (!one.unknown.empty()) all.unknown = one.unknown;
    }
  }
  return all;
}

// Endpoints of instances, by service and zone; and cities that are not scaled any more are forgotten.
void Scheduler::begin_scaling() {
  scale_at_ = env_.loop.now() + kTick;
  unmeasured_.clear();
  pools_.clear();
  for (const auto& [name, endpoint] : endpoints_) {
    const auto& spec = std::get<config::EndpointSpec>(endpoint->spec);
    ++pools_[{spec.service, spec.zone}];
  }
  std::set<std::string, std::less<>> scaled;
  for (const auto& [name, workload] : workloads_) {
    for (const CityView& city : workload.cities) {
      if (!city.target->metrics.empty()) scaled.insert(name + '/' + city.key());
    }
  }
  std::erase_if(scalers_, [&](const auto& entry) { return !scaled.contains(entry.first); });
}

// Of the instances that are endpoints of the service in the zone, how many are the city's own; where there
// is none, all that comes is for it.
double Scheduler::share_of(const CityView& city, const std::string& service, const std::string& zone) const {
  const auto pool = pools_.find({service, zone});
  if (pool == pools_.end()) return 1;
  std::size_t own = 0;
  for (const InstanceView& one : city.instances) {
    for (const config::ObjectPointer& endpoint : endpoints_of_instance(one.name())) {
      const auto& spec = std::get<config::EndpointSpec>(endpoint->spec);
      if (spec.service == service && spec.zone == zone) ++own;
    }
  }
  return static_cast<double>(own) / static_cast<double>(pool->second);
}

}  // namespace weir::workload
