// ROUND_ROBIN: ticket t of the service's rotation means the same host on every core, so cores need to agree
// on nothing but the ticket counter. Every `length` (sum of the reduced weights) tickets in a row give each
// host exactly its weight.
//
// Rounds that are short, as nearly all are, are written out in advance, in the order of nginx's smooth
// weighted round robin: each turn every host gains its weight, and the one that has most takes it and pays
// the length.
//
// In a longer round, ticket t is a point on the line of weights, point = t * stride mod length. A stride
// coprime to the length visits every point once; with one near length / golden ratio the points of any
// shorter run lie evenly (the three-distance theorem), so no host gets its share in one burst.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

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

// The order of one round by places of hosts; empty when the round is too long to be written out.
std::vector<std::uint16_t> write_out(const WeightedHosts& hosts) {
  constexpr std::uint64_t kTurnsMax = 4096;     // 8 KiB a service and core
  constexpr std::uint64_t kStepsMax = 1 << 18;  // turns x hosts: about 0.2 ms
  const std::size_t count = hosts.hosts().size();
  if (hosts.length() > kTurnsMax || hosts.length() * count > kStepsMax) return {};
  std::vector<std::int64_t> gained(count);
  std::vector<std::uint16_t> order(hosts.length());
  for (std::uint16_t& turn : order) {
    for (std::size_t i = 0; i < count; ++i) gained[i] += static_cast<std::int64_t>(hosts.length_of(i));
    const auto most = std::ranges::max_element(gained);
    *most -= static_cast<std::int64_t>(hosts.length());
    turn = static_cast<std::uint16_t>(most - gained.begin());
  }
  return order;
}

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(std::span<const Host> hosts)
      : hosts_(hosts), order_(write_out(hosts_)), stride_(order_.empty() ? stride_for(hosts_.length()) : 0) {}

  std::optional<std::uint32_t> pick(PickInput input) const override {
    if (hosts_.empty()) return std::nullopt;
    // A retry takes tickets like any request and passes over those of the hosts it has tried. So the tickets
    // of a dead host are spread over the others instead of doubling the share of its neighbour.
    for (int i = 0; i < kTicketsPerPick; ++i) {
      const std::uint64_t ticket = input.rotation.take() % hosts_.length();
      const Host& host =
          order_.empty() ? hosts_.at(ticket * stride_ % hosts_.length()) : hosts_.hosts()[order_[ticket]];
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
  std::vector<std::uint16_t> order_;  // of one round; empty: by stride
  std::uint64_t stride_;              // coprime to hosts_.length()
};

}  // namespace

std::unique_ptr<Policy> make_round_robin(std::span<const Host> eligible, const HashSettings& /*hash*/) {
  return std::make_unique<RoundRobin>(eligible);
}

}  // namespace weir::lb
