// Point: what one series was in one span of time; Track: the points of a series in the order of their slots,
// packed: what was nothing takes no room. A slot is a number of spans since 1970. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/latency.h"
#include "report/interval.h"

namespace weir::metrics {

// Sums over the intervals that it is made of: of what there is at a time, too.
struct Point {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t connections = 0;
  std::uint64_t cpu_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t queries = 0;
  std::uint64_t intervals = 0;  // of a machine only: how many there were
  // Of which steps of a longer span it is made, a bit each, so that it can be shown where it was: a process
  // that began or ended in the middle was not there all the time. Of a step itself: none.
  std::uint64_t steps = 0;
  LatencyCounts durations{};

  void add(const Point& more);
  friend bool operator==(const Point&, const Point&) = default;
};
Point point_of(const report::Measured& measured);

// Numbers as bytes: seven bits in each, the lowest first (like a varint of protobuf).
void put_number(std::string& to, std::uint64_t number);
std::optional<std::uint64_t> take_number(std::string_view& from);
void put_text(std::string& to, std::string_view text);
std::optional<std::string_view> take_text(std::string_view& from);
void put_point(std::string& to, const Point& point);
std::optional<Point> take_point(std::string_view& from);

class Track {
 public:
  // A slot before the last one counts as that.
  void add(std::int64_t slot, const Point& point);
  // Whole chunks whose last slot is before it.
  void drop_before(std::int64_t slot);
  // Told of those from `from` up to before `to`, in their order; several may have the same slot.
  template <class Told>
  void visit(std::int64_t from, std::int64_t to, const Told& told) const {
    for (const Chunk& chunk : chunks_) {
      if (chunk.last < from || chunk.first >= to) continue;
      std::string_view rest = chunk.bytes;
      std::int64_t slot = chunk.first;
      while (!rest.empty()) {
        slot += static_cast<std::int64_t>(*take_number(rest));
        const Point point = *take_point(rest);
        if (slot >= to) break;
        if (slot >= from) told(slot, point);
      }
    }
  }
  bool empty() const { return chunks_.empty(); }
  std::int64_t first() const { return chunks_.front().first; }  // not of an empty one
  std::int64_t last() const { return chunks_.back().last; }     // the same
  std::size_t bytes() const { return bytes_; }

 private:
  // One that is full is not grown any more, so that it holds no room in vain.
  static constexpr std::size_t kChunkBytes = 512;
  static constexpr std::int64_t kChunkSlots = 30;
  struct Chunk {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::string bytes;
  };
  static std::size_t bytes_of(const Chunk& chunk) { return sizeof(Chunk) + chunk.bytes.capacity(); }

  std::vector<Chunk> chunks_;
  std::size_t bytes_ = 0;
};

}  // namespace weir::metrics
