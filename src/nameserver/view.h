// View: what a name server answers from at one time. Never changed; read by every core.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dns/steering.h"
#include "dns/zone.h"
#include "nameserver/rules.h"
#include "nameserver/steered_set.h"

namespace weir::nameserver {

class View final : public dns::Steering {
 public:
  using Sets = std::vector<std::shared_ptr<const SteeredSet>>;  // by policy; null: none has that number

  View(dns::Zones zones, Sets sets, std::shared_ptr<const Rules> rules = std::make_shared<const Rules>())
      : zones_(std::move(zones)), sets_(std::move(sets)), rules_(std::move(rules)) {}

  const dns::Zones& zones() const { return zones_; }
  const Rules& rules() const { return *rules_; }
  const SteeredSet* set(std::uint32_t policy) const {
    return policy < sets_.size() ? sets_[policy].get() : nullptr;
  }

  dns::Chosen choose(std::uint32_t policy, dns::Bytes /*owner*/, dns::Type /*type*/,
                     const dns::Client& client) const override {
    const SteeredSet* found = set(policy);
    return found == nullptr ? dns::Chosen{} : found->choose(client);
  }

 private:
  dns::Zones zones_;
  Sets sets_;
  std::shared_ptr<const Rules> rules_;
};
using ViewPointer = std::shared_ptr<const View>;

}  // namespace weir::nameserver
