#include "nameserver/view.h"

#include <array>

#include "dns/name.h"
#include "dns/rdata.h"

namespace weir::nameserver {
namespace {

constexpr std::size_t kNamesMax = 8;  // that lead from one to the next

dns::Bytes target_of(dns::Bytes packed) {
  return packed.subspan(dns::kPackedHeadBytes, dns::packed_rdata_bytes(packed));
}

}  // namespace

View::Followed View::follow(const SteeredSet& alias, dns::Type type, const dns::Client& client) const {
  const SteeredSet* last = &alias;  // which knows what others answer, where that leads out of our zones
  dns::Bytes target = alias.alias()->wire();
  std::uint8_t scope_bits = 0;
  for (std::size_t i = 0; i < kNamesMax; ++i) {
    const dns::HashedName name(target);
    const dns::Zone* zone = zones_.find(name, type);
    if (zone == nullptr) return {last->choose(client), last};
    const dns::Found found = zone->find(name, type);
    if (found.outcome == dns::Outcome::kReferral) return {last->choose(client), last};
    if (found.outcome != dns::Outcome::kSet && found.outcome != dns::Outcome::kAlias) return {};
    dns::Chosen chosen;
    const SteeredSet* by = found.set->steered == 0 ? nullptr : set(found.set->value);
    if (found.set->steered == 0) {
      chosen.packed = dns::packed_of(*found.node, *found.set);
      chosen.count = found.set->count;
    } else if (by == nullptr) {
      return {};
    } else if (by->alias() != nullptr) {
      last = by;
      target = by->alias()->wire();
      continue;
    } else {
      chosen = by->choose(client);
    }
    scope_bits = std::max(scope_bits, chosen.scope_bits);
    chosen.scope_bits = scope_bits;
    if (found.outcome == dns::Outcome::kSet || chosen.count == 0) return {chosen, by};
    target = target_of(chosen.packed);
  }
  return {.chosen = {.packed = {}, .failed = true}};
}

std::vector<std::uint8_t> View::copied(std::uint32_t policy, dns::Type type) const {
  const SteeredSet* found = set(policy);
  if (found == nullptr) return {};
  if (found->alias() != nullptr) {
    const dns::Bytes packed = follow(*found, type, {}).chosen.packed;
    return {packed.begin(), packed.end()};
  }
  std::vector<std::uint8_t> packed(dns::kSetBytesMax);
  dns::ByteWriter out(packed);
  const auto add = [&](dns::Bytes rdata) { dns::write_packed(type, found->ttl_seconds(), rdata, out); };
  for (std::size_t i = 0; i < found->answers().size(); ++i) {
    if (found->gives(i)) add(found->answers()[i].rdata);
  }
  if (out.size() == 0 && found->spec().all_down == config::AllDown::kFallback) {
    const auto origin = dns::Name::parse(found->spec().zone + '.', dns::Name());
    for (const std::string& text : found->spec().fallback) {
      if (const auto rdata = dns::read_rdata(type, text, origin.value_or(dns::Name()))) add(*rdata);
    }
  }
  packed.resize(out.size());
  return packed;
}

std::optional<dns::Name> outside_name(const dns::Zones& zones, const View::Sets& sets,
                                      const dns::Name& alias) {
  dns::Name target = alias;
  for (std::size_t i = 0; i < kNamesMax; ++i) {
    const dns::HashedName name(target.wire());
    const dns::Zone* zone = zones.find(name, dns::Type::kA);
    if (zone == nullptr) return target;
    const dns::Found found = zone->find(name, dns::Type::kA);
    if (found.outcome == dns::Outcome::kReferral) return target;
    if (found.outcome == dns::Outcome::kAlias && found.set->steered == 0) {
      target = dns::Name(target_of(dns::packed_of(*found.node, *found.set)));
    } else if (found.outcome == dns::Outcome::kSet && found.set->steered != 0 && sets[found.set->value] &&
               sets[found.set->value]->alias() != nullptr) {
      target = *sets[found.set->value]->alias();
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace weir::nameserver
