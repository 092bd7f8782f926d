// LoadWindow: what an edge has carried since it is known, and in the last minutes, from its reports as they
// come. On one core; the time comes in.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

#include "controller/rollout.h"

namespace weir::controller {

class LoadWindow {
 public:
  // Remembered: long enough to compare with, short enough to see what begins to go wrong. About 6 KiB an
  // edge.
  static constexpr Duration kSpan = std::chrono::minutes(5);
  static constexpr Duration kStep = std::chrono::seconds(5);
  static constexpr std::size_t kMarksMax = kSpan / kStep + 1;

  void add(const Carried& carried, Instant now);
  const Carried& total() const { return total_; }
  // In the last `span`, to within kStep; no more than kSpan is known.
  Carried recent(Instant now, Duration span = kSpan) const;

 private:
  struct Mark {
    Instant at;
    Carried total;  // that was carried before
  };
  std::deque<Mark> marks_;  // kStep apart or more
  Carried total_;
};

}  // namespace weir::controller
