#include "net/timer.h"

#include <algorithm>
#include <bit>

namespace weir::net {
namespace {
constexpr Duration kTick = std::chrono::milliseconds(1);
}  // namespace

void Timer::disarm() {
  if (wheel_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  if (wheel_->slots_[slot_] == nullptr) {
    wheel_->occupied_[slot_ / TimerWheel::kSlots] &= ~(1ULL << (slot_ % TimerWheel::kSlots));
  }
  wheel_ = nullptr;
}

TimerWheel::~TimerWheel() {
  for (Timer* head : slots_) {
    while (head != nullptr) {
      Timer* timer = head;
      head = timer->next_;
      timer->wheel_ = nullptr;
    }
  }
}

void TimerWheel::arm(Timer& timer, Instant at) {
  timer.disarm();
  const Duration from_start = std::max(at - start_, Duration::zero());
  // Rounded up: never early. The far future is one bucket.
  const auto tick = static_cast<std::uint64_t>(from_start / kTick + (from_start % kTick > Duration::zero()));
  constexpr std::uint64_t kHorizon = (1ULL << (kLevels * kSlotBits)) - 1;
  timer.tick_ = std::clamp(tick, tick_, tick_ + (kHorizon >> 1U));
  place(timer);
}

// The level is that of the highest bit in which the timer's tick differs from the current one: a timer moves
// down a level each time that the wheel above it turns to its slot.
void TimerWheel::place(Timer& timer) {
  const std::uint64_t difference = timer.tick_ ^ tick_;
  const unsigned level =
      difference == 0
          ? 0U
          : std::min((63U - static_cast<unsigned>(std::countl_zero(difference))) / kSlotBits, kLevels - 1);
  const auto index = static_cast<unsigned>((timer.tick_ >> (level * kSlotBits)) & (kSlots - 1));
  timer.slot_ = static_cast<std::uint16_t>(level * kSlots + index);
  Timer*& head = slots_[timer.slot_];
  timer.wheel_ = this;
  timer.next_ = head;
  timer.link_ = &head;
  if (head != nullptr) head->link_ = &timer.next_;
  head = &timer;
  occupied_[level] |= 1ULL << index;
}

void TimerWheel::fire_tick() {
  Timer*& head = slots_[tick_ & (kSlots - 1)];
  while (head != nullptr) {
    Timer& timer = *head;
    timer.disarm();
    timer.fire_(timer);  // may arm and disarm others, also for this very tick
  }
}

// A slot of a higher level begins with this tick: its timers move down. The step never jumps over such a
// beginning.
void TimerWheel::cascade() {
  for (unsigned level = 1; level < kLevels; ++level) {
    const auto index = static_cast<unsigned>((tick_ >> (level * kSlotBits)) & (kSlots - 1));
    Timer*& head = slots_[level * kSlots + index];
    while (head != nullptr) {
      Timer& timer = *head;
      timer.disarm();
      place(timer);
    }
    if (index != 0) return;
  }
}

void TimerWheel::advance(Instant now) {
  const auto due = static_cast<std::uint64_t>(std::max(now - start_, Duration::zero()) / kTick);
  while (tick_ <= due) {
    fire_tick();
    if (tick_ == due) return;  // this tick stays open: a timer armed for it later still fires
    // Jump over empty slots of the lowest level, up to its end.
    const std::uint64_t index = tick_ & (kSlots - 1);
    const std::uint64_t later = index == kSlots - 1 ? 0 : occupied_[0] >> (index + 1);
    const std::uint64_t step =
        later != 0 ? static_cast<std::uint64_t>(std::countr_zero(later)) + 1 : kSlots - index;
    tick_ = std::min(tick_ + step, due);
    if ((tick_ & (kSlots - 1)) != 0) continue;
    cascade();
  }
}

std::optional<Instant> TimerWheel::next() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const std::uint64_t index = (tick_ >> (level * kSlotBits)) & (kSlots - 1);
    const std::uint64_t ahead = occupied_[level] >> index;
    if (ahead == 0) continue;
    const std::uint64_t slot = index + static_cast<std::uint64_t>(std::countr_zero(ahead));
    const std::uint64_t base = tick_ >> ((level + 1) * kSlotBits) << ((level + 1) * kSlotBits);
    const std::uint64_t tick = std::max(base + (slot << (level * kSlotBits)), tick_);
    return start_ + kTick * static_cast<std::int64_t>(tick);
  }
  return std::nullopt;
}

}  // namespace weir::net
