// MAGLEV: the table of Eisenbud and others, Maglev: A Fast and Reliable Software Network Load Balancer, NSDI
// 2016, section 3.4: hosts take turns, in the order of their ids, at the first slot of their own permutation
// that is still free. With weights a host has a turn in each round in which its claim grows by a whole turn;
// the heaviest has one in each round.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "lb/hash.h"
#include "lb/hash_policy.h"

namespace weir::lb {
namespace {

constexpr std::uint16_t kFree = std::numeric_limits<std::uint16_t>::max();
static_assert(kTableHostsMax <= kFree);

// Walks a host's permutation of the slots: offset + k * skip, modulo the prime number of slots.
class Permutation {
 public:
  explicit Permutation(std::uint64_t id)
      : slot_(mix(id) % kMaglevSlots), skip_(mix(id ^ 0x9e3779b97f4a7c15U) % (kMaglevSlots - 1) + 1) {}

  // There is one, as a permutation comes by every slot.
  std::size_t next_free(const std::vector<std::uint16_t>& owners) {
    while (owners[slot_] != kFree) {
      slot_ += skip_;
      if (slot_ >= kMaglevSlots) slot_ -= kMaglevSlots;
    }
    return slot_;
  }

 private:
  std::size_t slot_;
  std::size_t skip_;
};

struct Claim {
  Permutation permutation;
  std::uint64_t weight;
  std::uint64_t turns = 0;         // taken
  std::uint16_t also_due = kFree;  // the next in the list of those due in the same round
};

// Who has a turn in which round. The heaviest host takes a slot in each, so there are at most as many rounds
// as slots; a host is looked at only in rounds in which it has a turn, so building takes time linear in the
// slots.
class Turns {
 public:
  explicit Turns(std::vector<Claim>& claims) : claims_(claims), first_due_(kMaglevSlots + 1, kFree) {
    heaviest_ = std::ranges::max(claims_, {}, &Claim::weight).weight;
    for (std::size_t i = 0; i < claims_.size(); ++i) enlist(static_cast<std::uint16_t>(i));
  }

  // By id. Good until the next call.
  std::span<const std::uint16_t> due(std::size_t round) {
    due_.clear();
    for (std::uint16_t i = first_due_[round]; i != kFree; i = claims_[i].also_due) due_.push_back(i);
    std::ranges::sort(due_);
    return due_;
  }
  void taken(std::uint16_t place) {
    ++claims_[place].turns;
    enlist(place);
  }

 private:
  void enlist(std::uint16_t place) {
    Claim& claim = claims_[place];
    const std::uint64_t round = ((claim.turns + 1) * heaviest_ + claim.weight - 1) / claim.weight;
    if (round > kMaglevSlots) return;
    claim.also_due = std::exchange(first_due_[round], place);
  }

  std::vector<Claim>& claims_;
  std::vector<std::uint16_t> first_due_;  // by round, from 1
  std::vector<std::uint16_t> due_;
  std::uint64_t heaviest_ = 0;
};

}  // namespace

HashTablePointer make_maglev_table(std::span<const Host> hosts) {
  auto table = std::shared_ptr<HashTable>(new HashTable(hosts));
  const auto members = table->members();
  if (members.empty()) return table;
  std::vector<Claim> claims;
  claims.reserve(members.size());
  for (const HashTable::Member& member : members) claims.push_back({Permutation(member.id), member.weight});

  table->owners_.assign(kMaglevSlots, kFree);
  Turns turns(claims);
  std::size_t filled = 0;
  for (std::size_t round = 1; filled < kMaglevSlots; ++round) {
    for (const std::uint16_t place : turns.due(round)) {
      if (filled == kMaglevSlots) break;
      table->owners_[claims[place].permutation.next_free(table->owners_)] = place;
      ++filled;
      turns.taken(place);
    }
  }
  return table;
}

std::unique_ptr<Policy> make_maglev(std::span<const Host> eligible, const HashSettings& hash) {
  HashSettings settings = hash;
  if (!settings.table) settings.table = make_maglev_table(eligible);
  return std::make_unique<HashPolicy>(eligible, settings);
}

}  // namespace weir::lb
