#include "workload/scaling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace weir::workload {
namespace {

using config::ScaleBy;

// How many are needed for that much; no more than there can be.
std::uint32_t needed(double sum, double each) {
  // Rounding must not make one more of what is exactly enough.
  const double exact = std::ceil(sum / each - 1e-9);
  return static_cast<std::uint32_t>(std::clamp(exact, 0.0, static_cast<double>(config::kReplicasMax)));
}

std::string number_text(double number) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.1f", number);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string text_of(const Measure& measure, std::uint32_t replicas) {
  const std::string count = std::to_string(replicas) + (replicas == 1 ? " instance" : " instances");
  const config::ScaleMetric& metric = measure.metric;
  switch (metric.metric) {
    case ScaleBy::kCpu: {
      const double limit = measure.each * 100 / metric.average_utilization;
      const double percent = replicas == 0 ? 0 : measure.least * 100 / (limit * replicas);
      return "CPU " + number_text(percent) + " % of what " + count + " may use, and " +
             std::to_string(metric.average_utilization) + " % is wanted";
    }
    case ScaleBy::kRequests:
      return number_text(measure.least) + " REQUESTS per second for " + count + ", and " +
             std::to_string(metric.average_value) + " each are wanted";
    case ScaleBy::kInFlight: break;
  }
  return number_text(measure.least) + " requests IN_FLIGHT for " + count + ", and " +
         std::to_string(metric.average_value) + " each are wanted";
}

}  // namespace

Measure measure_cpu(const config::ScaleMetric& metric, std::span<const InstanceView> instances,
                    std::uint32_t cpu_limit_milli) {
  Measure measure{.metric = metric};
  if (cpu_limit_milli == 0) {
    measure.unknown = "its containers have no limit of cpu, which a share could be of";
    return measure;
  }
  measure.each = static_cast<double>(cpu_limit_milli) * metric.average_utilization / 100;
  for (const InstanceView& one : instances) {
    // Who is not ready is given nothing to do.
    if (one.health == Health::kUnknown) measure.unknown = one.name() + " has not been heard of";
    if (one.health != Health::kReady) continue;
    measure.least += one.cpu_milli.value_or(0);
    measure.most += one.cpu_milli.value_or(cpu_limit_milli);
  }
  return measure;
}

Measure measure_load(const config::ScaleMetric& metric, const ServiceLoad& load, double share) {
  Measure measure{.metric = metric, .each = static_cast<double>(metric.average_value)};
  measure.unknown = load.unknown;
  const double all = metric.metric == ScaleBy::kRequests ? load.requests_per_second : load.in_flight;
  measure.least = measure.most = all * share;
  return measure;
}

// The greatest need of the window, with this one.
std::uint32_t Scaler::keep(std::uint32_t need, Duration window, Instant now) {
  while (!needs_.empty() && now - needs_.front().at > window) needs_.pop_front();
  while (!needs_.empty() && needs_.back().replicas <= need) needs_.pop_back();
  needs_.push_back({now, need});
  return needs_.front().replicas;
}

std::optional<Scaler::Decision> Scaler::decide(const config::WorkloadTarget& target, std::uint32_t replicas,
                                               std::span<const Measure> measures, bool may_shrink,
                                               Instant now) {
  std::uint32_t more = replicas;
  const Measure* why = nullptr;
  std::uint32_t enough = 0;
  bool all_known = !measures.empty();
  for (const Measure& one : measures) {
    if (!one.unknown.empty()) {
      all_known = false;
      continue;
    }
    const std::uint32_t need = needed(one.least, one.each);
    const bool differs = one.least > one.each * replicas * (1 + kTolerance);
    if (differs && need > more) {
      more = need;
      why = &one;
    }
    // With one less, there is to be some room left.
    enough = std::max(enough, needed(one.most, one.each * (1 - kTolerance)));
  }
  const std::uint32_t most = std::max(target.max_replicas, target.min_replicas);
  if (all_known) {
    if (now - known_at_ > kGapMax) {
      known_since_ = now;
      needs_.clear();
    }
    known_at_ = now;
    enough = keep(enough, target.scale_down_cooldown, now);
  }
  if (why != nullptr && now - decided_at_ >= target.scale_up_cooldown) {
    const std::uint32_t to = std::min({more, replicas * 2 + 1, most});
    if (to > replicas) {
      decided_at_ = now;
      return Decision{to, "scaled from " + std::to_string(replicas) + " to " + std::to_string(to) + ": " +
                              text_of(*why, replicas)};
    }
  }
  const bool watched = may_shrink && all_known && now - known_since_ >= target.scale_down_cooldown &&
                       now - decided_at_ >= target.scale_down_cooldown;
  if (!watched || enough >= replicas || replicas <= target.min_replicas) return std::nullopt;
  decided_at_ = now;
  std::string reason = "scaled from " + std::to_string(replicas) + " to " + std::to_string(replicas - 1) +
                       ": for " + format_duration(target.scale_down_cooldown) + " " + std::to_string(enough) +
                       " would have been enough";
  for (const Measure& one : measures) reason += "; " + text_of(one, replicas);
  return Decision{replicas - 1, std::move(reason)};
}

}  // namespace weir::workload
