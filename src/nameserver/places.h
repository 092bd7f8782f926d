// Places: which of the answers of a RecordSet with the policy GEO are the closest to a client. Of the places
// that it is in, a network counts before a site's, that before its country, that before its continent, and
// longer networks before wider ones; places without an answer that may be given don't count. Made when health
// changes; read by every core.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/specs_dns.h"
#include "dns/steering.h"
#include "nameserver/geo_database.h"
#include "nameserver/prefix_table.h"

namespace weir::nameserver {

class PlacesPool;

// What places mean, beside networks.
struct Geography {
  std::shared_ptr<const std::vector<config::Site>> sites;  // of the zone; null: none
  GeoDatabasePointer countries;                            // null: there is no file of them
  PlacesPool* pool = nullptr;  // sets that are alike have their Places from there; null: each its own
};

inline constexpr std::size_t kGroupsMax = 10'000;          // of answers that are given together, in one set
inline constexpr std::size_t kNetworksOfSetMax = 200'000;  // its own and those of its sites

class Places {
 public:
  using Group = PrefixTable::Value;
  static constexpr Group kElsewhere = PrefixTable::kNone;  // no place that the client is in has an answer

  // What is wrong with the places of a set there, in a sentence; empty: nothing.
  static std::string problem(const config::RecordSetSpec& spec, const Geography& geography);

  // places: of each answer, that are looked at when it is in usable.
  Places(const std::vector<std::vector<std::string>>& places, const std::vector<std::size_t>& usable,
         const Geography& geography);

  struct Spot {
    Group group = kElsewhere;
    std::uint8_t scope_bits = 0;  // for which prefix around the client it is the same
  };
  Spot find(const dns::Ip& client) const {
    const PrefixTable::Found near = networks_.find(client);
    if (near.value != kElsewhere || group_of_location_.empty()) return {near.value, near.scope_bits};
    const PrefixTable::Found country = countries_->find(client);
    return {country.value == PrefixTable::kNone ? kElsewhere : group_of_location_[country.value],
            std::max(near.scope_bits, country.scope_bits)};
  }
  // The answers of each group, which are given together
  const std::vector<std::vector<std::size_t>>& groups() const { return groups_; }

 private:
  Group group_of(const std::vector<std::size_t>& answers);

  PrefixTable networks_;
  GeoDatabasePointer countries_;
  std::vector<Group> group_of_location_;  // empty: no answer names a country or a continent
  std::vector<std::vector<std::size_t>> groups_;
  std::map<std::vector<std::size_t>, Group> group_numbers_;
};

// Places of many sets, of which those that are alike are one: they are looked up with every query, and what
// is small stays near the core. On one core.
class PlacesPool {
 public:
  // places, usable: as of Places.
  std::shared_ptr<const Places> get(const std::vector<std::vector<std::string>>& places,
                                    const std::vector<std::size_t>& usable, const Geography& geography);
  // How many there are, those that nobody has any more included
  std::size_t size() const { return known_.size(); }

 private:
  using Key = std::pair<std::vector<std::vector<std::string>>, std::vector<std::size_t>>;
  struct Known {
    Geography geography;
    std::weak_ptr<const Places> places;
  };
  std::map<Key, Known> known_;
  std::size_t sweep_at_ = 16;  // so many, and those that nobody has are forgotten
};

// Of the places of answers those that a client is in, the closest first: for people, one by one.
std::vector<std::string> places_around(const std::vector<std::vector<std::string>>& places,
                                       const Geography& geography, const dns::Ip& client);

// Whether any of them can be found with a file of countries only.
bool needs_countries(const std::vector<std::string>& places);

}  // namespace weir::nameserver
