// IntervalLog: the last intervals of a machine, for all who have to be told each once. On one core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "report/interval.h"

namespace weir::report {

class IntervalLog {
 public:
  // A controller that is away for five minutes misses nothing; at most 10 MB, where 256 names of each sort
  // are busy.
  static constexpr std::size_t kKept = 30;

  explicit IntervalLog(std::uint64_t run) : run_(run) {}

  void add(Instant end, Duration span, std::vector<Measured> measured) {
    if (kept_.size() == kKept) kept_.pop_front();
    kept_.push_back({end, {.run = run_, .sequence = ++last_, .span = span, .measured = std::move(measured)}});
  }
  // Those behind that sequence, as many as a report holds, with their age now.
  std::vector<Interval> behind(std::uint64_t sequence, Instant now) const {
    std::vector<Interval> all;
    for (const Kept& one : kept_) {
      if (one.interval.sequence <= sequence) continue;
      if (all.size() == kIntervalsMax) break;
      all.push_back(one.interval);
      all.back().age = now - one.end;
    }
    return all;
  }

 private:
  struct Kept {
    Instant end;
    Interval interval;
  };
  std::uint64_t run_;
  std::uint64_t last_ = 0;
  std::deque<Kept> kept_;
};

}  // namespace weir::report
