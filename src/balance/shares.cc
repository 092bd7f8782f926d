#include "balance/shares.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include "config/specs_dns.h"

namespace weir::balance {
namespace {

constexpr double kAll = config::kSharesAll;

// What each may carry, in requests per second.
std::vector<double> usable_of(std::span<const Provider> providers, const Terms& terms, double load) {
  std::uint32_t greatest = 0;
  for (const Provider& one : providers) greatest = std::max(greatest, one.capacity);
  const double part = terms.utilisation_max_percent / 100.0;
  std::vector<double> usable;
  for (const Provider& one : providers) {
    usable.push_back(one.capacity > 0 ? one.capacity * part : std::max(load, greatest * part));
  }
  return usable;
}

// The cheapest first.
std::vector<double> filled(std::span<const Provider> providers, const std::vector<double>& usable,
                           double load) {
  std::vector<std::size_t> order(providers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(providers[i].price, i); });
  std::vector<double> carried(providers.size());
  double rest = load;
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = std::find_if(
        begin, order.end(), [&](std::size_t i) { return providers[i].price != providers[*begin].price; });
    double room = 0;
    for (auto one = begin; one != end; ++one) room += usable[*one];
    const double taken = std::min(rest, room);
    for (; begin != end; ++begin) carried[*begin] = taken * (usable[*begin] / room);
    rest -= taken;
  }
  return carried;
}

void keep_least(std::vector<double>& shares, double least) {
  double lacking = 0;
  double beyond = 0;
  for (const double share : shares) (share < least ? lacking : beyond) += std::abs(share - least);
  for (double& share : shares) {
    share = share < least ? least : least + (share - least) * (beyond > 0 ? 1 - lacking / beyond : 0);
  }
}

// To whole parts that come to all of them: the greatest remainders are rounded up.
std::vector<std::uint32_t> rounded(const std::vector<double>& shares) {
  std::vector<std::uint32_t> whole;
  std::vector<std::size_t> order;
  std::uint32_t missing = config::kSharesAll;
  for (const double share : shares) {
    order.push_back(whole.size());
    whole.push_back(std::min(missing, static_cast<std::uint32_t>(std::max(0.0, std::floor(share + 1e-9)))));
    missing -= whole.back();
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(whole[i] - shares[i], i); });
  for (std::size_t i = 0; missing > 0; --missing, ++i) ++whole[order[i % order.size()]];
  return whole;
}

}  // namespace

std::vector<std::uint32_t> shares_of(std::span<const Provider> providers, const Terms& terms, double load) {
  if (providers.empty()) return {};
  constexpr double kLeast = 1e-3;  // of no load at all, the next request's shares
  const double shared = std::max(load, kLeast);
  const std::vector<double> usable = usable_of(providers, terms, shared);
  const double all = std::accumulate(usable.begin(), usable.end(), 0.0);
  std::vector<double> shares = shared < all ? filled(providers, usable, shared) : usable;
  const double divisor = std::min(shared, all);
  for (double& share : shares) share *= kAll / divisor;
  keep_least(shares, kAll * terms.share_min_percent / 100);
  return rounded(shares);
}

}  // namespace weir::balance
