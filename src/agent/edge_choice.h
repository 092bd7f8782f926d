// Which edge an agent attaches to next: one that it has no link to, at another site than those that it has,
// of another provider if that can be had, and not one that has just failed. Pure: time comes in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/time.h"

namespace weir::agent {

// An edge, as far as it is known.
struct Candidate {
  std::string name;  // that it has told; empty: not met yet
  std::string provider;
  std::string region;
  Instant retry_at{};          // not before
  std::uint32_t failures = 0;  // of tries, and of a link, since it was met last
  bool attached = false;       // there is a link to it, or one is being made

  // Two edges of one site fail together.
  bool shares_site(const Candidate& other) const {
    return provider == other.provider && region == other.region && !(provider.empty() && region.empty());
  }
};

// Those first that have failed least, and whose site has not: a link anywhere is worth more than one at the
// best place that may come. Empty: none can be tried now.
std::optional<std::size_t> choose_edge(std::span<const Candidate> all, Instant now);
// One was met: what it has failed at is over, and so is what its site has.
void forgive(std::span<Candidate> all, std::size_t met);
// When one can be; empty: never, there are no more.
std::optional<Instant> next_try(std::span<const Candidate> all);

// One that would share less with the others than one of those that are attached does, as far as is known:
// the place of an edge shows when it is met. Empty: none that can be tried now.
std::optional<std::size_t> better_edge(std::span<const Candidate> all, Instant now);
// Of those attached, the one that can go when `kept` stays: it shares more with the others. The last of
// equals; empty: none does.
std::optional<std::size_t> worse_edge(std::span<const Candidate> all, std::size_t kept);

}  // namespace weir::agent
