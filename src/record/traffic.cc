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
      const bool unused =
          one.first != kOther && one.second.use_count() == 1 && one.second->under_way.get() == 0;
      if (unused) add(*one.second, forgotten_[sort]);
      return unused;
    });
  }
}

void Traffic::add(const Counts& counts, Sum& sum) {
  Sum more;
  const auto read_histogram = [](const Histogram& from, Sum::Histogram& to) {
    for (std::size_t i = 0; i < from.counts.size(); ++i) to.counts[i] = from.counts[i].get();
    to.nanoseconds = from.nanoseconds.get();
  };
  for (std::size_t i = 0; i < more.responses.size(); ++i) more.responses[i] = counts.responses[i].get();
  read_histogram(counts.durations, more.durations);
  read_histogram(counts.upstream, more.upstream);
  more.connections = counts.connections.get();
  more.connections_ended = counts.connections_ended.get();
  more.connections_failed = counts.connections_failed.get();
  more.bytes_received = counts.bytes_received.get();
  more.bytes_sent = counts.bytes_sent.get();
  more.under_way = counts.under_way.get();
  add(more, sum);
}

void Traffic::add(const Sum& more, Sum& sum) {
  const auto add_histogram = [](const Sum::Histogram& from, Sum::Histogram& to) {
    for (std::size_t i = 0; i < from.counts.size(); ++i) to.counts[i] += from.counts[i];
    to.nanoseconds += from.nanoseconds;
  };
  for (std::size_t i = 0; i < sum.responses.size(); ++i) sum.responses[i] += more.responses[i];
  add_histogram(more.durations, sum.durations);
  add_histogram(more.upstream, sum.upstream);
  sum.connections += more.connections;
  sum.connections_ended += more.connections_ended;
  sum.connections_failed += more.connections_failed;
  sum.bytes_received += more.bytes_received;
  sum.bytes_sent += more.bytes_sent;
  sum.under_way += more.under_way;
}

Traffic::Buckets Traffic::buckets_of(const LatencyCounts& counts) {
  Buckets buckets{};
  std::size_t to = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const bool is_last = i == kLatencyBoundsMicros.size();
    while (to < kBuckets.size() && (is_last || latency_bound(i) > kBuckets[to])) ++to;
    buckets[to] += counts[i];
  }
  return buckets;
}

void Traffic::add_to(Sort sort, Sums& sums) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, counts] : names_[static_cast<std::size_t>(sort)]) add(*counts, sums[name]);
}

void Traffic::add_total(Sort sort, Sum& sum) const {
  const std::scoped_lock lock(mutex_);
  add(forgotten_[static_cast<std::size_t>(sort)], sum);
  for (const auto& [name, counts] : names_[static_cast<std::size_t>(sort)]) add(*counts, sum);
}

}  // namespace weir::record
