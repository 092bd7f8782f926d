// View: what a name server answers from at one time. Never changed; read by every core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dns/steering.h"
#include "dns/zone.h"
#include "dnspeer/rules.h"
#include "nameserver/steered_set.h"

namespace weir::nameserver {

class View final : public dns::Steering {
 public:
  using Sets = std::vector<std::shared_ptr<const SteeredSet>>;  // by policy; null: none has that number

  View(dns::Zones zones, Sets sets,
       std::shared_ptr<const dnspeer::Rules> rules = std::make_shared<const dnspeer::Rules>())
      : zones_(std::move(zones)), sets_(std::move(sets)), rules_(std::move(rules)) {}

  const dns::Zones& zones() const { return zones_; }
  const dnspeer::Rules& rules() const { return *rules_; }
  const SteeredSet* set(std::uint32_t policy) const {
    return policy < sets_.size() ? sets_[policy].get() : nullptr;
  }

  // What a steered set of that type has for a copy of its zone: all that it gives now, to somebody or in its
  // turn, packed.
  std::vector<std::uint8_t> copied(std::uint32_t policy, dns::Type type) const;

  dns::Chosen choose(std::uint32_t policy, dns::Bytes /*owner*/, dns::Type type,
                     const dns::Client& client) const override {
    const SteeredSet* found = set(policy);
    if (found == nullptr) return {};
    return found->alias() == nullptr ? found->choose(client) : follow(*found, type, client).chosen;
  }

  // What an ALIAS leads to, and whose choice that is; null: nobody's, the records are what they are.
  struct Followed {
    dns::Chosen chosen;
    const SteeredSet* by = nullptr;
  };
  Followed follow(const SteeredSet& alias, dns::Type type, const dns::Client& client) const;

 private:
  dns::Zones zones_;
  Sets sets_;
  std::shared_ptr<const dnspeer::Rules> rules_;
};
using ViewPointer = std::shared_ptr<const View>;

// Where an ALIAS leads to that others answer for; nothing: our zones do.
std::optional<dns::Name> outside_name(const dns::Zones& zones, const View::Sets& sets,
                                      const dns::Name& alias);

}  // namespace weir::nameserver
