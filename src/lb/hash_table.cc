#include "lb/hash_table.h"

#include <algorithm>
#include <bit>

namespace weir::lb {

HashTable::HashTable(std::span<const Host> hosts) {
  for (const Host& host : hosts) {
    if (host.weight > 0) members_.push_back({.id = host.id, .index = host.index, .weight = host.weight});
  }
  std::ranges::sort(members_, [](const Member& left, const Member& right) {
    return left.id != right.id ? left.id < right.id : left.index < right.index;
  });
  if (members_.size() > kTableHostsMax) members_.resize(kTableHostsMax);
}

std::size_t HashTable::first(std::uint64_t hash) const {
  if (ends_.empty()) return hash % owners_.size();
  std::size_t slot = starts_[hash >> shift_];
  while (slot < ends_.size() && ends_[slot] < hash) ++slot;
  return slot == ends_.size() ? 0 : slot;
}

// Points are random, so a bucket for each value of the top bits holds one or two of them: sorting into
// buckets and then within them is linear.
void HashTable::place(std::span<const Point> points) {
  const auto bits = static_cast<unsigned>(std::bit_width(points.size()));
  shift_ = 64 - bits;
  starts_.assign((std::size_t{1} << bits) + 1, 0);
  for (const Point& point : points) ++starts_[(point.at >> shift_) + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  std::vector<Point> sorted(points.size());
  {
    std::vector<std::uint32_t> free(starts_.begin(), starts_.end() - 1);
    for (const Point& point : points) sorted[free[point.at >> shift_]++] = point;
  }
  for (std::size_t i = 0; i + 1 < starts_.size(); ++i) {
    std::sort(sorted.begin() + starts_[i], sorted.begin() + starts_[i + 1],
              [](const Point& left, const Point& right) {
                return left.at != right.at ? left.at < right.at : left.owner < right.owner;
              });
  }
  owners_.reserve(sorted.size());
  ends_.reserve(sorted.size());
  for (const Point& point : sorted) {
    owners_.push_back(point.owner);
    ends_.push_back(point.at);
  }
}

}  // namespace weir::lb
