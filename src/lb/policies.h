// Policy: which endpoint takes the next request. Made from the eligible hosts whenever health or the list of
// endpoints changes, immutable after that; each core makes its own. pick() allocates nothing, O(log n).
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
};

class Policy {
 public:
  virtual ~Policy() = default;
  // The index of a host that was not tried; nothing when there is none.
  virtual std::optional<std::uint32_t> pick(PickInput input) const = 0;
};

// eligible: what eligible() gave, indexes ascending.
std::unique_ptr<Policy> make_round_robin(std::span<const Host> eligible);
std::unique_ptr<Policy> make_least_request(std::span<const Host> eligible);
std::unique_ptr<Policy> make_random(std::span<const Host> eligible);

struct PolicyKind {
  std::string_view name;
  std::unique_ptr<Policy> (*make)(std::span<const Host> eligible);
  std::string_view doc;
};

inline constexpr std::array kPolicies{
    PolicyKind{"ROUND_ROBIN", make_round_robin, "in turn, exact by weight over all workers"},
    PolicyKind{"LEAST_REQUEST", make_least_request,
               "of two at random, the one with fewer requests for its weight"},
    PolicyKind{"RANDOM", make_random, "at random by weight"},
};

// A place in kPolicies, or nothing.
constexpr std::optional<std::size_t> find_policy(std::string_view name) {
  for (std::size_t i = 0; i < kPolicies.size(); ++i) {
    if (kPolicies[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace weir::lb
