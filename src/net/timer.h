// Timers of one loop: a hierarchical wheel with millisecond ticks. Arming and disarming cost a list
// insertion, so that every network await can have a deadline. A timer fires up to one tick late, never early.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace weir::net {

class TimerWheel;

// Intrusive: lives in what waits for it, and disarms itself when that is destroyed.
class Timer {
 public:
  using Fire = void (*)(Timer&);
  explicit Timer(Fire fire) : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }

  bool armed() const { return wheel_ != nullptr; }
  void disarm();

 private:
  friend class TimerWheel;
  Fire fire_;
  TimerWheel* wheel_ = nullptr;
  Timer* next_ = nullptr;
  Timer** link_ = nullptr;  // the pointer that points here
  std::uint64_t tick_ = 0;
  std::uint16_t slot_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Instant start) : start_(start) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  void arm(Timer& timer, Instant at);
  // Fires all that are due at `now`, in the order of their ticks.
  void advance(Instant now);
  // No timer fires before this; empty when none is armed. May be earlier than the first timer (a cascade is
  // due).
  std::optional<Instant> next() const;

 private:
  friend class Timer;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr unsigned kLevels = 7;  // 2^42 ms: 139 years

  void place(Timer& timer);
  void fire_tick();
  void cascade();

  Instant start_;
  std::uint64_t tick_ = 0;  // all timers of ticks before this have fired
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<Timer*, static_cast<std::size_t>(kLevels) * kSlots> slots_{};
};

}  // namespace weir::net
