// LiveRequests: each request of an endpoint, as it ends, for whoever looks on: the owner of a tunnel sees at
// once what visitors ask for, as a line for people, or as in the access log and with what was sent and
// answered. One for all cores; while nobody looks on, a request costs loads of two counters.
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
#include <variant>

#include "base/time.h"
#include "capture/exchange.h"
#include "http/service.h"
#include "net/loop.h"
#include "record/connection.h"
#include "record/journal.h"

namespace weir::record {

class LiveRequests {
 public:
  // More than a person reads; of a busy endpoint the rest is told as a number.
  static constexpr std::size_t kLinesPerSecondMax = 50;
  // Of those that are looked into.
  static constexpr std::size_t kToldPerSecondMax = 200;

  // On the watcher's loop. The line is of printable ASCII.
  using Show = std::function<void(const std::string& line)>;
  // One that is looked into. On the watcher's loop, too.
  struct Told {
    std::string id;                                     // of the request
    std::string line;                                   // as in the access log, without its end
    std::shared_ptr<const capture::Exchange> exchange;  // null: it was not captured
    std::size_t passed_over = 0;                        // before it
  };
  using Tell = std::function<void(Told told)>;
  // From any core, until end() with the same number; shown after that is at most what was under way. The
  // loop outlives it.
  std::uint64_t watch(std::string_view service, std::string_view endpoint, net::Loop& loop, Show show);
  // The same; requests of that service are captured from now on.
  std::uint64_t inspect(std::string_view service, std::string_view endpoint, net::Loop& loop, Tell tell);
  void end(std::uint64_t watch);

  // Whether somebody looks into requests of some endpoint of that service; from any core.
  bool inspects(std::string_view service) const {
    return inspections_.load(std::memory_order_relaxed) != 0 && finds_inspection(service);
  }
  bool has_watches() const { return watches_.load(std::memory_order_relaxed) != 0; }

  // A request has ended; from any core, and while there are watches.
  void add(const Decision& decision, const http::Request& request,
           std::shared_ptr<const capture::Exchange> exchange, WallTime now);
  void add(const Connection& connection, net::Clock& clock) {
    if (has_watches()) tell(connection, clock.wall_now());
  }

 private:
  struct Watch {
    std::uint64_t number;
    net::Loop& loop;
    std::variant<std::shared_ptr<const Show>, std::shared_ptr<const Tell>> who;
    std::chrono::seconds second{};
    std::size_t taken = 0;  // in it
    std::size_t passed_over = 0;

    bool inspects() const { return who.index() == 1; }
    bool is_full(WallTime now);
    void post(std::string line);
    void post(Told told);
  };
  using Key = std::pair<std::string, std::string>;  // service, endpoint

  bool finds_inspection(std::string_view service) const;
  std::uint64_t add_watch(std::string_view service, std::string_view endpoint, Watch watch);
  void count();
  void tell(const Connection& connection, WallTime now);
  template <class LineOf, class ToldOf>
  void tell(std::string_view service, std::string_view endpoint, WallTime now, const LineOf& line_of,
            const ToldOf& told_of);

  std::atomic<std::size_t> watches_ = 0;
  std::atomic<std::size_t> inspections_ = 0;  // of them
  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;  // guarded, as what follows
  std::multimap<Key, Watch, std::less<>> by_endpoint_;
};

}  // namespace weir::record
