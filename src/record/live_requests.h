// LiveRequests: a line about each request of an endpoint, as it ends, for whoever looks on: the owner of a
// tunnel sees at once what visitors ask for. One for all cores; while nobody looks on, a request costs one
// load of a counter.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "net/loop.h"
#include "record/connection.h"
#include "record/journal.h"

namespace weir::record {

class LiveRequests {
 public:
  // More than a person reads; of a busy endpoint the rest is told as a number.
  static constexpr std::size_t kLinesPerSecondMax = 50;

  // On the watcher's loop. The line is of printable ASCII.
  using Show = std::function<void(const std::string& line)>;
  // From any core, until end() with the same number; shown after that is at most what was under way. The
  // loop outlives it.
  std::uint64_t watch(std::string_view service, std::string_view endpoint, net::Loop& loop, Show show);
  void end(std::uint64_t watch);

  // A request has ended; from any core.
  void add(const Decision& decision, net::Clock& clock) {
    if (watches_.load(std::memory_order_relaxed) != 0) tell(decision, clock.wall_now());
  }
  void add(const Connection& connection, net::Clock& clock) {
    if (watches_.load(std::memory_order_relaxed) != 0) tell(connection, clock.wall_now());
  }

 private:
  struct Watch {
    std::uint64_t number;
    net::Loop& loop;
    std::shared_ptr<const Show> show;
    std::chrono::seconds second{};
    std::size_t lines = 0;
    std::size_t passed_over = 0;
  };
  using Key = std::pair<std::string, std::string>;  // service, endpoint

  void tell(const Decision& decision, WallTime now);
  void tell(const Connection& connection, WallTime now);
  template <class LineOf>
  void tell(std::string_view service, std::string_view endpoint, WallTime now, const LineOf& line_of);

  std::atomic<std::size_t> watches_ = 0;
  std::mutex mutex_;
  std::uint64_t last_ = 0;  // guarded, as what follows
  std::multimap<Key, Watch, std::less<>> by_endpoint_;
};

}  // namespace weir::record
