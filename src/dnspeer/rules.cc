#include "dnspeer/rules.h"

#include <set>
#include <utility>

#include "dns/name.h"

namespace weir::dnspeer {
namespace {

ZoneRules rules_of(const config::ZoneSpec& spec) {
  ZoneRules rules;
  if (spec.transfers) {
    rules.gives_copies = true;
    rules.copy_keys = spec.transfers->keys;
    for (const std::string& text : spec.transfers->networks) {
      if (const auto network = config::parse_network(text)) rules.networks.push_back(*network);
    }
  }
  for (const config::ZoneUpdateRule& rule : spec.updates) rules.write_keys.push_back(rule.key);
  return rules;
}

}  // namespace

bool ZoneRules::lets_copy(const dns::Ip& client, std::string_view secret) const {
  if (!gives_copies || (networks.empty() && copy_keys.empty())) return false;
  const bool is_near = networks.empty() || std::ranges::any_of(networks, [&](const config::Network& one) {
                         return one.contains(client.size == 16, client.bytes());
                       });
  const bool knows_key = copy_keys.empty() || std::ranges::find(copy_keys, secret) != copy_keys.end();
  return is_near && knows_key;
}

std::shared_ptr<const Rules> Rules::of(const config::Snapshot& snapshot, const Histories& histories,
                                       std::map<std::string, std::string, std::less<>>& wrong) {
  auto rules = std::make_shared<Rules>();
  std::set<std::string_view> secrets;
  for (const auto& zone : snapshot.zones) {
    if (!zone->spec.transfers && zone->spec.updates.empty()) continue;
    const auto apex = dns::Name::parse(zone->name + '.', dns::Name());
    if (!apex) continue;
    ZoneRules made = rules_of(zone->spec);
    if (const auto found = histories.find(zone->name); found != histories.end()) made.history = found->second;
    rules->zones.emplace(std::vector<std::uint8_t>(apex->wire().begin(), apex->wire().end()),
                         std::move(made));
    if (zone->spec.transfers)
      secrets.insert(zone->spec.transfers->keys.begin(), zone->spec.transfers->keys.end());
    for (const config::ZoneUpdateRule& rule : zone->spec.updates) secrets.insert(rule.key);
  }
  for (const std::string_view name : secrets) {
    const config::Secret* secret = snapshot.find_secret(name);
    const auto added = secret == nullptr ? fail(Code::kNotFound, "it is not here") : rules->keys.add(*secret);
    if (!added) wrong.emplace(name, added.error().text);
  }
  return rules;
}

const ZoneRules* Rules::find(dns::Bytes apex) const {
  const auto found = zones.find(std::vector<std::uint8_t>(apex.begin(), apex.end()));
  return found == zones.end() ? nullptr : &found->second;
}

}  // namespace weir::dnspeer
