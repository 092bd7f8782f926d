#include "record/traffic.h"

namespace weir::record {

Traffic::CountsPointer Traffic::join(Sort sort, std::string_view name) {
  const std::scoped_lock lock(mutex_);
  Names& names = names_[static_cast<std::size_t>(sort)];
  auto found = names.find(name);
  if (found == names.end()) {
    const std::string_view counted = names.size() < kNamesMax ? name : kOther;
    found = names.try_emplace(std::string(counted)).first;
    if (!found->second) found->second = std::make_shared<Counts>();
  }
  return found->second;
}

void Traffic::drop_unused() {
  const std::scoped_lock lock(mutex_);
  for (std::size_t sort = 0; sort < kSorts; ++sort) {
    std::erase_if(names_[sort], [&](const auto& one) {
      const bool unused = one.first != kOther && one.second.use_count() == 1 && one.second->under_way == 0;
      if (unused) add(*one.second, forgotten_[sort]);
      return unused;
    });
  }
}

void Traffic::add(const Counts& counts, Sum& sum) {
  const auto add_histogram = [](const Histogram& from, Sum::Histogram& to) {
    for (std::size_t i = 0; i < from.counts.size(); ++i) to.counts[i] += from.counts[i].get();
    to.nanoseconds += from.nanoseconds.get();
  };
  for (std::size_t i = 0; i < sum.responses.size(); ++i) sum.responses[i] += counts.responses[i].get();
  add_histogram(counts.durations, sum.durations);
  add_histogram(counts.upstream, sum.upstream);
  sum.connections += counts.connections.get();
  sum.connections_ended += counts.connections_ended.get();
  sum.connections_failed += counts.connections_failed.get();
  sum.bytes_received += counts.bytes_received.get();
  sum.bytes_sent += counts.bytes_sent.get();
}

void Traffic::add_to(Sort sort, Sums& sums) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, counts] : names_[static_cast<std::size_t>(sort)]) add(*counts, sums[name]);
}

Traffic::Sum Traffic::total(Sort sort) const {
  const std::scoped_lock lock(mutex_);
  Sum sum = forgotten_[static_cast<std::size_t>(sort)];
  for (const auto& [name, counts] : names_[static_cast<std::size_t>(sort)]) add(*counts, sum);
  return sum;
}

}  // namespace weir::record
