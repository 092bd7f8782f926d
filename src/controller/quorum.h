// Quorum: the verdict on each endpoint, from the votes of all edges that check it. It keeps counts only, so a
// vote costs the same however many edges there are. Who has no verdict on an endpoint does not count; an
// endpoint is healthy until enough say otherwise, and stays what it was while nobody knows. On one core; has
// no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace weir::controller {

enum class Vote : std::uint8_t { kUnknown, kHealthy, kUnhealthy };

// What edges say of an endpoint.
struct Votes {
  std::uint32_t unknown = 0;
  std::uint32_t healthy = 0;
  std::uint32_t unhealthy = 0;

  std::uint32_t& of(Vote vote) {
    return vote == Vote::kHealthy ? healthy : vote == Vote::kUnhealthy ? unhealthy : unknown;
  }
  std::uint32_t all() const { return unknown + healthy + unhealthy; }
};

class Quorum {
 public:
  using EndpointId = std::uint32_t;
  // The keys of all endpoints of a service that are unhealthy by now.
  using OnVerdict = std::function<void(const std::string& service, const std::set<std::string>& unhealthy)>;

  static constexpr std::uint32_t kPercent = 51;  // of a service that nothing was set for

  struct Endpoint {
    Votes votes;
    bool unhealthy = false;         // the verdict
    std::optional<WallTime> since;  // of the verdict, when it has ever changed
    std::string reason;             // of the vote that was the last to say unhealthy
  };

  Quorum() = default;
  Quorum(const Quorum&) = delete;
  Quorum& operator=(const Quorum&) = delete;

  void on_verdict(OnVerdict told) { told_ = std::move(told); }
  void set_percent(const std::string& service, std::uint32_t percent);

  // A vote is entered with kUnknown, moved as it changes, and withdrawn; then the id may be another's.
  EndpointId enter(const std::string& service, const std::string& endpoint);
  void move(EndpointId id, Vote from, Vote to, std::string_view reason);
  void withdraw(EndpointId id, Vote vote);

  // While it is held, votes are counted and no verdict changes.
  void hold() { held_ = true; }
  void release();
  bool held() const { return held_; }
  // Tells every service whose verdicts have changed since the last call; they are of this time.
  void tell(WallTime now);

  std::optional<EndpointId> find(std::string_view service, std::string_view endpoint) const;  // voted on
  // Of a service, by key; null: none.
  const std::map<std::string, EndpointId, std::less<>>* endpoints_of(std::string_view service) const;
  const Endpoint& endpoint(EndpointId id) const { return endpoints_[id].seen; }
  std::size_t unhealthy() const { return unhealthy_; }  // endpoints, in all

 private:
  struct Service {
    std::uint32_t percent = kPercent;
    std::map<std::string, EndpointId, std::less<>> endpoints;
    std::set<std::string> unhealthy;
    bool changed = false;  // and in changed_
  };
  using Services = std::map<std::string, Service, std::less<>>;
  struct Entry {
    Services::iterator service;
    const std::string* key = nullptr;  // in the service's map
    Endpoint seen;
  };

  void judge(EndpointId id);
  void set_verdict(Entry& entry, bool unhealthy);
  void mark_changed(Services::iterator service);
  void drop_unused(Services::iterator service);

  OnVerdict told_;
  Services services_;
  std::vector<Entry> endpoints_;  // by id
  std::vector<EndpointId> free_;
  std::vector<Services::iterator> changed_;
  std::vector<EndpointId> undated_;  // whose verdict is of the next tell()
  std::size_t unhealthy_ = 0;
  bool held_ = false;
};

}  // namespace weir::controller
