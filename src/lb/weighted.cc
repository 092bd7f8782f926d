#include "lb/weighted.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "base/check.h"

namespace weir::lb {

WeightedHosts::WeightedHosts(std::span<const Host> hosts) {
  std::ranges::copy_if(hosts, std::back_inserter(hosts_), [](const Host& host) { return host.weight > 0; });
  WEIR_CHECK(std::ranges::adjacent_find(hosts_, std::ranges::greater_equal{}, &Host::index) == hosts_.end());
  std::uint32_t divisor = 0;
  for (const Host& host : hosts_) divisor = std::gcd(divisor, host.weight);
  ends_.resize(hosts_.size());
  for (unsigned halvings = 0;; ++halvings) {
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      ends_[i] = end += std::max(1U, hosts_[i].weight / divisor >> halvings);
    if (end <= kLengthMax) break;
    WEIR_CHECK(halvings < 32);
  }
}

std::size_t WeightedHosts::place_of(std::uint64_t point) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(ends_, point) - ends_.begin());
}

const Host* WeightedHosts::draw(Random& random, std::span<const std::uint32_t> excluded) const {
  if (hosts_.empty()) return nullptr;
  std::array<std::size_t, kTriedMax> places{};  // of the excluded hosts
  std::size_t count = 0;
  for (const std::uint32_t index : excluded.first(std::min(excluded.size(), kTriedMax))) {
    const auto found = std::ranges::lower_bound(hosts_, index, {}, &Host::index);
    if (found != hosts_.end() && found->index == index)
      places[count++] = static_cast<std::size_t>(found - hosts_.begin());
  }
  const auto begin = places.begin();
  std::sort(begin, begin + count);
  count = static_cast<std::size_t>(std::unique(begin, begin + count) - begin);

  std::uint64_t left = length();
  for (std::size_t i = 0; i < count; ++i) left -= length_of(places[i]);
  if (left == 0) return nullptr;
  // A point on the line without the excluded parts; each part at or before it moves it up.
  std::uint64_t point = random.below(left);
  for (std::size_t i = 0; i < count; ++i) {
    if (ends_[places[i]] - length_of(places[i]) <= point) point += length_of(places[i]);
  }
  return &hosts_[place_of(point)];
}

}  // namespace weir::lb
