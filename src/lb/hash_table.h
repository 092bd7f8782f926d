// HashTable: from a hash of a request to a host, and from there to the next ones. Made from all hosts of a
// service with their configured weights, whatever their health; immutable and shared by all cores.
//
// Health is not in the table: a policy walks on from a slot until it meets a host that may serve. So when a
// host fails, its keys and no others move, spread over all hosts (neighbouring slots belong to hosts in
// random order), and when it is back exactly those return; and a change of health costs no new table. A table
// is made again when a host is added or removed or a weight changes:
//   - ring: the points of a host depend on nothing but its id and weight (and the average weight, by powers
//   of
//     two), so removing 1 of n hosts moves the 1/n of the keys that it had, and no others;
//   - Maglev: the same, and a few of the other keys besides: 0.2 % with 10 hosts, 0.5 % with 100.
//
// The ring has kRingPointsPerHost to twice as many points per host of average weight, so the keys of equal
// hosts differ by about 4 % (standard deviation); Maglev's by less than 1 %. A ring look-up is one step into
// an index by the top bits of the hash and a step or two of search. The hosts of the least ids go into the
// table, up to kTableHostsMax. Neither the order of the list nor the machine matters.
//
// Time to make one and to pick (-O2, one core, lowest of five; equal weights):
//   hosts            10      100     1000    10,000
//   ring         0.1 ms   2.5 ms    30 ms    556 ms;  pick 33, 54, 158, 391 ns
//   Maglev       2.0 ms   2.3 ms   2.7 ms    3.6 ms;  pick 28, 27, 35, 48 ns
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lb/host.h"

namespace weir::lb {

inline constexpr std::size_t kTableHostsMax = 65'535;           // a slot holds 16 bits
inline constexpr std::size_t kRingPointsMin = 1024;             // on the whole ring, as Envoy's default
inline constexpr std::size_t kRingPointsMax = 8 * 1024 * 1024;  // on the whole ring, as Envoy's: 112 MiB
inline constexpr std::size_t kRingPointsPerHost =
    512;  // so two hosts have kRingPointsMin, and one more keeps it
inline constexpr std::size_t kMaglevSlots = 65'537;  // prime, as in the paper: 128 KiB

class HashTable {
 public:
  struct Member {
    std::uint64_t id = 0;
    std::uint32_t index = 0;
    std::uint32_t weight = 0;
  };

  // Ascending ids, weights above 0.
  std::span<const Member> members() const { return members_; }
  std::size_t size() const { return owners_.size(); }  // slots; 0 when there are no members
  // The slot that a hash belongs to; size() must not be 0.
  std::size_t first(std::uint64_t hash) const;
  std::size_t next(std::size_t slot) const { return slot + 1 == owners_.size() ? 0 : slot + 1; }
  // A number that is the slot's own, also in other tables in which it is the same host's.
  std::uint64_t mark(std::size_t slot) const { return ends_.empty() ? slot : ends_[slot]; }
  // A place in members().
  std::uint16_t owner(std::size_t slot) const { return owners_[slot]; }

 private:
  friend std::shared_ptr<const HashTable> make_ring_table(std::span<const Host> hosts);
  friend std::shared_ptr<const HashTable> make_maglev_table(std::span<const Host> hosts);
  explicit HashTable(std::span<const Host> hosts);

  struct Point {
    std::uint64_t at;
    std::uint16_t owner;
  };
  void place(std::span<const Point> points);

  std::vector<Member> members_;
  std::vector<std::uint16_t> owners_;  // by slot
  // Of a ring alone: where each slot ends on the circle of 64-bit numbers, ascending, and for each value of
  // the top bits the first slot that does not end before it.
  std::vector<std::uint64_t> ends_;
  std::vector<std::uint32_t> starts_;
  unsigned shift_ = 0;
};
using HashTablePointer = std::shared_ptr<const HashTable>;

// hosts: all of a service, with ids that differ; those of weight 0 are left out.
HashTablePointer make_ring_table(std::span<const Host> hosts);
HashTablePointer make_maglev_table(std::span<const Host> hosts);

}  // namespace weir::lb
