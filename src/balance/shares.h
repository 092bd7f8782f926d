// Shares: how a load is shared out over providers of a price and a capacity: the cheapest first, each as far
// as it may be used, and some of it for everybody. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::balance {

struct Provider {
  std::uint64_t price = 0;     // of a request; only compared
  std::uint32_t capacity = 0;  // requests per second; 0: whatever comes
};

struct Terms {
  std::uint32_t share_min_percent = 0;  // that each keeps; of all together at most 100
  std::uint32_t utilisation_max_percent = 100;
};

// In config::kSharesAll parts, which they come to together. load: requests per second.
//
// Each takes up to utilisation_max_percent of its capacity, in the order of their prices. Those of one price
// share in proportion to their capacities, where one without a capacity counts as the greatest of all, or as
// the whole load. With all of them full, all share in proportion to their capacities. Who has less than
// share_min_percent then is given it, by the others in proportion to what they have beyond it.
std::vector<std::uint32_t> shares_of(std::span<const Provider> providers, const Terms& terms, double load);

}  // namespace weir::balance
