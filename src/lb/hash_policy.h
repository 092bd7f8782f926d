// HashPolicy: what RING_HASH and MAGLEV have in common: the walk over a HashTable from the slot of the
// request's hash to the first host that takes it. The same hash finds the same host on every core and every
// edge while that host may serve, and after that the same next one.
//
// A host takes a request when it is eligible, was not tried, accepts the key, and is below its bound of load.
// - Accepting: the table has the configured weights, spread() may have given others (slow start, spill-over,
//   zones). A host that is to get the part p of its weight takes at each of its slots the keys whose hash,
//   mixed with the slot's mark, lies in the lowest p of all numbers: shares come out exact (it is rejection
//   sampling), and a key that was taken is taken as long as p does not shrink.
// - The bound (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads, 2016): with m requests
// in
//   flight at the service, a host takes no more than ceil(c * (m + 1) * its part of the weight). When all
//   that could take the request are at their bounds (they were read while they changed), the first of them
//   takes it.
//
// The walk ends after kWalkMax slots; then a weighted rendezvous (highest random weight) over all eligible
// hosts decides, which is as steady, in O(n). It is met when less than about 1/kWalkMax of the weight serves.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lb/policies.h"

namespace weir::lb {

class HashPolicy final : public Policy {
 public:
  static constexpr std::size_t kWalkMax = 512;  // slots; about 1 us

  // settings.table is there.
  HashPolicy(std::span<const Host> eligible, const HashSettings& settings);
  std::optional<std::uint32_t> pick(PickInput input) const override;

 private:
  struct Candidate {
    std::uint64_t id = 0;
    std::uint64_t accepted = 0;  // of 2^32; 0: does not serve
    std::uint32_t index = 0;
    double part = 0;  // of the weight of all that serve
    const ActiveRequests* active = nullptr;
  };

  bool full(const Candidate& candidate, std::uint64_t active_all) const;
  std::optional<std::uint32_t> rendezvous(std::uint64_t hash, const PickInput& input) const;

  HashTablePointer table_;
  std::vector<Candidate> by_member_;  // as table_->members()
  std::vector<Candidate> eligible_;
  double load_max_;  // of the average; 0: no bound
};

}  // namespace weir::lb
