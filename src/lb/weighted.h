// WeightedHosts: hosts side by side on a line, each as long as its weight; a number on the line is a host.
// What the policies build on. Immutable once made, so any core may read it; lookups allocate nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "lb/host.h"

namespace weir::lb {

// Endpoints that one request may have tried before: more attempts than any configuration allows.
inline constexpr std::size_t kTriedMax = 16;

// Sum of the weights of a service: the product of two points still fits into 64 bits. Weights of a larger sum
// are halved together, down to 1 at least, until it fits.
inline constexpr std::uint64_t kLengthMax = std::uint64_t{1} << 32U;

class WeightedHosts {
 public:
  // Weights are reduced by their common divisor. Hosts of weight 0 are left out; indexes must ascend; at most
  // kLengthMax hosts.
  explicit WeightedHosts(std::span<const Host> hosts);

  bool empty() const { return hosts_.empty(); }
  std::span<const Host> hosts() const { return hosts_; }
  // The length of a host's part of the line.
  std::uint64_t length_of(std::size_t place) const {
    return ends_[place] - (place == 0 ? 0 : ends_[place - 1]);
  }
  std::uint64_t length() const { return ends_.empty() ? 0 : ends_.back(); }  // of the line
  // The host at a point of [0, length()). O(log n)
  const Host& at(std::uint64_t point) const { return hosts_[place_of(point)]; }

  // One host by weight, none of those excluded (indexes, in any order, at most kTriedMax of them count); null
  // when none is left. The chances of the others are exactly as if the excluded ones were not there. O(log n)
  const Host* draw(Random& random, std::span<const std::uint32_t> excluded) const;

 private:
  std::size_t place_of(std::uint64_t point) const;

  std::vector<Host> hosts_;
  std::vector<std::uint64_t> ends_;  // of each host's part of the line; ascending
};

}  // namespace weir::lb
