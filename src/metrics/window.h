// Window: what a History has added up in five minutes, as it is kept on disk: who said it, and the points of
// every series that was not idle. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "metrics/point.h"
#include "report/interval.h"

namespace weir::metrics {

using Sort = report::Measured::Sort;

struct SeriesKey {
  Sort sort = Sort::kMachine;
  std::string name;    // as a machine says it; of a machine itself: empty
  std::string source;  // who said it: "edges/fra-1"
  friend bool operator==(const SeriesKey&, const SeriesKey&) = default;
  friend auto operator<=>(const SeriesKey&, const SeriesKey&) = default;
};

// Up to where the intervals of a machine have been taken.
struct Heard {
  std::uint64_t run = 0;
  std::uint64_t sequence = 0;
  friend bool operator==(const Heard&, const Heard&) = default;
};

struct Window {
  struct Entry {
    SeriesKey key;
    std::int64_t slot = 0;  // of its own: what came late is of an earlier one
    Point point;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::map<std::string, Heard, std::less<>> heard;  // by source
  std::vector<Entry> entries;
  friend bool operator==(const Window&, const Window&) = default;
};

std::string to_bytes(const Window& window);
// None: it is damaged.
std::optional<Window> parse_window(std::string_view bytes);

}  // namespace weir::metrics
