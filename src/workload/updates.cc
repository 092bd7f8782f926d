#include "workload/updates.h"

#include <algorithm>
#include <utility>

namespace weir::workload {
namespace {

using config::UpdatePhase;
using config::WorkloadProgress;

constexpr std::size_t kReasonBytesMax = 2048;

bool is_present(const InstanceView& one) { return one.health != Health::kLost; }

// Ready for so long that the next may be replaced.
bool is_steady(const InstanceView& one, const std::string& version, Duration healthy_time) {
  return one.spec().version == version && one.health == Health::kReady && one.health_for >= healthy_time;
}

bool is_done(const CityView& city, const std::string& version, Duration healthy_time) {
  return std::ranges::all_of(city.instances, [&](const InstanceView& one) {
    return !is_present(one) || is_steady(one, version, healthy_time);
  });
}

// Nothing has run before that one could go back to.
bool is_first(const WorkloadProgress& progress) { return !progress.good; }

// How many cities, from the first on, the version may get to.
std::size_t reached(const WorkloadView& workload, const WorkloadProgress& progress) {
  if (progress.phase != UpdatePhase::kRunning || is_first(progress)) return workload.cities.size();
  for (std::size_t i = 0; i < workload.cities.size(); ++i) {
    if (workload.cities[i].key() == progress.city) return i + 1;
  }
  return 0;  // it has no nodes any more; the next step tells another
}

// Why an instance of the version has failed; empty: it has not.
std::string failure_of(const InstanceView& one, const config::WorkloadUpdate& update, Duration led_for,
                       WallTime now) {
  if (one.health == Health::kUnknown || one.health == Health::kLost) return {};
  if (one.health == Health::kFailing) return one.reason.empty() ? "it ends again and again" : one.reason;
  const bool is_ready = one.health == Health::kReady;
  const Duration longest = std::max(one.ready_longest, is_ready ? one.health_for : Duration{});
  const bool was_steady = longest >= update.min_healthy_time;
  if (is_ready && was_steady) return {};
  const Duration placed = one.spec().placed_at ? Duration(now - *one.spec().placed_at) : Duration{};
  const Duration waited = std::min(was_steady ? one.health_for : placed, led_for);
  if (waited <= update.healthy_deadline) return {};
  return "it was not ready within " + format_duration(update.healthy_deadline) +
         (one.reason.empty() ? std::string() : ": " + one.reason);
}

// Of the first that has failed, with its name.
std::string failure_of(const WorkloadView& workload, const WorkloadProgress& progress, Duration led_for,
                       WallTime now) {
  const std::size_t cities = reached(workload, progress);
  for (std::size_t i = 0; i < cities; ++i) {
    for (const InstanceView& one : workload.cities[i].instances) {
      if (one.spec().version != progress.version) continue;
      std::string why = failure_of(one, workload.spec().update, led_for, now);
      if (!why.empty()) return one.name() + ": " + why.substr(0, kReasonBytesMax);
    }
  }
  return {};
}

WorkloadProgress begun(const WorkloadView& workload, const WorkloadProgress& before, WallTime now) {
  WorkloadProgress next = before;
  next.phase = UpdatePhase::kRunning;
  next.version = workload.version;
  next.city = workload.cities.empty() ? std::string() : workload.cities.front().key();
  next.since = now;
  next.reason.clear();
  return next;
}

// Something has run, or nothing is to.
bool has_any(const WorkloadView& workload) {
  return std::ranges::any_of(
             workload.cities,
             [](const CityView& city) { return std::ranges::any_of(city.instances, is_present); }) ||
         (!workload.cities.empty() &&
          std::ranges::all_of(workload.cities, [](const CityView& city) { return city.want == 0; }));
}

UpdateStep finished(const WorkloadView& workload, WorkloadProgress progress, WallTime now) {
  progress.phase = UpdatePhase::kDone;
  progress.city.clear();
  progress.since = now;
  progress.reason.clear();
  progress.good_version = progress.version;
  progress.good = static_cast<const config::ContainerGroup&>(workload.spec());
  return {std::move(progress), "all instances run the version " + workload.version};
}

UpdateStep failed(const WorkloadView& workload, WorkloadProgress progress, std::string why, WallTime now) {
  const bool reverts =
      workload.spec().update.auto_revert && !is_first(progress) && progress.good_version != progress.version;
  progress.phase = reverts ? UpdatePhase::kReverted : UpdatePhase::kFailed;
  progress.since = now;
  progress.reason = std::move(why);
  std::string reason = "the version " + progress.version + " fails, " + progress.reason;
  if (reverts) reason += "; all go back to the version " + progress.good_version;
  return {std::move(progress), std::move(reason)};
}

// The next city that does not have the version yet, when all before it do.
UpdateStep gone_on(const WorkloadView& workload, WorkloadProgress progress, WallTime now) {
  const Duration healthy_time = workload.spec().update.min_healthy_time;
  const auto undone = std::ranges::find_if_not(
      workload.cities, [&](const CityView& city) { return is_done(city, progress.version, healthy_time); });
  if (undone == workload.cities.end()) {
    if (!has_any(workload)) return {std::move(progress), {}};
    return finished(workload, std::move(progress), now);
  }
  const auto index = static_cast<std::size_t>(undone - workload.cities.begin());
  if (is_first(progress) || index < reached(workload, progress)) return {std::move(progress), {}};
  progress.city = undone->key();
  std::string reason = "the version " + progress.version + " goes on to " + progress.city;
  return {std::move(progress), std::move(reason)};
}

}  // namespace

UpdateStep next_step(const WorkloadView& workload, Duration led_for, WallTime now) {
  WorkloadProgress progress = workload.spec().progress.value_or(WorkloadProgress{});
  if (progress.version != workload.version) {
    progress = begun(workload, progress, now);
    std::string reason = "the version " + progress.version + " begins";
    return {std::move(progress), std::move(reason)};
  }
  const config::WorkloadUpdate& update = workload.spec().update;
  switch (progress.phase) {
    case UpdatePhase::kRunning: {
      if (update.paused && !is_first(progress)) break;
      std::string why = failure_of(workload, progress, led_for, now);
      if (!why.empty()) return failed(workload, std::move(progress), std::move(why), now);
      return gone_on(workload, std::move(progress), now);
    }
    case UpdatePhase::kFailed: {
      // It has come up after all.
      const bool all = std::ranges::all_of(workload.cities, [&](const CityView& city) {
        return is_done(city, progress.version, update.min_healthy_time);
      });
      if (all && has_any(workload)) return finished(workload, std::move(progress), now);
      break;
    }
    case UpdatePhase::kReverted:
    case UpdatePhase::kDone: break;
  }
  return {std::move(progress), {}};
}

CityUpdate update_of(const WorkloadView& workload, const WorkloadProgress& progress, std::size_t index) {
  const config::WorkloadUpdate& update = workload.spec().update;
  const CityView& city = workload.cities[index];
  const bool is_back = progress.phase == UpdatePhase::kReverted || progress.phase == UpdatePhase::kFailed;
  const bool runs = progress.phase == UpdatePhase::kRunning;
  const bool gets_new =
      is_first(progress) || (!is_back && !(runs && update.paused) && index < reached(workload, progress));
  CityUpdate result;
  result.version = gets_new ? progress.version : progress.good_version;
  result.group = gets_new ? &workload.spec() : &*progress.good;
  // Left as it is, for people to look at.
  result.extras_stay = progress.phase == UpdatePhase::kFailed || update.paused;
  if (result.extras_stay) return result;
  if (is_done(city, result.version, update.min_healthy_time)) return result;
  if (runs && !gets_new) return result;
  std::vector<const InstanceView*> old;
  std::uint32_t steady = 0;
  for (const InstanceView& one : city.instances) {
    if (!is_present(one)) continue;
    if (one.spec().version != result.version) old.push_back(&one);
    const bool counts = one.spec().version == result.version
                            ? is_steady(one, result.version, update.min_healthy_time)
                            : one.health == Health::kReady;
    if (counts) ++steady;
  }
  result.under_way = !old.empty();
  result.extras_stay =
      result.under_way || std::ranges::any_of(city.instances, [&](const InstanceView& one) {
        return !one.is_extra() && is_present(one) && !is_steady(one, result.version, update.min_healthy_time);
      });
  result.extras_wanted =
      std::min(update.max_surge, static_cast<std::uint32_t>(std::min<std::size_t>(old.size(), city.want)));
  const std::uint32_t needed = city.want - std::min(update.max_unavailable, city.want);
  std::uint32_t spare = steady > needed ? steady - needed : 0;
  for (const InstanceView* one : old) {
    // Whoever can't serve anyhow is none the less for it.
    const bool serves = one->health == Health::kReady;
    if (one->health == Health::kUnknown || (serves && spare == 0)) continue;
    if (serves) --spare;
    result.replaced.push_back(one->spec().number);
  }
  return result;
}

}  // namespace weir::workload
