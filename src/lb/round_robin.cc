// ROUND_ROBIN: ticket t of the service's rotation is a point on the line of weights, point = t * stride mod
// length. With a stride coprime to the length, every `length` tickets in a row visit every point once, so
// each host gets exactly its weight; with a stride near length / golden ratio the points of any shorter run
// lie evenly (the three-distance theorem), so no host gets its share in one burst. Cores need to agree on
// nothing but the ticket counter.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "lb/policies.h"

namespace weir::lb {
namespace {

// Sum of the partial quotients of stride/length, 0 when they have a common divisor. The smaller it is, the
// more evenly the multiples of the stride lie (Knuth, TAOCP 3.3.3, theorem K).
std::uint64_t unevenness(std::uint64_t stride, std::uint64_t length) {
  std::uint64_t sum = 0;
  while (stride != 0) {
    sum += length / stride;
    const std::uint64_t rest = length % stride;
    length = stride;
    stride = rest;
  }
  return length == 1 ? sum : 0;
}

std::uint64_t stride_for(std::uint64_t length) {
  constexpr std::uint64_t kReach = 32;  // candidates on each side: enough to find one about as good as can be
  if (length <= 2) return 1;
  const auto centre =
      static_cast<std::uint64_t>(std::llround(static_cast<double>(length) / std::numbers::phi));
  std::uint64_t best = 1;  // coprime to everything
  std::uint64_t best_unevenness = length;
  for (std::uint64_t stride = centre > kReach ? centre - kReach : 1;
       stride < std::min(length, centre + kReach + 1); ++stride) {
    const std::uint64_t candidate = unevenness(stride, length);
    if (candidate != 0 && candidate < best_unevenness) {
      best = stride;
      best_unevenness = candidate;
    }
  }
  return best;
}

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(std::span<const Host> hosts) : hosts_(hosts), stride_(stride_for(hosts_.length())) {}

  std::optional<std::uint32_t> pick(PickInput input) const override {
    if (hosts_.empty()) return std::nullopt;
    // A retry takes tickets like any request and passes over those of the hosts it has tried. So the tickets
    // of a dead host are spread over the others instead of doubling the share of its neighbour.
    for (int i = 0; i < kTicketsPerPick; ++i) {
      const std::uint64_t ticket = input.rotation.take() % hosts_.length();
      const Host& host = hosts_.at(ticket * stride_ % hosts_.length());
      if (std::ranges::find(input.tried, host.index) == input.tried.end()) return host.index;
    }
    const Host* host = hosts_.draw(input.random, input.tried);
    if (host == nullptr) return std::nullopt;
    return host->index;
  }

 private:
  static constexpr int kTicketsPerPick =
      4;  // after that by chance: the tried ones have nearly all the weight

  WeightedHosts hosts_;
  std::uint64_t stride_;  // coprime to hosts_.length()
};

}  // namespace

std::unique_ptr<Policy> make_round_robin(std::span<const Host> eligible) {
  return std::make_unique<RoundRobin>(eligible);
}

}  // namespace weir::lb
