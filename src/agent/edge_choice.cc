#include "agent/edge_choice.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace weir::agent {
namespace {

// Less is better. Among equals, the first in the list. without: an attached one that does not count.
auto rank(std::span<const Candidate> all, const Candidate& candidate, const Candidate* without = nullptr) {
  const auto shares = [&](auto same) {
    return std::ranges::count_if(all, [&](const Candidate& other) {
      return &other != &candidate && &other != without && other.attached && same(other);
    });
  };
  const auto site = shares([&](const Candidate& other) { return other.shares_site(candidate); });
  const auto provider = shares([&](const Candidate& other) {
    return !candidate.provider.empty() && other.provider == candidate.provider;
  });
  return std::tuple(site, provider);
}

// How much speaks against trying it.
std::uint32_t trouble(std::span<const Candidate> all, const Candidate& candidate) {
  const bool is_suspect = std::ranges::any_of(all, [&](const Candidate& other) {
    return &other != &candidate && other.failures > 0 && other.shares_site(candidate);
  });
  return candidate.failures + (is_suspect ? 1 : 0);
}

}  // namespace

std::optional<std::size_t> choose_edge(std::span<const Candidate> all, Instant now) {
  const auto cost = [&](std::size_t i) { return std::pair(trouble(all, all[i]), rank(all, all[i])); };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].attached || all[i].retry_at > now) continue;
    if (!best || cost(i) < cost(*best)) best = i;
  }
  return best;
}

void forgive(std::span<Candidate> all, std::size_t met) {
  all[met].failures = 0;
  for (Candidate& other : all) {
    if (other.shares_site(all[met])) other.failures = 0;
  }
}

std::optional<Instant> next_try(std::span<const Candidate> all) {
  std::optional<Instant> next;
  for (const Candidate& candidate : all) {
    if (!candidate.attached) next = std::min(next.value_or(Instant::max()), candidate.retry_at);
  }
  return next;
}

std::optional<std::size_t> better_edge(std::span<const Candidate> all, Instant now) {
  std::optional<std::size_t> best;
  const auto is_better = [&](std::size_t i) {
    return std::ranges::any_of(all, [&](const Candidate& held) {
      return held.attached && rank(all, all[i], &held) < rank(all, held);
    });
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].attached || all[i].retry_at > now || !is_better(i)) continue;
    // Of one that was met it is known.
    if (!best || (all[*best].name.empty() && !all[i].name.empty())) best = i;
  }
  return best;
}

std::optional<std::size_t> worse_edge(std::span<const Candidate> all, std::size_t kept) {
  std::optional<std::size_t> worst;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == kept || !all[i].attached || rank(all, all[i]) <= rank(all, all[kept])) continue;
    if (!worst || rank(all, all[i]) >= rank(all, all[*worst])) worst = i;
  }
  return worst;
}

}  // namespace weir::agent
