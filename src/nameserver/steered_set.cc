#include "nameserver/steered_set.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "config/kinds.h"
#include "dns/zone.h"

namespace weir::nameserver {
namespace {

using config::AllDown;
using config::RecordPolicy;

constexpr std::uint16_t kNowhere = 0xffff;  // not in the ring
// Networks that are told apart: RFC 7871 section 11.1
constexpr std::uint8_t kPrefixBitsV4 = 24;
constexpr std::uint8_t kPrefixBitsV6 = 56;

// By turns, each as often as its weight says and as evenly as that allows (smooth weighted round robin): over
// any window of a whole schedule the shares are exact.
std::vector<std::uint16_t> schedule_of(const std::vector<std::uint32_t>& weights) {
  std::uint32_t divisor = 0;
  for (const std::uint32_t weight : weights) divisor = std::gcd(divisor, weight);
  if (divisor == 0) return {};
  std::vector<std::int64_t> current(weights.size());
  std::int64_t total = 0;
  for (const std::uint32_t weight : weights) total += weight / divisor;
  std::vector<std::uint16_t> schedule;
  schedule.reserve(static_cast<std::size_t>(total));
  for (std::int64_t i = 0; i < total; ++i) {
    std::size_t best = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      current[j] += weights[j] / divisor;
      if (current[j] > current[best]) best = j;
    }
    current[best] -= total;
    schedule.push_back(static_cast<std::uint16_t>(best));
  }
  return schedule;
}

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 33U)) * 0xff51afd7ed558ccdU;
  value = (value ^ (value >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return value ^ (value >> 33U);
}

std::uint8_t network_bits(const dns::Client& client) {
  return std::min(client.bits, client.ip.size == 16 ? kPrefixBitsV6 : kPrefixBitsV4);
}

std::uint64_t hash_of(const dns::Client& client) {
  const std::uint8_t bits = network_bits(client);
  std::uint64_t hash = client.ip.size;
  for (std::size_t i = 0; i < kPrefixBitsV6 / 8; ++i) {
    const int known = std::clamp(bits - static_cast<int>(i * 8), 0, 8);
    hash = hash << 8U | (client.ip.octets.at(i) & (0xff00U >> known & 0xffU));
  }
  return mixed(hash);
}

std::string counted(std::size_t count, std::size_t all) {
  return std::to_string(count) + " of " + std::to_string(all);
}

}  // namespace

SteeredSet::Ring::Ring(const std::vector<std::vector<std::uint8_t>>& records, dns::Type type,
                       std::uint32_t ttl_seconds) {
  std::size_t bytes = 0;
  for (const auto& rdata : records) bytes += dns::kPackedHeadBytes + rdata.size();
  packed.resize(2 * bytes);
  dns::ByteWriter out(packed);
  for (int round = 0; round < 2; ++round) {
    for (const auto& rdata : records) {
      begins.push_back(static_cast<std::uint32_t>(out.size()));
      dns::write_packed(type, ttl_seconds, rdata, out);
    }
  }
  begins.push_back(static_cast<std::uint32_t>(out.size()));
}

SteeredSet::SteeredSet(config::RecordSetSpec spec, std::uint32_t ttl_seconds, std::vector<Answer> answers,
                       const std::vector<std::vector<std::uint8_t>>& fallback, Turn turn,
                       const Geography& geography, std::optional<Alias> alias)
    : alias_(alias ? std::make_unique<const Alias>(*std::move(alias)) : nullptr),
      turn_(std::move(turn)),
      spec_(std::move(spec)),
      ttl_seconds_(ttl_seconds),
      answers_(std::move(answers)) {
  WEIR_CHECK(answers_.size() < kNowhere);
  chosen_ = choices();
  if (spec_.policy == RecordPolicy::kGeo) {
    plan_places(fallback, geography);
    return;
  }
  const bool falls_back = chosen_.empty() && spec_.all_down == AllDown::kFallback;
  ring_ = falls_back ? Ring(fallback, config::type_of(spec_.type), ttl_seconds) : ring_of(chosen_);
  count_ = ring_.size();
  if (falls_back) return;
  if (spec_.policy == RecordPolicy::kMulti) count_ = std::min<std::size_t>(spec_.answers_max, count_);
  if (spec_.policy == RecordPolicy::kWeighted) {
    count_ = std::min<std::size_t>(1, count_);
    std::vector<std::uint32_t> weights;
    for (const std::size_t place : chosen_) weights.push_back(answers_[place].weight);
    schedule_ = schedule_of(weights);
  }
  if (spec_.sticky && !chosen_.empty()) plan_stickiness();
}

SteeredSet::Ring SteeredSet::ring_of(const std::vector<std::size_t>& places) const {
  std::vector<std::vector<std::uint8_t>> records;
  for (const std::size_t place : places) records.push_back(answers_[place].rdata);
  return {records, config::type_of(spec_.type), ttl_seconds_};
}

// Those that are given, as long as nothing but the next change of health or of the set itself happens.
std::vector<std::size_t> SteeredSet::choices() {
  const bool geo = spec_.policy == RecordPolicy::kGeo;
  const bool by_weight = geo || spec_.policy == RecordPolicy::kWeighted;  // 0 drains
  std::vector<std::size_t> chosen;
  if (spec_.policy == RecordPolicy::kFailover) {
    chosen = healthy_of_priorities();
  } else {
    std::size_t healthy = 0;
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      if (!answers_[i].healthy) continue;
      ++healthy;
      if (!by_weight || answers_[i].weight > 0) chosen.push_back(i);
    }
    reason_ = counted(healthy, answers_.size()) + " are healthy";
    if (geo) reason_ += "; those of the place that is closest to the client are given";
    if (by_weight && !geo) reason_ += "; one is given, by weight";
  }
  if (!chosen.empty()) return chosen;
  reason_ = answers_.empty() ? "there are none" : "none is healthy, or all are drained";
  switch (spec_.all_down) {
    case AllDown::kServeAll:
      for (std::size_t i = 0; i < answers_.size(); ++i) chosen.push_back(i);
      reason_ += "; all are given (all_down: SERVE_ALL)";
      break;
    case AllDown::kServeNone: reason_ += "; none is given (all_down: SERVE_NONE)"; break;
    case AllDown::kFallback: reason_ += "; the fallback is given (all_down: FALLBACK)"; break;
  }
  return chosen;
}

// From the lowest priority on, until enough of a priority's weight is healthy.
std::vector<std::size_t> SteeredSet::healthy_of_priorities() {
  std::vector<std::size_t> order(answers_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {},
                    [this](std::size_t place) { return std::pair(answers_[place].priority, place); });
  std::vector<std::size_t> chosen;
  for (auto begin = order.begin(); begin != order.end();) {
    const std::uint32_t priority = answers_[*begin].priority;
    const auto end = std::ranges::find_if(
        begin, order.end(), [&](std::size_t place) { return answers_[place].priority != priority; });
    std::uint64_t weight = 0;
    std::uint64_t healthy = 0;
    for (; begin != end; ++begin) {
      const Answer& answer = answers_[*begin];
      weight += answer.weight;
      if (!answer.healthy || answer.weight == 0) continue;
      healthy += answer.weight;
      chosen.push_back(*begin);
    }
    reason_ += (reason_.empty() ? "" : "; ") + std::string("of priority ") + std::to_string(priority) + ' ' +
               counted(healthy, weight) + " of the weight is healthy";
    if (healthy > 0 && healthy * 100 >= std::uint64_t{spec_.healthy_percent_min} * weight) break;
  }
  return chosen;
}

// Who stays healthy keeps its clients: the slots are those of all answers, and only who comes to one that is
// not given is led on.
void SteeredSet::plan_stickiness() {
  sticky_ = true;
  ring_of_.assign(answers_.size(), kNowhere);
  for (std::size_t i = 0; i < chosen_.size(); ++i) ring_of_[chosen_[i]] = static_cast<std::uint16_t>(i);
  std::vector<std::uint32_t> weights;
  for (const Answer& answer : answers_) {
    weights.push_back(spec_.policy == RecordPolicy::kWeighted ? answer.weight : 1);
  }
  slots_ = schedule_of(weights);
}

// Answers that may not be given are in no group, so that who is close to them is led to the next place.
void SteeredSet::plan_places(const std::vector<std::vector<std::uint8_t>>& fallback,
                             const Geography& geography) {
  sticky_ = spec_.sticky;
  std::vector<std::vector<std::string>> places;
  std::vector<std::size_t> usable;
  std::vector<std::size_t> elsewhere;
  bool wants_countries = false;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    const Answer& answer = answers_[i];
    places.push_back(answer.places);
    wants_countries |= needs_countries(answer.places);
    if (!answer.healthy || answer.weight == 0) continue;
    usable.push_back(i);
    if (answer.places.empty()) elsewhere.push_back(i);
  }
  places_ = geography.pool != nullptr ? geography.pool->get(places, usable, geography)
                                      : std::make_shared<const Places>(places, usable, geography);
  const std::uint32_t turn = turn_->fetch_add(1, std::memory_order_relaxed);
  const auto set = [&](Group& group, const std::vector<std::size_t>& given) {
    group.ring = ring_of(given);
    group.answers = given;
    group.turn = turn;
  };
  groups_ = std::make_unique<Group[]>(places_->groups().size() + 1);
  for (std::size_t i = 0; i < places_->groups().size(); ++i) set(groups_[i + 1], places_->groups()[i]);
  if (elsewhere.empty() && spec_.all_down == AllDown::kServeAll) elsewhere = chosen_;
  set(groups_[0], elsewhere);
  if (elsewhere.empty() && spec_.all_down == AllDown::kFallback) {
    groups_[0].ring = Ring(fallback, config::type_of(spec_.type), ttl_seconds_);
  }
  if (wants_countries && !geography.countries) {
    reason_ += "; no country and no continent is known here (--geoip)";
  }
}

dns::Chosen SteeredSet::closest(const dns::Client& client, bool takes_turn) const {
  const Places::Spot spot = places_->find(client.ip);
  const Group& group = groups_[spot.group == Places::kElsewhere ? 0 : spot.group + std::size_t{1}];
  const std::size_t count = group.ring.size();
  dns::Chosen chosen{.packed = {}, .count = static_cast<std::uint16_t>(count), .scope_bits = spot.scope_bits};
  if (count == 0) return chosen;
  std::size_t first = 0;
  if (sticky_) {
    chosen.scope_bits = std::max(chosen.scope_bits, network_bits(client));
    // The one that the client's hash weighs most: that of another goes with it, and nobody else's.
    std::uint64_t best = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t answer = i < group.answers.size() ? group.answers[i] : i;
      const std::uint64_t weight = mixed(hash_of(client) + mixed(answer + 1));
      if (weight >= best) first = i;
      best = std::max(best, weight);
    }
  } else if (count > 1) {
    const std::uint32_t turn = takes_turn ? group.turn.fetch_add(1, std::memory_order_relaxed)
                                          : group.turn.load(std::memory_order_relaxed);
    first = turn % count;
  }
  const std::size_t begin = group.ring.begins[first];
  chosen.packed = dns::Bytes(group.ring.packed).subspan(begin, group.ring.begins[first + count] - begin);
  return chosen;
}

dns::Chosen SteeredSet::choose(const dns::Client& client) const {
  if (places_) return closest(client, true);
  if (sticky_) return sticky(client);
  if (ring_.size() < 2) return beginning_with(0);
  return in_turn(turn_->fetch_add(1, std::memory_order_relaxed));
}

dns::Chosen SteeredSet::peek(const dns::Client& client) const {
  if (places_) return closest(client, false);
  if (sticky_) return sticky(client);
  return in_turn(turn_->load(std::memory_order_relaxed));
}

dns::Chosen SteeredSet::in_turn(std::uint32_t turn) const {
  if (ring_.size() == 0) return beginning_with(0);
  return beginning_with(schedule_.empty() ? turn % ring_.size() : schedule_[turn % schedule_.size()]);
}

dns::Chosen SteeredSet::sticky(const dns::Client& client) const {
  constexpr int kTries = 64;  // beyond it, whoever is first in the ring
  std::uint64_t hash = hash_of(client);
  std::size_t record = 0;
  for (int i = 0; i < kTries && !slots_.empty(); ++i, hash = mixed(hash + 1)) {
    const std::uint16_t place = ring_of_[slots_[hash % slots_.size()]];
    if (place == kNowhere) continue;
    record = place;
    break;
  }
  dns::Chosen chosen = beginning_with(record);
  chosen.scope_bits = network_bits(client);
  return chosen;
}

dns::Chosen SteeredSet::beginning_with(std::size_t record) const {
  if (count_ == 0) return {.packed = {}, .failed = fails()};
  const std::size_t begin = ring_.begins[record];
  return {.packed = dns::Bytes(ring_.packed).subspan(begin, ring_.begins[record + count_] - begin),
          .count = static_cast<std::uint16_t>(count_),
          .scope_bits = 0};
}

}  // namespace weir::nameserver
