#include "record/traffic.h"

#include <algorithm>
#include <set>

namespace weir::record {

void Traffic::Histogram::observe(std::uint64_t took_micros) {
  std::size_t bucket = 0;
  while (bucket < kBuckets.size() && std::chrono::microseconds(took_micros) > kBuckets[bucket]) ++bucket;
  counts[bucket].add();
  micros.add(took_micros);
}

std::vector<Traffic::Counts*> Traffic::counts_of(Sort sort, std::span<const std::string_view> names) {
  const std::set<std::string_view> wanted(names.begin(), names.end());
  const std::scoped_lock lock(mutex_);
  Names& known = names_[static_cast<std::size_t>(sort)];
  std::erase_if(known, [&wanted](const auto& one) {
    return !wanted.contains(one.first) && one.first != kOther && one.second->under_way == 0;
  });
  const auto make = [&known](std::string_view name) -> Counts* {
    auto& counts = known[std::string(name)];
    if (!counts) counts = std::make_unique<Counts>();
    return counts.get();
  };
  std::vector<Counts*> found;
  found.reserve(names.size());
  for (const std::string_view name : names) {
    const bool room = known.contains(name) || known.size() < kNamesMax;
    found.push_back(make(room ? name : kOther));
  }
  return found;
}

void Traffic::add_to(Sort sort, Sums& sums) const {
  const auto add = [](const Histogram& from, Sum::Histogram& to) {
    for (std::size_t i = 0; i < from.counts.size(); ++i) to.counts[i] += from.counts[i].get();
    to.micros += from.micros.get();
  };
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, counts] : names_[static_cast<std::size_t>(sort)]) {
    Sum& sum = sums[name];
    for (std::size_t i = 0; i < sum.responses.size(); ++i) sum.responses[i] += counts->responses[i].get();
    add(counts->durations, sum.durations);
    add(counts->upstream, sum.upstream);
  }
}

}  // namespace weir::record
