#include "agent/edge_choice.h"

#include <algorithm>
#include <tuple>

namespace weir::agent {
namespace {

// Less is better. Among equals, the first in the list.
auto rank(std::span<const Candidate> all, const Candidate& candidate) {
  const auto shares = [&](auto same) {
    return std::ranges::count_if(
        all, [&](const Candidate& other) { return &other != &candidate && other.attached && same(other); });
  };
  const auto site = shares([&](const Candidate& other) { return other.shares_site(candidate); });
  const auto provider = shares([&](const Candidate& other) {
    return !candidate.provider.empty() && other.provider == candidate.provider;
  });
  return std::tuple(site, provider);
}

}  // namespace

std::optional<std::size_t> choose_edge(std::span<const Candidate> all, Instant now) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].attached || all[i].retry_at > now) continue;
    if (!best || rank(all, all[i]) < rank(all, all[*best])) best = i;
  }
  return best;
}

std::optional<Instant> next_try(std::span<const Candidate> all) {
  std::optional<Instant> next;
  for (const Candidate& candidate : all) {
    if (!candidate.attached) next = std::min(next.value_or(Instant::max()), candidate.retry_at);
  }
  return next;
}

}  // namespace weir::agent
