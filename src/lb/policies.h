// Policy: which endpoint takes the next request. Made from the hosts that spread() chose whenever one of them
// changes, immutable after that; each core makes its own. pick() allocates nothing, O(log n) or better.
// What is costly to make is the HashTable of RING_HASH and MAGLEV: made once per list of endpoints, where the
// list changes, and shared by all cores.
// A policy is one file and one line of kPolicies; the word in the table is what configuration says.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/random.h"
#include "lb/hash_table.h"
#include "lb/host.h"
#include "lb/weighted.h"

namespace weir::lb {

// The rotation of one service, shared by all cores; lives as long as the service does, through every change
// of its endpoints. Ticket t means the same host on every core that has the same eligible hosts.
struct alignas(64) Rotation {
  std::atomic<std::uint64_t> next{0};
  std::uint64_t take() { return next.fetch_add(1, std::memory_order_relaxed); }
};

struct PickInput {
  Rotation& rotation;
  Random& random;                             // this core's
  std::span<const std::uint32_t> tried = {};  // indexes of hosts that this request has failed on
  std::optional<std::uint64_t> hash = {};     // of what ties requests together (see hash.h); none: by chance
  std::uint64_t active = 0;  // requests in flight at the whole service beside this one, for bounded load
};

// What RING_HASH and MAGLEV are made with; the others pay no attention to it.
struct HashSettings {
  HashTablePointer table = nullptr;  // over all hosts of the service; null: made from the eligible ones
  // No host gets more than this share of the average load (by weight); its further keys go to the host that
  // follows. 0: no bound. Below 100 counts as 100.
  std::uint32_t load_percent_max = 0;
};

// What to take when load is to be bounded: of Mirrokni's bounds the one that HAProxy's documentation names
// first, too. Near to even, and a key still finds its host unless that has a quarter more than its share.
inline constexpr std::uint32_t kBoundedLoadPercent = 125;

class Policy {
 public:
  virtual ~Policy() = default;
  // The index of a host that was not tried; nothing when there is none.
  virtual std::optional<std::uint32_t> pick(PickInput input) const = 0;
};

// eligible: spread()'s hosts, indexes ascending.
using MakePolicy = std::unique_ptr<Policy>(std::span<const Host> eligible, const HashSettings& hash);
std::unique_ptr<Policy> make_round_robin(std::span<const Host> eligible, const HashSettings& hash = {});
std::unique_ptr<Policy> make_least_request(std::span<const Host> eligible, const HashSettings& hash = {});
std::unique_ptr<Policy> make_random(std::span<const Host> eligible, const HashSettings& hash = {});
std::unique_ptr<Policy> make_ring_hash(std::span<const Host> eligible, const HashSettings& hash = {});
std::unique_ptr<Policy> make_maglev(std::span<const Host> eligible, const HashSettings& hash = {});

struct PolicyKind {
  std::string_view name;
  MakePolicy* make;
  // For HashSettings, from all hosts of a service with their configured weights; null: needs none.
  HashTablePointer (*make_table)(std::span<const Host> hosts);
  std::string_view doc;
};

inline constexpr std::array kPolicies{
    PolicyKind{"ROUND_ROBIN", make_round_robin, nullptr, "in turn, exact by weight over all workers"},
    PolicyKind{"LEAST_REQUEST", make_least_request, nullptr,
               "of two at random, the one with fewer requests for its weight"},
    PolicyKind{"RANDOM", make_random, nullptr, "at random by weight"},
    PolicyKind{"RING_HASH", make_ring_hash, make_ring_table,
               "by a hash of the request, on a ring: a host that goes moves no key but its own"},
    PolicyKind{"MAGLEV", make_maglev, make_maglev_table,
               "by a hash of the request, in a Maglev table: evener than a ring, moves a few keys more"},
};

// A place in kPolicies, or nothing.
constexpr std::optional<std::size_t> find_policy(std::string_view name) {
  for (std::size_t i = 0; i < kPolicies.size(); ++i) {
    if (kPolicies[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace weir::lb
