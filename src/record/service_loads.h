// ServiceLoads: what each service's endpoints of each zone are given, and have in flight, on one core. The
// core counts without locks; only the list of names has one, for whoever reads it on another thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/metrics.h"
#include "base/time.h"

namespace weir::record {

class ServiceLoads {
 public:
  // After its last endpoint has gone, a zone's counts stay: reports still have to tell of them.
  static constexpr Duration kOutlast = std::chrono::minutes(1);
  // Services, each in one zone, that are counted; of the others nothing is known.
  static constexpr std::size_t kNamesMax = 20'000;

  // Requests of HTTP, calls and connections of TCP alike.
  struct Counts {
    Counter requests;  // that an endpoint was given; one that had to go on to another, too
    std::atomic<std::uint32_t> in_flight = 0;  // written by its core alone
  };
  using CountsPointer = std::shared_ptr<Counts>;

  // Never null.
  CountsPointer join(std::string_view service, std::string_view zone);
  // Forgets those that nobody has held for that long, with nothing in flight. Called on changes only.
  void drop_unused(Instant now);

  // A request goes to an endpoint of those counts; `at`: where it is in flight, null: nowhere yet.
  static void give(Counts*& at, Counts& to) {
    to.requests.add();
    move(at, &to);
  }
  // It has ended, or was here before it is counted (to); null: it is nowhere any more.
  static void move(Counts*& at, Counts* to) {
    if (at != nullptr) add(at->in_flight, -1);
    if (to != nullptr) add(to->in_flight, 1);
    at = to;
  }

  using Name = std::pair<std::string, std::string>;  // service, zone
  struct Sum {
    std::uint64_t requests = 0;  // since the beginning; of a service that had gone: since it is back
    std::uint64_t in_flight = 0;
    friend bool operator==(const Sum&, const Sum&) = default;
  };
  struct Sums {
    std::map<Name, Sum> of;
    bool all = true;  // false: there are more than are counted
  };
  // Adds those of this core. From any thread.
  void add_to(Sums& sums) const;

 private:
  static void add(std::atomic<std::uint32_t>& to, int more) {
    to.store(to.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(more),
             std::memory_order_relaxed);
  }

  struct Kept {
    CountsPointer counts;
    std::optional<Instant> unused;  // since then, as was seen
  };
  static bool is_unused(const CountsPointer& counts) {
    return counts.use_count() == 1 && counts->in_flight.load(std::memory_order_relaxed) == 0;
  }

  mutable std::mutex mutex_;  // guards what follows, not what the counts hold
  std::map<Name, Kept> names_;
  CountsPointer others_;  // null: there were never too many
};

}  // namespace weir::record
