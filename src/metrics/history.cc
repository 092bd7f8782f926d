#include "metrics/history.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::metrics {
namespace {

constexpr std::int64_t kStepSeconds = kStep.count();
constexpr std::int64_t kWindowSeconds = kWindow.count();
constexpr std::int64_t kStepsOfWindow = kWindowSeconds / kStepSeconds;
// Machines' clocks show their steps' ends at about the same time; reports take a moment.
constexpr std::int64_t kSettleSeconds = 3;
// What byte limits never take: the steps of the windows that are still to be added up.
constexpr std::int64_t kFineStepsMin = 3 * kStepsOfWindow;
// Points that came after their window was closed, for the next one's file; of more the memory alone knows.
constexpr std::size_t kLateMax = 50'000;

// Of its window, as Point::steps.
std::uint64_t step_bit(std::int64_t slot) {
  return std::uint64_t{1} << static_cast<std::uint64_t>(slot % kStepsOfWindow);
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool is_of(std::string_view source, std::string_view wanted) {
  return wanted.ends_with('/') ? source.starts_with(wanted) : source == wanted;
}

bool is_meant(const SeriesKey& key, const Question& question) {
  if (!is_of(key.source, question.source)) return false;
  if (question.by != Grouping::kName) return key.name == question.name;
  return question.name.empty() ||
         (key.name.size() > question.name.size() && key.name.starts_with(question.name) &&
          key.name[question.name.size()] == '/');
}

// Spreads points over the bins that they are in.
struct Spread {
  std::int64_t from;
  std::int64_t step;
  std::size_t bins;

  // Of the window that begins at `window`, up to `end`. told: the bin, and the part of the window's steps
  // that is in it.
  template <class Told>
  void over(std::int64_t window, std::int64_t end, std::uint64_t steps, const Told& told) const {
    std::int64_t begin = std::max(window, from);
    end = std::min(end, from + step * static_cast<std::int64_t>(bins));
    while (begin < end) {
      const auto bin = static_cast<std::size_t>((begin - from) / step);
      const std::int64_t until = std::min(end, from + step * static_cast<std::int64_t>(bin + 1));
      const std::uint64_t here = steps & bits_before(until - window) & ~bits_before(begin - window);
      if (here != 0) told(bin, static_cast<double>(std::popcount(here)) / std::popcount(steps));
      begin = until;
    }
  }
  static std::uint64_t bits_before(std::int64_t seconds) {
    return (std::uint64_t{1} << static_cast<std::uint64_t>(seconds / kStepSeconds)) - 1;
  }
};

template <class Series, class Told>
void visit(const Series& series, const Spread& spread, std::int64_t fine_from, const Told& told) {
  const std::int64_t fine_second = fine_from * kStepSeconds;
  const std::int64_t end = spread.from + spread.step * static_cast<std::int64_t>(spread.bins);
  series.coarse.visit(spread.from / kWindowSeconds, (std::min(end, fine_second) - 1) / kWindowSeconds + 1,
                      [&](std::int64_t slot, const Point& point) {
                        const std::int64_t begin = slot * kWindowSeconds;
                        spread.over(begin, std::min(begin + kWindowSeconds, fine_second), point.steps,
                                    [&](std::size_t bin, double part) { told(bin, point, part); });
                      });
  series.fine.visit(std::max(fine_from, spread.from / kStepSeconds), (end + kStepSeconds - 1) / kStepSeconds,
                    [&](std::int64_t slot, const Point& point) {
                      told(static_cast<std::size_t>((slot * kStepSeconds - spread.from) / spread.step), point,
                           1.0);
                    });
}

// In each bin: how many intervals of each source were heard.
using Presence = std::map<std::string_view, std::vector<double>>;

void add_to(Bin& bin, const Point& point, double part, double intervals) {
  const double per_second = intervals > 0 ? part / (intervals * static_cast<double>(kStepSeconds)) : 0;
  const double mean = intervals > 0 ? part / intervals : 0;
  bin.requests += static_cast<double>(point.requests) * per_second;
  bin.errors += static_cast<double>(point.errors) * per_second;
  bin.queries += static_cast<double>(point.queries) * per_second;
  bin.bytes_in += static_cast<double>(point.bytes_in) * per_second;
  bin.bytes_out += static_cast<double>(point.bytes_out) * per_second;
  bin.in_flight += static_cast<double>(point.in_flight) * mean;
  bin.connections += static_cast<double>(point.connections) * mean;
  bin.cpu_milli += static_cast<double>(point.cpu_milli) * mean;
  bin.memory_bytes += static_cast<double>(point.memory_bytes) * mean;
  for (std::size_t i = 0; i < point.durations.size(); ++i) {
    if (point.durations[i] != 0) bin.durations[i] += static_cast<double>(point.durations[i]) * part;
  }
}

}  // namespace

History::History(WallTime now, HistoryLimits limits)
    : limits_(limits), fine_from_(seconds_of(now) / kStepSeconds), open_(seconds_of(now) / kWindowSeconds) {}

std::int64_t History::settled_at(WallTime now) {
  return (seconds_of(now) - kSettleSeconds) / kStepSeconds * kStepSeconds;
}

// Those of one process follow each other, whatever moment each took: none in between is left empty, and none
// gets two.
std::int64_t History::slot_of(Source& source, bool goes_on, std::int64_t end_milliseconds) const {
  constexpr std::int64_t kStepMilliseconds = kStepSeconds * 1000;
  std::int64_t slot = (end_milliseconds + kStepMilliseconds / 2) / kStepMilliseconds - 1;
  if (goes_on && slot >= source.last_slot && slot <= source.last_slot + 2) slot = source.last_slot + 1;
  source.last_slot = slot;
  return slot;
}

void History::take(const std::string& source, const report::Interval& interval, WallTime now) {
  auto known = sources_.find(source);
  if (known == sources_.end()) {
    if (sources_.size() >= limits_.sources) {
      ++passed_over_;
      return;
    }
    known = sources_.try_emplace(source).first;
  }
  Heard& heard = known->second.heard;
  if (interval.run == heard.run && interval.sequence <= heard.sequence) return;
  const bool goes_on = interval.run == heard.run && interval.sequence == heard.sequence + 1;
  heard = {.run = interval.run, .sequence = interval.sequence};
  const auto end = now - std::chrono::floor<std::chrono::milliseconds>(interval.age);
  const std::int64_t slot = slot_of(known->second, goes_on, end.time_since_epoch().count());
  if (slot < (seconds_of(now) - kKept.count()) / kStepSeconds) return;
  for (const report::Measured& one : interval.measured) {
    add({.sort = one.sort, .name = one.name, .source = source}, slot, point_of(one));
  }
}

// Where there are too many, the one of all others of that sort and source.
History::Series& History::series_of(SeriesKey key) {
  const auto found = series_.find(key);
  if (found != series_.end()) return found->second;
  if (series_.size() >= limits_.series && !key.name.empty()) key.name = kOther;
  return series_[std::move(key)];
}

void History::add(const SeriesKey& key, std::int64_t slot, const Point& point) {
  if (point == Point{}) return;
  Series& series = series_of(key);
  bytes_ -= series.fine.bytes() + series.coarse.bytes();
  const std::int64_t window = slot / kStepsOfWindow;
  if (slot >= fine_from_) series.fine.add(slot, point);
  // What no step is there for any more when its window is added up, or what comes behind that.
  if (slot < fine_from_ || window < open_) {
    Point of_window = point;
    of_window.steps = step_bit(slot);
    series.coarse.add(window, of_window);
    if (late_.size() < kLateMax) late_.push_back({.key = key, .slot = window, .point = of_window});
  }
  bytes_ += series.fine.bytes() + series.coarse.bytes();
}

void History::tick(WallTime now, const Closed& closed) {
  close((seconds_of(now) - kGrace.count()) / kWindowSeconds, closed);
  forget(now);
}

void History::flush(WallTime now, const Closed& closed) {
  close(seconds_of(now) / kWindowSeconds + 1, closed);
}

void History::close(std::int64_t until, const Closed& closed) {
  for (; open_ < until; ++open_) {
    Window window{.heard = {}, .entries = std::exchange(late_, {})};
    for (auto& [key, series] : series_) {
      Point sum;
      series.fine.visit(open_ * kStepsOfWindow, (open_ + 1) * kStepsOfWindow,
                        [&sum](std::int64_t slot, const Point& point) {
                          sum.add(point);
                          sum.steps |= step_bit(slot);
                        });
      if (sum == Point{}) continue;
      bytes_ -= series.coarse.bytes();
      series.coarse.add(open_, sum);
      bytes_ += series.coarse.bytes();
      window.entries.push_back({.key = key, .slot = open_, .point = sum});
    }
    if (window.entries.empty()) continue;
    for (const auto& [name, source] : sources_) window.heard.emplace(name, source.heard);
    closed(open_, window);
  }
}

void History::forget(WallTime now) {
  const std::int64_t present = seconds_of(now) / kStepSeconds;
  std::int64_t coarse_from = (seconds_of(now) - kKept.count()) / kWindowSeconds;
  fine_from_ = std::max(fine_from_, present - kFineKept.count() / kStepSeconds);
  forget_before(fine_from_, coarse_from);
  while (bytes_ > limits_.bytes && fine_from_ < present - kFineStepsMin) {
    fine_from_ = std::min(fine_from_ + kStepsOfWindow, present - kFineStepsMin);
    forget_before(fine_from_, coarse_from);
  }
  while (bytes_ > limits_.bytes && coarse_from < open_ - 1) forget_before(fine_from_, ++coarse_from);
  std::erase_if(series_,
                [](const auto& one) { return one.second.fine.empty() && one.second.coarse.empty(); });
  const auto is_old = [&](const auto& one) {
    return one.second.last_slot < present - kKept.count() / kStepSeconds;
  };
  std::erase_if(sources_, is_old);
}

void History::forget_before(std::int64_t fine_slot, std::int64_t coarse_slot) {
  for (auto& [key, series] : series_) {
    bytes_ -= series.fine.bytes() + series.coarse.bytes();
    series.fine.drop_before(fine_slot);
    series.coarse.drop_before(coarse_slot);
    bytes_ += series.fine.bytes() + series.coarse.bytes();
  }
}

void History::restore(const Window& window, WallTime now) {
  const std::int64_t present = seconds_of(now) / kWindowSeconds;
  for (const Window::Entry& entry : window.entries) {
    if (entry.slot > present || entry.slot < present - kKept.count() / kWindowSeconds) continue;
    Series& series = series_of(entry.key);
    bytes_ -= series.coarse.bytes();
    series.coarse.add(entry.slot, entry.point);
    bytes_ += series.coarse.bytes();
  }
  for (const auto& [name, heard] : window.heard) {
    const auto known = sources_.find(name);
    if (known == sources_.end() && sources_.size() >= limits_.sources) continue;
    Source& source = known != sources_.end() ? known->second : sources_[name];
    // What this process has heard meanwhile is newer.
    if (source.last_slot < fine_from_) source = {.heard = heard, .last_slot = fine_from_ - 1};
  }
}

std::vector<Line> History::ask(const Question& question) const {
  const Spread spread{
      question.from, question.step,
      static_cast<std::size_t>(std::max<std::int64_t>(question.to - question.from, 0) / question.step)};
  Presence presence;
  std::vector<bool> heard(spread.bins);
  for (auto at = series_.begin(); at != series_.end() && at->first.sort == Sort::kMachine; ++at) {
    if (!is_of(at->first.source, question.source)) continue;
    auto& intervals = presence.try_emplace(at->first.source, spread.bins).first->second;
    visit(at->second, spread, fine_from_, [&](std::size_t bin, const Point& point, double part) {
      intervals[bin] += static_cast<double>(point.intervals) * part;
      heard[bin] = heard[bin] || point.intervals > 0;
    });
  }
  std::vector<Line> lines;
  std::map<std::string_view, std::size_t> places;
  const auto line_of = [&](std::string_view label) -> Line& {
    if (const auto known = places.find(label); known != places.end()) return lines[known->second];
    if (lines.size() + 1 >= question.lines_max) label = kOther;
    const auto [found, is_new] = places.try_emplace(label, lines.size());
    if (is_new) lines.push_back({.label = std::string(label), .bins = std::vector<Bin>(spread.bins)});
    return lines[found->second];
  };
  if (question.by == Grouping::kNone) line_of({});
  const bool is_exact = question.by != Grouping::kName;
  for (auto at = series_.lower_bound({.sort = question.sort, .name = question.name, .source = {}});
       at != series_.end() && at->first.sort == question.sort; ++at) {
    const SeriesKey& key = at->first;
    if (is_exact && key.name != question.name) break;
    if (!is_exact && !key.name.starts_with(question.name)) break;
    if (!is_meant(key, question)) continue;
    const auto intervals = presence.find(key.source);
    if (intervals == presence.end()) continue;
    Line& line = line_of(question.by == Grouping::kNone     ? std::string_view()
                         : question.by == Grouping::kSource ? std::string_view(key.source)
                                                            : std::string_view(key.name));
    visit(at->second, spread, fine_from_, [&](std::size_t bin, const Point& point, double part) {
      add_to(line.bins[bin], point, part, intervals->second[bin]);
    });
  }
  for (Line& line : lines) {
    const auto own = question.by == Grouping::kSource ? presence.find(line.label) : presence.end();
    for (std::size_t bin = 0; bin < spread.bins; ++bin) {
      line.bins[bin].known = own != presence.end() ? own->second[bin] > 0 : heard[bin];
    }
  }
  return lines;
}

}  // namespace weir::metrics
