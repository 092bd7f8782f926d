#include "lb/hash_policy.h"

#include <algorithm>
#include <cmath>

#include "lb/hash.h"

namespace weir::lb {
namespace {

constexpr std::uint64_t kAll = std::uint64_t{1} << 32U;

bool was_tried(std::span<const std::uint32_t> tried, std::uint32_t index) {
  return std::ranges::find(tried, index) != tried.end();
}

}  // namespace

HashPolicy::HashPolicy(std::span<const Host> eligible, const HashSettings& settings)
    : table_(settings.table),
      by_member_(table_->members().size()),
      load_max_(settings.load_percent_max == 0 ? 0 : std::max(settings.load_percent_max, 100U) / 100.0) {
  double weights = 0;
  for (const Host& host : eligible) weights += host.weight;
  for (const Host& host : eligible) {
    if (host.weight == 0) continue;
    eligible_.push_back({.id = host.id,
                         .accepted = kAll,
                         .index = host.index,
                         .part = host.weight / weights,
                         .active = host.active});
  }
  // Those that get most for their weight in the table accept everything, the others in proportion.
  const auto members = table_->members();
  std::vector<double> ratios(members.size());
  double largest = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto found = std::ranges::lower_bound(eligible_, members[i].index, {}, &Candidate::index);
    if (found == eligible_.end() || found->index != members[i].index) continue;
    by_member_[i] = *found;
    ratios[i] = found->part / members[i].weight;
    largest = std::max(largest, ratios[i]);
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (ratios[i] == 0) continue;
    // Equal within rounding is equal: then nothing needs to be mixed.
    const double accepted = ratios[i] / largest;
    by_member_[i].accepted =
        accepted > 1 - 1e-6
            ? kAll
            : std::max<std::uint64_t>(1, static_cast<std::uint64_t>(accepted * static_cast<double>(kAll)));
  }
}

bool HashPolicy::full(const Candidate& candidate, std::uint64_t active_all) const {
  if (load_max_ == 0 || candidate.active == nullptr) return false;
  const double bound = std::ceil(load_max_ * static_cast<double>(active_all + 1) * candidate.part);
  return candidate.active->count.load(std::memory_order_relaxed) >= bound;
}

std::optional<std::uint32_t> HashPolicy::pick(PickInput input) const {
  if (eligible_.empty()) return std::nullopt;
  const std::uint64_t hash = input.hash ? *input.hash : input.random.next();
  const Candidate* first_full = nullptr;
  if (table_->size() > 0) {
    std::size_t slot = table_->first(hash);
    for (std::size_t i = 0; i < std::min(kWalkMax, table_->size()); ++i, slot = table_->next(slot)) {
      const Candidate& candidate = by_member_[table_->owner(slot)];
      if (candidate.accepted == 0) continue;
      if (candidate.accepted < kAll && mix(hash ^ table_->mark(slot)) >> 32U >= candidate.accepted) continue;
      if (was_tried(input.tried, candidate.index)) continue;
      if (!full(candidate, input.active)) return candidate.index;
      if (first_full == nullptr) first_full = &candidate;
    }
  }
  if (const auto found = rendezvous(hash, input)) return found;
  if (first_full != nullptr) return first_full->index;
  for (const Candidate& candidate : eligible_) {
    if (!was_tried(input.tried, candidate.index)) return candidate.index;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> HashPolicy::rendezvous(std::uint64_t hash, const PickInput& input) const {
  const Candidate* best = nullptr;
  double best_score = 0;
  for (const Candidate& candidate : eligible_) {
    if (was_tried(input.tried, candidate.index) || full(candidate, input.active)) continue;
    // -ln of a uniform number in (0, 1], over the weight, is an exponential: the smallest is drawn by weight.
    const double uniform = (static_cast<double>(mix(hash ^ mix(candidate.id)) >> 11U) + 1) * 0x1p-53;
    const double score = -std::log(uniform) / candidate.part;
    if (best != nullptr && score >= best_score) continue;
    best = &candidate;
    best_score = score;
  }
  if (best == nullptr) return std::nullopt;
  return best->index;
}

}  // namespace weir::lb
