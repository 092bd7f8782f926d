#include "lb/outlier.h"

#include <algorithm>
#include <cmath>

namespace weir::lb {
namespace {

struct Rate {
  std::size_t place;
  double success;  // 0 to 1
};

// The rate below which an endpoint is an outlier.
double least_rate(std::span<const Rate> rates, double factor) {
  const auto count = static_cast<double>(rates.size());
  double sum = 0;
  for (const Rate& rate : rates) sum += rate.success;
  const double mean = sum / count;
  double squares = 0;
  for (const Rate& rate : rates) squares += (rate.success - mean) * (rate.success - mean);
  return mean - factor * std::sqrt(squares / count);
}

}  // namespace

std::string_view name_of(EjectionReason reason) {
  switch (reason) {
    case EjectionReason::kServerErrors: return "consecutive_5xx";
    case EjectionReason::kLocalFailures: return "consecutive_local";
    case EjectionReason::kSuccessRate: return "success_rate";
  }
  return "unknown";
}

std::optional<EjectionReason> OutlierDetector::eject(EndpointOutcomes& endpoint, EjectionReason reason,
                                                     const OutlierSettings& settings, std::size_t endpoints,
                                                     Instant now) {
  const std::scoped_lock lock(mutex_);
  if (!eject_locked(endpoint, reason, settings, endpoints, now)) return std::nullopt;
  return reason;
}

bool OutlierDetector::eject_locked(EndpointOutcomes& endpoint, EjectionReason reason,
                                   const OutlierSettings& settings, std::size_t endpoints, Instant now) {
  if (endpoint.ejected() || endpoints < 2) return false;
  const std::size_t out = ejected();
  const std::size_t most = std::max<std::size_t>(1, endpoints * settings.ejected_percent_max / 100);
  if (out >= std::min(most, endpoints - 1)) return false;
  ++endpoint.times_;
  endpoint.reason_ = reason;
  endpoint.until_ =
      now + (settings.ejection_max / endpoint.times_ > settings.ejection ? settings.ejection * endpoint.times_
                                                                         : settings.ejection_max);
  endpoint.ejected_.store(true, std::memory_order_relaxed);
  ejected_.store(out + 1, std::memory_order_relaxed);
  return true;
}

void OutlierDetector::readmit_locked(EndpointOutcomes& endpoint) {
  endpoint.server_errors_.store(0, std::memory_order_relaxed);
  endpoint.local_failures_.store(0, std::memory_order_relaxed);
  endpoint.ejected_.store(false, std::memory_order_relaxed);
}

bool OutlierDetector::check_passed(EndpointOutcomes& endpoint) {
  if (!endpoint.ejected()) return false;
  const std::scoped_lock lock(mutex_);
  if (!endpoint.ejected() || endpoint.reason_ != EjectionReason::kLocalFailures) return false;
  readmit_locked(endpoint);
  ejected_.store(ejected() - std::min<std::size_t>(ejected(), 1), std::memory_order_relaxed);
  return true;
}

std::vector<OutlierDetector::Change> OutlierDetector::sweep(std::span<EndpointOutcomes* const> endpoints,
                                                            const OutlierSettings& settings, Instant now) {
  std::vector<Change> changes;
  std::vector<Rate> rates;
  const std::scoped_lock lock(mutex_);
  std::size_t out = 0;  // counted anew: endpoints may have gone while they were ejected
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    EndpointOutcomes& endpoint = *endpoints[i];
    const std::uint64_t counts = endpoint.counts_.exchange(0, std::memory_order_relaxed);
    if (endpoint.ejected()) {
      if (now < endpoint.until_) {
        ++out;
      } else {
        readmit_locked(endpoint);
        changes.push_back({.place = i, .reason = std::nullopt});
      }
      continue;  // what was counted is from before its ejection
    }
    if (endpoint.times_ > 0) --endpoint.times_;
    const auto requests = static_cast<double>(counts & 0xffff'ffffU);
    if (requests < std::max(settings.success_rate_requests_min, 1U)) continue;
    rates.push_back({.place = i, .success = static_cast<double>(counts >> 32U) / requests});
  }
  ejected_.store(out, std::memory_order_relaxed);
  if (settings.success_rate_stdev_factor <= 0 || rates.empty() ||
      rates.size() < settings.success_rate_hosts_min) {
    return changes;
  }
  const double least = least_rate(rates, settings.success_rate_stdev_factor);
  std::ranges::sort(rates, [](const Rate& left, const Rate& right) {
    return left.success != right.success ? left.success < right.success : left.place < right.place;
  });
  for (const Rate& rate : rates) {
    if (rate.success >= least ||
        !eject_locked(*endpoints[rate.place], EjectionReason::kSuccessRate, settings, endpoints.size(), now))
      break;
    changes.push_back({.place = rate.place, .reason = EjectionReason::kSuccessRate});
  }
  return changes;
}

}  // namespace weir::lb
