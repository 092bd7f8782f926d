// RING_HASH: consistent hashing (Karger and others, 1997) as in ketama: each host has points on a circle of
// 64-bit numbers, as many as its weight asks for, and a key belongs to the first point at or after its hash.
#include <algorithm>
#include <cmath>

#include "lb/hash.h"
#include "lb/hash_policy.h"

namespace weir::lb {
namespace {

// Points per unit of weight: a power of two, so that it stays the same over most changes of the list.
double points_per_weight(std::span<const HashTable::Member> members) {
  double weights = 0;
  for (const HashTable::Member& member : members) weights += member.weight;
  const auto count = static_cast<double>(members.size());
  const double wanted = std::max<double>(kRingPointsMin, count * kRingPointsPerHost);
  double scale = std::exp2(std::ceil(std::log2(wanted / weights)));
  // A host has a point at least, hence the count.
  while (weights * scale + count > static_cast<double>(kRingPointsMax)) scale /= 2;
  return scale;
}

}  // namespace

HashTablePointer make_ring_table(std::span<const Host> hosts) {
  auto table = std::shared_ptr<HashTable>(new HashTable(hosts));
  if (table->members_.empty()) return table;
  const double scale = points_per_weight(table->members_);
  std::vector<HashTable::Point> points;
  for (std::size_t i = 0; i < table->members_.size(); ++i) {
    const HashTable::Member& member = table->members_[i];
    const auto count = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(member.weight * scale));
    std::uint64_t seed = mix(member.id);
    for (std::uint64_t k = 0; k < count;
         ++k) {  // splitmix64 seeded by the id: more points keep the first ones
      seed += 0x9e3779b97f4a7c15U;
      points.push_back({.at = mix(seed), .owner = static_cast<std::uint16_t>(i)});
    }
  }
  table->place(points);
  return table;
}

std::unique_ptr<Policy> make_ring_hash(std::span<const Host> eligible, const HashSettings& hash) {
  HashSettings settings = hash;
  if (!settings.table) settings.table = make_ring_table(eligible);
  return std::make_unique<HashPolicy>(eligible, settings);
}

}  // namespace weir::lb
