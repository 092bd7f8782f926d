// Inspections: the last requests of the endpoints that somebody looks into, with what was sent and answered:
// kept for as long as they are looked at, and some minutes more. One for all cores, on the control loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "net/loop.h"
#include "net/timer.h"
#include "record/live_requests.h"

namespace weir::inspection {

class Inspections {
 public:
  static constexpr std::size_t kEndpointsMax = 256;
  static constexpr std::size_t kKeptMax = 200;                      // requests of an endpoint
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20U;  // of all endpoints
  static constexpr Duration kLingers = std::chrono::minutes(5);     // after the last look

  struct Endpoint {
    std::string service;
    std::string key;
    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
  };
  using Told = record::LiveRequests::Told;

  Inspections(net::Loop& loop, record::LiveRequests& live) : loop_(loop), live_(live), sweep_(*this) {}
  Inspections(const Inspections&) = delete;
  Inspections& operator=(const Inspections&) = delete;
  ~Inspections();

  // From now on its requests are kept. False: too many endpoints are looked into.
  bool look(const Endpoint& at);
  // Those that are kept, the oldest first.
  std::vector<std::string> latest(const Endpoint& at) const;
  // Null: no such request is kept, or not any more. Valid until the loop's next turn.
  const Told* find(const Endpoint& at, std::string_view id) const;
  // Told of each as it ends, until leave() with the same number; looked at all the while. After look().
  std::uint64_t follow(const Endpoint& at, std::function<void(const Told&)> told);
  void leave(std::uint64_t follower);

 private:
  struct Kept {
    std::uint64_t number = 0;  // in the order of all endpoints
    Told told;
    std::size_t bytes() const;
  };
  struct Looked {
    std::uint64_t watch = 0;
    Instant until;
    std::deque<Kept> kept;
    std::map<std::uint64_t, std::function<void(const Told&)>> followers;
  };
  struct Sweep : net::Timer {
    explicit Sweep(Inspections& owner)
        : Timer([](Timer& timer) { static_cast<Sweep&>(timer).inspections.sweep(); }), inspections(owner) {}
    Inspections& inspections;
  };

  void keep(const Endpoint& at, Told told);
  void drop_oldest(Looked& of);
  void sweep();

  net::Loop& loop_;
  record::LiveRequests& live_;
  // Of what comes after this has gone.
  std::shared_ptr<Inspections*> self_ = std::make_shared<Inspections*>(this);
  std::map<Endpoint, Looked> looked_;
  std::uint64_t last_ = 0;
  std::size_t bytes_ = 0;
  Sweep sweep_;
};

}  // namespace weir::inspection
