#include "lb/spread.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace weir::lb {
namespace {

// What is overlooked when nothing is left otherwise.
struct Leniency {
  bool set_aside = false;
  bool ejected = false;
};

// Sums of weights of one level; 2^32 hosts of the largest weight don't overflow.
struct Tally {
  std::uint64_t all = 0;        // that had a verdict, or need none
  std::uint64_t fit = 0;        // may serve, not ejected
  std::uint64_t available = 0;  // fit, not set aside
  std::uint64_t in_panic = 0;   // ever passed a check, not set aside
};
using Tallies = std::map<std::uint32_t, Tally>;  // by priority

class Judge {
 public:
  Judge(const SpreadSettings& settings, Leniency leniency) : settings_(settings), leniency_(leniency) {}

  bool counts(const Host& host) const {
    return host.weight > 0 && !(settings_.check_configured && host.health == Health::kUnknown);
  }
  bool fit(const Host& host) const {
    return host.weight > 0 && may_serve(host.health, settings_.check_configured) &&
           (!host.ejected || leniency_.ejected);
  }
  bool usable_in_panic(const Host& host) const {
    return counts(host) && !(settings_.check_configured && host.health == Health::kNeverHealthy);
  }
  bool gives_way(const Host& host) const { return host.set_aside && !leniency_.set_aside; }
  bool takes_part(const Host& host, bool panic) const {
    return (panic ? usable_in_panic(host) : fit(host)) && !gives_way(host);
  }

 private:
  const SpreadSettings& settings_;
  Leniency leniency_;
};

Tallies tally(std::span<const Host> hosts, const Judge& judge) {
  Tallies tallies;
  for (const Host& host : hosts) {
    if (host.weight == 0) continue;
    Tally& level = tallies[host.priority];
    if (judge.counts(host)) level.all += host.weight;
    if (judge.fit(host)) level.fit += host.weight;
    if (judge.takes_part(host, false)) level.available += host.weight;
    if (judge.takes_part(host, true)) level.in_panic += host.weight;
  }
  return tallies;
}

std::uint32_t part_of(std::uint64_t part, std::uint64_t all, std::uint32_t percent = 100) {
  if (all == 0) return 0;
  const auto scaled = static_cast<unsigned __int128>(part) * percent * (kWholeLoad / 100) / all;
  return static_cast<std::uint32_t>(std::min<unsigned __int128>(scaled, kWholeLoad));
}

// Gives each level its part of the whole load; what rounding leaves over goes to the first that has any.
void share_out(std::vector<Level>& levels, const std::vector<std::uint64_t>& wants) {
  std::uint64_t sum = 0;
  for (const std::uint64_t want : wants) sum += want;
  std::uint32_t left = kWholeLoad;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    levels[i].load = std::min(left, part_of(wants[i], sum));
    left -= levels[i].load;
  }
  const auto first = std::ranges::find_if(levels, [](const Level& level) { return level.load > 0; });
  if (first != levels.end()) first->load += left;
}

std::vector<Level> make_levels(const Tallies& tallies, const SpreadSettings& settings) {
  std::vector<Level> levels;
  std::vector<std::uint64_t> wants;  // of the load, by health
  std::uint32_t left = kWholeLoad;   // of the whole load, to levels that follow
  bool all_panic = true;
  for (const auto& [priority, level] : tallies) {
    std::uint32_t health = part_of(level.available, level.all, settings.overprovisioning_percent);
    if (level.available > 0) health = std::max(health, 1U);  // the least host is better than none
    wants.push_back(std::min(left, health));
    left -= static_cast<std::uint32_t>(wants.back());
    const bool panic = static_cast<unsigned __int128>(level.fit) * 100 <
                       static_cast<unsigned __int128>(level.all) * settings.panic_percent;
    levels.push_back({.priority = priority, .load = 0, .panic = panic});
    if (level.all > 0) all_panic &= panic;
  }
  if (left == 0) {
    for (Level& level : levels) level.panic = false;
  } else if (all_panic) {
    wants.clear();
    for (const auto& [priority, level] : tallies) wants.push_back(level.in_panic);
  }
  share_out(levels, wants);
  return levels;
}

// The part of a level's load that goes to each zone; empty: by weight alone.
using ZoneParts = std::map<std::uint32_t, double>;

ZoneParts zone_parts(std::span<const Host> hosts, const Level& level, const Judge& judge,
                     const SpreadSettings& settings) {
  struct Zone {
    double available = 0;  // weight, of the level's
    double edges = 0;      // that send to it, of all
  };
  std::map<std::uint32_t, Zone> zones;
  double available = 0;
  double edges = 0;
  for (const Host& host : hosts) {
    if (host.priority != level.priority) continue;
    if (judge.takes_part(host, false)) zones[host.zone].available += host.weight;
    if (settings.edges.empty() && judge.counts(host)) zones[host.zone].edges += host.weight;
  }
  for (const ZoneShare& share : settings.edges) zones[share.zone].edges += share.edges;
  Zone& own = zones[settings.zone];
  if (!settings.edges.empty()) own.edges = std::max(own.edges, 1.0);  // at least this one
  for (const auto& [name, zone] : zones) {
    available += zone.available;
    edges += zone.edges;
  }
  if (own.available == 0 || own.available == available) return {};

  const double ratio = (own.available / available) / (own.edges / edges);
  if (ratio > 1 - 1e-9) return {{settings.zone, 1.0}};
  ZoneParts parts{{settings.zone, ratio}};
  double residual = 0;  // sum of what the other zones have beyond their own edges' share
  for (const auto& [name, zone] : zones) {
    if (name == settings.zone) continue;
    parts[name] = std::max(0.0, zone.available / available - zone.edges / edges);
    residual += parts[name];
  }
  for (auto& [name, part] : parts) {
    if (name != settings.zone) part *= (1 - ratio) / residual;
  }
  return parts;
}

// Hosts among whom a part of the load is shared by weight.
struct Group {
  double part = 0;    // of the whole load
  double weight = 0;  // sum, ramps applied
  std::vector<std::size_t> places;
};

std::vector<Group> make_groups(std::span<const Host> hosts, const std::vector<Level>& levels,
                               const Judge& judge, const SpreadSettings& settings) {
  std::vector<Group> groups;
  for (const Level& level : levels) {
    if (level.load == 0) continue;
    ZoneParts parts;
    if (settings.zone != 0 && !level.panic) parts = zone_parts(hosts, level, judge, settings);
    std::map<std::uint32_t, Group> by_zone;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      const Host& host = hosts[i];
      if (host.priority != level.priority || !judge.takes_part(host, level.panic)) continue;
      const std::uint32_t zone = parts.empty() ? 0 : host.zone;
      const auto part = parts.find(zone);
      if (!parts.empty() && (part == parts.end() || part->second == 0)) continue;
      Group& group = by_zone[zone];
      group.part = (parts.empty() ? 1.0 : part->second) * level.load / kWholeLoad;
      group.weight += static_cast<double>(host.weight) * host.ramp / kRampFull;
      group.places.push_back(i);
    }
    for (auto& [zone, group] : by_zone) groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<Host> weigh(std::span<const Host> hosts, const std::vector<Group>& groups) {
  std::vector<Host> chosen;
  // Whole numbers as they were configured, where they say it all: rounds of ROUND_ROBIN stay short and exact.
  bool as_configured = groups.size() == 1;
  bool ramping = false;
  for (const Group& group : groups) {
    for (const std::size_t place : group.places) {
      ramping |= hosts[place].ramp < kRampFull;
      as_configured &= hosts[place].weight <= std::numeric_limits<std::uint32_t>::max() / kRampFull;
    }
  }
  as_configured |= groups.size() == 1 && !ramping;
  for (const Group& group : groups) {
    for (const std::size_t place : group.places) {
      Host host = hosts[place];
      if (as_configured) {
        if (ramping) host.weight *= host.ramp;
      } else {
        const double ramped = static_cast<double>(host.weight) * host.ramp / kRampFull;
        const double weight = group.part * ramped / group.weight * kSpreadWeight;
        host.weight = std::max(1U, static_cast<std::uint32_t>(std::lround(weight)));
      }
      chosen.push_back(host);
    }
  }
  std::ranges::sort(chosen, {}, &Host::index);
  return chosen;
}

Spread spread_with(std::span<const Host> hosts, const SpreadSettings& settings, Leniency leniency) {
  const Judge judge(settings, leniency);
  std::vector<Level> levels = make_levels(tally(hosts, judge), settings);
  std::vector<Host> chosen = weigh(hosts, make_groups(hosts, levels, judge, settings));
  return {std::move(chosen), std::move(levels)};
}

}  // namespace

Spread spread(std::span<const Host> hosts, const SpreadSettings& settings) {
  Spread first = spread_with(hosts, settings, {});
  for (const Leniency leniency :
       {Leniency{.set_aside = true}, Leniency{.set_aside = true, .ejected = true}}) {
    if (!first.hosts.empty()) return first;
    Spread next = spread_with(hosts, settings, leniency);
    if (!next.hosts.empty()) return next;
  }
  return first;
}

}  // namespace weir::lb
