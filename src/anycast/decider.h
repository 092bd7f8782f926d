// Decider: whether one address is announced by this edge: from what is seen of its own health, what it was
// ordered, and how many others announce the address. Pure: time comes in. A value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "anycast/announcement.h"
#include "base/time.h"

namespace weir::anycast {

struct Policy {
  // An address that was withdrawn since this edge could not serve it is announced again when it could for so
  // long without a break; twice as long with each time that it happens again.
  Duration hold = std::chrono::seconds(5);
  // So long routers are given to find another way, between prepending and withdrawing.
  Duration drain_wait = std::chrono::seconds(5);
  bool keeps_last = true;  // what nobody else announces is not withdrawn for want of health
};
// An edge that has begun may serve one load balancer before it knows the endpoints of the next: so long it
// waits for the rest of them.
inline constexpr Duration kRestMax = std::chrono::seconds(1);
inline constexpr Duration kHoldMax = std::chrono::minutes(5);
// Announced for so long without a break, what was before is forgotten.
inline constexpr Duration kCalm = std::chrono::minutes(10);
// For the controllers' answer: then what was known before decides.
inline constexpr Duration kAnswerMax = std::chrono::milliseconds(400);
// What controllers said last counts on for so long when none is attached.
inline constexpr Duration kBelieved = std::chrono::minutes(5);

// What is seen now.
struct Sight {
  std::string why_not;   // this edge can't serve the address; empty: it can
  std::string not_yet;   // it can't serve all that the address is for; counts while the decider is new
  bool ordered = false;  // controllers want it withdrawn
  bool ending = false;   // this process is about to end
  bool hurried = false;  // at once
  // How many others announce it and don't want to stop; none: nobody knows.
  std::optional<std::uint32_t> others;
  bool answered = false;  // by all who can: they know that this edge wants to stop
};

class Decider {
 public:
  explicit Decider(const Policy& policy) : policy_(policy) {}
  // Another process has announced it so far, and this one goes on.
  Decider(const Policy& policy, Route inherited, Instant now);

  // To be called whenever the sight is another, and at wake().
  void look(const Sight& sight, Instant now);
  // It is withdrawn already, by whoever found this process silent.
  void lost(Instant now);

  Route route() const { return route_; }
  // It was never announced, and nothing was to be by the process before.
  bool is_new() const { return is_new_; }
  // It wants to stop, if it is not the last; the controllers are to be asked.
  bool asks() const { return asks_since_.has_value(); }
  // It is announced although it should not be, since nobody else announces it.
  bool kept() const { return kept_; }
  const std::string& reason() const { return reason_; }  // empty: none is needed
  Duration hold() const;                                 // before it is announced again
  // Nothing changes by itself before; none: never.
  std::optional<Instant> wake() const { return wake_; }

 private:
  void look_down(const Sight& sight, Instant now);
  void look_up(const Sight& sight, Instant now);
  void prepend(const Sight& sight, Instant now);
  void ask(const Sight& sight, Instant now);
  void announce(Instant now);
  void withdraw(bool for_health);

  Policy policy_;
  Route route_ = Route::kWithdrawn;
  std::uint32_t falls_ = 0;  // withdrawn for want of health, since it was calm
  bool is_new_ = true;
  std::optional<Instant> well_since_;   // while it is withdrawn
  Instant announced_since_{};           // while it is not
  std::optional<Instant> drain_since_;  // prepended since then
  std::optional<Instant> asks_since_;
  bool kept_ = false;
  std::string reason_;
  std::optional<Instant> wake_;
};

}  // namespace weir::anycast
