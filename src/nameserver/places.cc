#include "nameserver/places.h"

#include <algorithm>
#include <compare>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/formats.h"

namespace weir::nameserver {
namespace {

constexpr std::string_view kSite = "site/";
constexpr std::string_view kCountry = "country/";
constexpr std::string_view kContinent = "continent/";

// By which one place counts before another
enum Rank : std::uint8_t { kRankSite = 0, kRankNetwork = 1 };

const config::Site* find_site(const Geography& geography, std::string_view place) {
  if (!geography.sites) return nullptr;
  const auto found = std::ranges::find(*geography.sites, place.substr(kSite.size()), &config::Site::name);
  return found == geography.sites->end() ? nullptr : &*found;
}

void add_network(const std::string& text, Rank rank, PrefixTable::Value group,
                 std::vector<PrefixTable::Entry>& entries) {
  const auto network = config::parse_network(text);
  if (!network) return;
  entries.push_back(
      {.ip = {.octets = network->bytes, .size = static_cast<std::uint8_t>(network->v6 ? 16 : 4)},
       .bits = network->prefix_bits,
       .rank = rank,
       .value = group});
}

bool is_network(std::string_view place) {
  return !place.starts_with(kSite) && !place.starts_with(kCountry) && !place.starts_with(kContinent);
}

// How close a place is; the largest is the closest.
struct Closeness {
  int kind = 0;  // continent, country, site, network
  int bits = 0;
  friend auto operator<=>(const Closeness&, const Closeness&) = default;
};

std::optional<int> bits_around(const std::string& text, const dns::Ip& client) {
  const auto network = config::parse_network(text);
  if (!network || !network->contains(client.size == 16, client.bytes())) return std::nullopt;
  return network->prefix_bits;
}

std::optional<Closeness> closeness(const std::string& place, const Geography& geography,
                                   const dns::Ip& client) {
  if (is_network(place)) {
    const auto bits = bits_around(place, client);
    return bits ? std::optional(Closeness{3, *bits}) : std::nullopt;
  }
  if (place.starts_with(kSite)) {
    std::optional<Closeness> best;
    const config::Site* site = find_site(geography, place);
    if (site == nullptr) return best;
    for (const std::string& network : site->networks) {
      const auto bits = bits_around(network, client);
      if (bits && (!best || best->bits < *bits)) best = Closeness{2, *bits};
    }
    return best;
  }
  if (!geography.countries) return std::nullopt;
  const auto found = geography.countries->find(client);
  if (found.value == PrefixTable::kNone) return std::nullopt;
  const GeoDatabase::Location& location = geography.countries->locations()[found.value];
  if (place.starts_with(kCountry) && place.substr(kCountry.size()) == location.country) return Closeness{1};
  if (place.starts_with(kContinent) && place.substr(kContinent.size()) == location.continent) {
    return Closeness{0};
  }
  return std::nullopt;
}

}  // namespace

std::string Places::problem(const config::RecordSetSpec& spec, const Geography& geography) {
  std::set<std::string_view> all;
  for (const config::RecordAnswer& answer : spec.answers)
    all.insert(answer.places.begin(), answer.places.end());
  std::size_t networks = 0;
  for (const std::string_view place : all) {
    if (!place.starts_with(kSite)) {
      ++networks;
      continue;
    }
    const config::Site* site = find_site(geography, place);
    if (site == nullptr) return "the zone has no " + std::string(place);
    networks += site->networks.size();
  }
  if (all.size() > kGroupsMax) {
    return "its answers name more than " + std::to_string(kGroupsMax) + " places";
  }
  if (networks > kNetworksOfSetMax) {
    return "its places are more than " + std::to_string(kNetworksOfSetMax) + " networks";
  }
  return {};
}

Places::Group Places::group_of(const std::vector<std::size_t>& answers) {
  const auto [known, is_new] = group_numbers_.emplace(answers, static_cast<Group>(groups_.size()));
  if (is_new) groups_.push_back(answers);
  return known->second;
}

Places::Places(const std::vector<std::vector<std::string>>& places, const std::vector<std::size_t>& usable,
               const Geography& geography)
    : countries_(geography.countries) {
  std::map<std::string_view, std::vector<std::size_t>> answers;
  for (const std::size_t answer : usable) {
    for (const std::string& place : places[answer]) {
      auto& here = answers[place];
      if (here.empty() || here.back() != answer) here.push_back(answer);
    }
  }
  std::vector<PrefixTable::Entry> entries;
  bool by_country = false;
  for (const auto& [place, given] : answers) {
    const Group group = group_of(given);
    if (place.starts_with(kSite)) {
      const config::Site* site = find_site(geography, place);
      if (site == nullptr) continue;
      for (const std::string& network : site->networks) add_network(network, kRankSite, group, entries);
    } else if (is_network(place)) {
      add_network(std::string(place), kRankNetwork, group, entries);
    } else {
      by_country = true;
    }
  }
  networks_ = PrefixTable(std::move(entries));
  if (!by_country || !countries_) return;
  for (const GeoDatabase::Location& location : countries_->locations()) {
    auto found = answers.find(std::string(kCountry) + location.country);
    if (found == answers.end()) found = answers.find(std::string(kContinent) + location.continent);
    group_of_location_.push_back(found == answers.end() ? kElsewhere : group_of(found->second));
  }
}

std::shared_ptr<const Places> PlacesPool::get(const std::vector<std::vector<std::string>>& places,
                                              const std::vector<std::size_t>& usable,
                                              const Geography& geography) {
  if (known_.size() >= sweep_at_) {
    std::erase_if(known_, [](const auto& known) { return known.second.places.expired(); });
    sweep_at_ = std::max<std::size_t>(16, 2 * known_.size());
  }
  Known& known = known_[{places, usable}];
  auto found = known.places.lock();
  if (!found || known.geography.sites != geography.sites ||
      known.geography.countries != geography.countries) {
    found = std::make_shared<const Places>(places, usable, geography);
    known = {geography, found};
  }
  return found;
}

std::vector<std::string> places_around(const std::vector<std::vector<std::string>>& places,
                                       const Geography& geography, const dns::Ip& client) {
  std::vector<std::pair<Closeness, std::string>> found;
  for (const auto& of_answer : places) {
    for (const std::string& place : of_answer) {
      if (const auto close = closeness(place, geography, client)) found.emplace_back(*close, place);
    }
  }
  std::ranges::sort(found, [](const auto& left, const auto& right) {
    return std::tie(right.first, right.second) < std::tie(left.first, left.second);
  });
  std::vector<std::string> around;
  for (auto& [close, place] : found) {
    if (around.empty() || around.back() != place) around.push_back(std::move(place));
  }
  return around;
}

bool needs_countries(const std::vector<std::string>& places) {
  return std::ranges::any_of(places, [](std::string_view place) {
    return place.starts_with(kCountry) || place.starts_with(kContinent);
  });
}

}  // namespace weir::nameserver
