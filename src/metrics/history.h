// History: what machines have said of every ten seconds: of the last hour as it was said, of the last day
// added up to five minutes. In memory, bounded in series and in bytes; what has to outlast the process goes
// out as Windows and comes back by restore(). On the control loop; time comes in.
//
// A rate is what a machine counted by how long it was heard, so that a machine that comes or goes, or a
// restart of this process, leaves no dent; where nobody was heard, nothing is known.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "metrics/point.h"
#include "metrics/window.h"
#include "report/interval.h"

namespace weir::metrics {

inline constexpr std::chrono::seconds kStep{10};     // as report::kIntervalStep
inline constexpr std::chrono::seconds kWindow{300};  // a whole number of steps
inline constexpr std::chrono::seconds kFineKept = std::chrono::hours(1);
inline constexpr std::chrono::seconds kKept = std::chrono::hours(24);
// A window is added up so long after its end: what comes later is still counted, but in five minutes alone.
inline constexpr std::chrono::seconds kGrace{30};

// What a source is, in front of its name.
inline constexpr std::string_view kEdges = "edges/";
inline constexpr std::string_view kNodes = "nodes/";

struct HistoryLimits {
  // Names times the edges that say something of each; of the others all of a sort and an edge are one.
  std::size_t series = 20'000;
  std::size_t sources = 2'000;  // others are not taken
  // Of packed points. Where they would be more, less than an hour is kept finely, then less than a day.
  std::size_t bytes = std::size_t{256} << 20U;
};

enum class Grouping : std::uint8_t { kNone, kName, kSource };

struct Question {
  Sort sort = Sort::kMachine;
  // Of the series: this name; with kName: those that begin with it and '/', or all where it is empty.
  std::string name;
  // Only those of this source; ending in '/': of such sources.
  std::string source{kEdges};
  Grouping by = Grouping::kNone;
  std::int64_t from = 0;        // seconds since 1970, a multiple of the step
  std::int64_t to = 0;          // the same; before it
  std::int64_t step = 10;       // seconds: a multiple of kStep
  std::size_t lines_max = 300;  // more are added up as the last, kOther
};

// What one line of a graph is in one span of it.
struct Bin {
  bool known = false;   // that anybody was heard
  double requests = 0;  // a second
  double errors = 0;
  double queries = 0;
  double bytes_in = 0;
  double bytes_out = 0;
  double in_flight = 0;  // on average
  double connections = 0;
  double cpu_milli = 0;
  double memory_bytes = 0;
  std::array<double, kLatencyBuckets> durations{};
};
struct Line {
  std::string label;  // the name or source that it is of; not grouped: empty
  std::vector<Bin> bins;
};

class History {
 public:
  // What stands for all that are too many to be told apart; no object can have this name.
  static constexpr std::string_view kOther = "_other";

  explicit History(WallTime now, HistoryLimits limits = {});

  // What a machine says; again: it is passed over. source: kEdges and its name.
  void take(const std::string& source, const report::Interval& interval, WallTime now);
  // Adds up the windows that are over, and forgets what is too old. Each window is told, for the disk. Now
  // and then, from the first take() on.
  using Closed = std::function<void(std::int64_t slot, const Window& window)>;
  void tick(WallTime now, const Closed& closed);
  // Before the end of the process: the window that is not over yet, too.
  void flush(WallTime now, const Closed& closed);
  // What an earlier process had told; before the first tick().
  void restore(const Window& window, WallTime now);

  std::vector<Line> ask(const Question& question) const;
  // The last step for which all should have been heard ends here.
  static std::int64_t settled_at(WallTime now);

  std::size_t series() const { return series_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t passed_over() const { return passed_over_; }  // intervals of sources that are too many

 private:
  struct Series {
    Track fine;
    Track coarse;
  };
  struct Source {
    Heard heard;
    std::int64_t last_slot = 0;
  };
  using AllSeries = std::map<SeriesKey, Series>;

  Series& series_of(SeriesKey key);
  void add(const SeriesKey& key, std::int64_t slot, const Point& point);
  void close(std::int64_t until, const Closed& closed);
  void forget(WallTime now);
  void forget_before(std::int64_t fine_slot, std::int64_t coarse_slot);
  std::int64_t slot_of(Source& source, bool goes_on, std::int64_t end_milliseconds) const;

  HistoryLimits limits_;
  AllSeries series_;
  std::map<std::string, Source, std::less<>> sources_;
  std::vector<Window::Entry> late_;  // of windows that are closed, for the next one
  std::int64_t fine_from_;           // the first slot of steps that is kept
  std::int64_t open_;                // the first slot of a window that is not closed
  std::size_t bytes_ = 0;
  std::uint64_t passed_over_ = 0;
};

}  // namespace weir::metrics
