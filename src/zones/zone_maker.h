// Zones of the configuration, made into what is answered from: first what stays (SOA, name servers, zone
// file), then, out of that, RecordSet after RecordSet, so that a change costs what it is. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/snapshot.h"
#include "dns/name.h"
#include "dns/zone.h"
#include "zones/registry.h"

namespace weir::zones {

// Why a zone can't be made.
struct Refusal {
  std::string owner;  // whose records are to blame; empty: nobody's alone
  std::string sentence;
};
using MadeZone = std::expected<std::shared_ptr<const dns::Zone>, Refusal>;

// One of the sets of a RecordSet that depend on more than what is written; an ALIAS has two.
struct Part {
  config::RecordSet records;
  std::optional<dns::Name> alias;  // the target of an ALIAS
};
// None: the records are the same whatever happens, and in the zone itself.
std::vector<Part> parts_of(const config::RecordSet& records);
// What the parts of an ALIAS are called, behind its own name; no name of an object has a slash.
inline constexpr std::array<std::pair<std::string_view, config::RecordType>, 2> kAliasParts{
    std::pair("/A", config::RecordType::kA), std::pair("/AAAA", config::RecordType::kAaaa)};

// RecordSets that are not as they were, of the zone as it was and as it is.
struct ChangedSets {
  std::vector<const config::RecordSet*> before;
  std::vector<const config::RecordSet*> after;
};
ChangedSets changed_sets(const config::Zone& before, const config::Zone& after);

// The zone without its RecordSets, with that serial. file: what a file of the name server has of it, under
// all that is written in the Zone; null: nothing.
MadeZone make_base(const config::Zone& zone, const dns::Zone* file, std::uint32_t serial);

// What is answered from, out of what it was: `from` is `base` with RecordSets. A RecordSet takes the place of
// what the base has of its name and type. policy_of: the number of the part of that name.
MadeZone change_sets(const dns::Zone& from, const dns::Zone& base, const config::Zone& zone,
                     const ChangedSets& changed, std::uint32_t serial,
                     const std::function<std::uint32_t(const std::string&)>& policy_of);

// The zone and what is found by DNS-SD in it, but for these owners ("a.example."), with that serial.
MadeZone add_found(const dns::Zone& to, std::span<const RegistryRecord> found,
                   const std::set<std::string>& left_out, std::uint32_t serial);

}  // namespace weir::zones
