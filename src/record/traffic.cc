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
  for (Names& names : names_) {
    std::erase_if(names, [](const auto& one) {
      return one.first != kOther && one.second.use_count() == 1 && one.second->under_way == 0;
    });
  }
}

void Traffic::add_to(Sort sort, Sums& sums) const {
  const auto add = [](const Histogram& from, Sum::Histogram& to) {
    for (std::size_t i = 0; i < from.counts.size(); ++i) to.counts[i] += from.counts[i].get();
    to.nanoseconds += from.nanoseconds.get();
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
