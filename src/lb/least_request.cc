// LEAST_REQUEST: the power of two choices. Two different hosts are drawn by weight, and the one with fewer
// requests in flight for its weight takes the request; the first one on a tie, so that an idle service is
// balanced by weight. Under load the weights of spread() are what hosts have in flight, not what they are
// sent: of two levels or zones that share the traffic, the slower one gets less than its share.
#include <algorithm>
#include <array>
#include <cstdint>

#include "lb/policies.h"

namespace weir::lb {
namespace {

std::uint64_t active_at(const Host& host) {
  return host.active == nullptr ? 0 : host.active->count.load(std::memory_order_relaxed);
}

class LeastRequest final : public Policy {
 public:
  explicit LeastRequest(std::span<const Host> hosts) : hosts_(hosts) {}

  std::optional<std::uint32_t> pick(PickInput input) const override {
    const Host* first = hosts_.draw(input.random, input.tried);
    if (first == nullptr) return std::nullopt;
    std::array<std::uint32_t, kTriedMax> excluded{};
    const std::size_t tried = std::min(input.tried.size(), kTriedMax - 1);
    std::copy_n(input.tried.begin(), tried, excluded.begin());
    excluded[tried] = first->index;
    const Host* second = hosts_.draw(input.random, std::span(excluded).first(tried + 1));
    if (second == nullptr) return first->index;
    // active / weight, compared without dividing; counts and weights are 32 bits, so nothing overflows
    return active_at(*second) * first->weight < active_at(*first) * second->weight ? second->index
                                                                                   : first->index;
  }

 private:
  WeightedHosts hosts_;
};

}  // namespace

std::unique_ptr<Policy> make_least_request(std::span<const Host> eligible, const HashSettings& /*hash*/) {
  return std::make_unique<LeastRequest>(eligible);
}

}  // namespace weir::lb
