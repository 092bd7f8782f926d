#include "anycast/decider.h"

#include <algorithm>

namespace weir::anycast {
namespace {

constexpr const char* kEnding = "this edge ends";
constexpr const char* kOrdered = "the controllers want it so";
constexpr const char* kSilent = "this edge was silent for too long";
constexpr std::uint32_t kFallsMax = 16;  // more make no difference: 2^16 holds are beyond kHoldMax

}  // namespace

Decider::Decider(const Policy& policy, Route inherited, Instant now)
    : policy_(policy), route_(inherited), is_new_(false), announced_since_(now) {
  if (route_ == Route::kPrepended) drain_since_ = now;
}

Duration Decider::hold() const {
  if (falls_ == 0) return Duration::zero();
  Duration hold = policy_.hold;
  for (std::uint32_t i = 1; i < falls_ && hold < kHoldMax; ++i) hold *= 2;
  return std::min(hold, kHoldMax);
}

void Decider::look(const Sight& sight, Instant now) {
  wake_.reset();
  if (route_ == Route::kWithdrawn) {
    look_down(sight, now);
  } else {
    look_up(sight, now);
  }
}

void Decider::look_down(const Sight& sight, Instant now) {
  reason_ = sight.why_not;
  if (sight.ordered) reason_ = kOrdered;
  if (sight.ending) reason_ = kEnding;
  if (!reason_.empty()) {
    well_since_.reset();
    return;
  }
  if (!well_since_) well_since_ = now;
  const bool waits = is_new_ && !sight.not_yet.empty();
  const Instant due = *well_since_ + (waits ? kRestMax : hold());
  if (now >= due) return announce(now);
  wake_ = due;
  reason_ = waits ? sight.not_yet : "it can be served again, for " + format_duration(hold()) + " first";
}

void Decider::look_up(const Sight& sight, Instant now) {
  if (now - announced_since_ >= kCalm) falls_ = 0;
  const bool drains = sight.ending || sight.ordered;
  if (!drains && sight.why_not.empty()) {
    route_ = Route::kAnnounced;
    drain_since_.reset();
    asks_since_.reset();
    kept_ = false;
    reason_.clear();
    wake_ = falls_ > 0 ? std::optional(announced_since_ + kCalm) : std::nullopt;
    return;
  }
  reason_ = sight.why_not;
  if (sight.ordered) reason_ = kOrdered;
  if (sight.ending) reason_ = kEnding;
  if (drains && sight.why_not.empty()) return prepend(sight, now);
  // Who ends can't serve it any more, whoever else can.
  if (sight.ending || !policy_.keeps_last) return withdraw(!drains);
  ask(sight, now);
}

// First the farther way, then none.
void Decider::prepend(const Sight& sight, Instant now) {
  route_ = Route::kPrepended;
  if (!drain_since_) drain_since_ = now;
  const Instant due = *drain_since_ + policy_.drain_wait;
  if (now < due && !sight.hurried) {
    asks_since_.reset();
    kept_ = false;
    wake_ = due;
    return;
  }
  if (sight.ending || !policy_.keeps_last) return withdraw(false);
  ask(sight, now);
}

void Decider::ask(const Sight& sight, Instant now) {
  if (!asks_since_) asks_since_ = now;
  const Instant due = *asks_since_ + kAnswerMax;
  const bool answered = sight.answered || now >= due;
  if (!answered) {
    wake_ = due;
    return;
  }
  if (sight.others.value_or(0) > 0) return withdraw(!sight.ordered);
  kept_ = true;
}

void Decider::announce(Instant now) {
  route_ = Route::kAnnounced;
  is_new_ = false;
  announced_since_ = now;
  well_since_.reset();
  reason_.clear();
  if (falls_ > 0) wake_ = now + kCalm;
}

void Decider::withdraw(bool for_health) {
  route_ = Route::kWithdrawn;
  if (for_health && falls_ < kFallsMax) ++falls_;
  well_since_.reset();
  drain_since_.reset();
  asks_since_.reset();
  kept_ = false;
}

void Decider::lost(Instant /*now*/) {
  if (route_ == Route::kWithdrawn) return;
  withdraw(true);
  reason_ = kSilent;
}

}  // namespace weir::anycast
