// RANDOM: each request by chance, in proportion to weight. Needs nothing shared.
#include "lb/policies.h"

namespace weir::lb {
namespace {

class RandomPolicy final : public Policy {
 public:
  explicit RandomPolicy(std::span<const Host> hosts) : hosts_(hosts) {}

  std::optional<std::uint32_t> pick(PickInput input) const override {
    const Host* host = hosts_.draw(input.random, input.tried);
    if (host == nullptr) return std::nullopt;
    return host->index;
  }

 private:
  WeightedHosts hosts_;
};

}  // namespace

std::unique_ptr<Policy> make_random(std::span<const Host> eligible, const HashSettings& /*hash*/) {
  return std::make_unique<RandomPolicy>(eligible);
}

}  // namespace weir::lb
