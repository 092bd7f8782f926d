// Outlier detection: takes endpoints out by what their answers say, without a check. An endpoint is ejected
// when
//   - so many answers in a row were 5xx, or so many exchanges in a row failed on the way there (no
//   connection, a
//     reset, no answer in time); counted separately, over all cores, and judged at once; or
//   - its success rate over an interval is below mean - factor * standard deviation of those of its peers,
//   where
//     enough of them had enough requests; judged by sweep().
// It stays out for `ejection` times the number of its ejections, at most `ejection_max`; each interval in
// which it is not ejected takes one off that number. A check that passes ends an ejection for local failures:
// the endpoint can be reached again; what it says of answers is another matter. No more than
// ejected_percent_max of the endpoints are out at a time, though always one may be, but never the last:
// statistics must not make an outage. Envoy's rules and defaults, with local failures split from answers, and
// the worst first when there is not room for all.
//
// How it relates to Backoff (backoff.h): that is a preference of one core, from the first failure on, for a
// second; it needs no numbers, so it helps at once and with few requests. This is the judgement of all cores
// together, it sees answers as well, and it counts against the health of a level (see spread.h). Both are
// kept: neither does what the other does.
//
// EndpointOutcomes: one per endpoint, shared by all cores, living as long as the endpoint. OutlierDetector:
// one per service. observe() may be called on any core: an add and two loads of one cache line per answer; a
// lock only when somebody is ejected. sweep() is called by one thread, once per interval. Whoever calls
// either has every core look anew (spread.h) when it says that something changed. No clock: the time comes
// in.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace weir::lb {

enum class Outcome : std::uint8_t {
  kSuccess,      // an answer below 500
  kServerError,  // an answer of 5xx
  kLocal,        // no answer: not connected, reset, timed out
};

enum class EjectionReason : std::uint8_t { kServerErrors, kLocalFailures, kSuccessRate };
std::string_view name_of(EjectionReason reason);  // "consecutive_5xx", "consecutive_local", "success_rate"

struct OutlierSettings {
  std::uint32_t consecutive_5xx = 5;             // 0: not judged
  std::uint32_t consecutive_local = 5;           // 0: not judged
  Duration interval = std::chrono::seconds(10);  // between two sweeps
  Duration ejection = std::chrono::seconds(30);
  Duration ejection_max = std::chrono::seconds(300);
  std::uint32_t ejected_percent_max = 10;         // of the endpoints
  double success_rate_stdev_factor = 1.9;         // 0: not judged
  std::uint32_t success_rate_hosts_min = 5;       // that had enough requests
  std::uint32_t success_rate_requests_min = 100;  // of a host in an interval
};

class alignas(64) EndpointOutcomes {
 public:
  bool ejected() const { return ejected_.load(std::memory_order_relaxed); }

 private:
  friend class OutlierDetector;

  static constexpr std::uint64_t kOneSuccess = (std::uint64_t{1} << 32U) | 1;
  static constexpr std::uint64_t kOneFailure = 1;
  std::atomic<std::uint64_t> counts_{0};  // in this interval: all in the lower half, successes in the upper
  std::atomic<std::uint32_t> server_errors_{0};   // in a row
  std::atomic<std::uint32_t> local_failures_{0};  // in a row
  std::atomic<bool> ejected_{false};
  // Under the detector's lock:
  std::uint32_t times_ = 0;  // ejected, less the intervals since
  Instant until_{};          // while ejected
  EjectionReason reason_{};  // likewise
};

class OutlierDetector {
 public:
  // Counts one outcome. endpoints: how many the service has. Says why, when that ejected the endpoint.
  std::optional<EjectionReason> observe(EndpointOutcomes& endpoint, Outcome outcome,
                                        const OutlierSettings& settings, std::size_t endpoints, Instant now) {
    if (outcome == Outcome::kSuccess) {
      endpoint.counts_.fetch_add(EndpointOutcomes::kOneSuccess, std::memory_order_relaxed);
      clear(endpoint.server_errors_);
      clear(endpoint.local_failures_);
      return std::nullopt;
    }
    endpoint.counts_.fetch_add(EndpointOutcomes::kOneFailure, std::memory_order_relaxed);
    if (outcome == Outcome::kServerError) {
      clear(endpoint.local_failures_);  // it was reached
      if (!reaches(endpoint.server_errors_, settings.consecutive_5xx)) return std::nullopt;
      return eject(endpoint, EjectionReason::kServerErrors, settings, endpoints, now);
    }
    if (!reaches(endpoint.local_failures_, settings.consecutive_local)) return std::nullopt;
    return eject(endpoint, EjectionReason::kLocalFailures, settings, endpoints, now);
  }

  struct Change {
    std::size_t place = 0;                 // of the endpoint in sweep()'s list
    std::optional<EjectionReason> reason;  // of its ejection; none: it is back
  };
  // Lets those back whose time is over, judges success rates, begins a new interval. endpoints: all of the
  // service.
  std::vector<Change> sweep(std::span<EndpointOutcomes* const> endpoints, const OutlierSettings& settings,
                            Instant now);

  // An active check of the endpoint has passed. True: that ended its ejection.
  bool check_passed(EndpointOutcomes& endpoint);
  std::size_t ejected() const { return ejected_.load(std::memory_order_relaxed); }

 private:
  // Mostly there is nothing to clear, and a load keeps the cache line shared where a store would not.
  static void clear(std::atomic<std::uint32_t>& count) {
    if (count.load(std::memory_order_relaxed) != 0) count.store(0, std::memory_order_relaxed);
  }
  // Whether this failure fills a row of so many; when that had no effect, the next full row tries again.
  static bool reaches(std::atomic<std::uint32_t>& count, std::uint32_t row) {
    const std::uint32_t now = count.fetch_add(1, std::memory_order_relaxed) + 1;
    return row != 0 && now % row == 0;
  }
  std::optional<EjectionReason> eject(EndpointOutcomes& endpoint, EjectionReason reason,
                                      const OutlierSettings& settings, std::size_t endpoints, Instant now);
  bool eject_locked(EndpointOutcomes& endpoint, EjectionReason reason, const OutlierSettings& settings,
                    std::size_t endpoints, Instant now);
  void readmit_locked(EndpointOutcomes& endpoint);

  std::mutex mutex_;
  std::atomic<std::size_t> ejected_{0};  // written under the lock
};

}  // namespace weir::lb
