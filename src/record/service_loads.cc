#include "record/service_loads.h"

namespace weir::record {

ServiceLoads::CountsPointer ServiceLoads::join(std::string_view service, std::string_view zone) {
  const std::scoped_lock lock(mutex_);
  Name name(service, zone);
  const auto found = names_.find(name);
  if (found != names_.end()) return found->second.counts;
  if (names_.size() >= kNamesMax) {
    if (!others_) others_ = std::make_shared<Counts>();
    return others_;
  }
  return names_.emplace(std::move(name), Kept{std::make_shared<Counts>(), {}}).first->second.counts;
}

void ServiceLoads::drop_unused(Instant now) {
  const std::scoped_lock lock(mutex_);
  for (auto one = names_.begin(); one != names_.end();) {
    Kept& kept = one->second;
    if (!is_unused(kept.counts)) {
      kept.unused.reset();
    } else if (!kept.unused) {
      kept.unused = now;
    }
    one = kept.unused && now - *kept.unused >= kOutlast ? names_.erase(one) : std::next(one);
  }
  if (others_ && is_unused(others_)) others_.reset();
}

void ServiceLoads::add_to(Sums& sums) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, kept] : names_) {
    Sum& sum = sums.of[name];
    sum.requests += kept.counts->requests.get();
    sum.in_flight += kept.counts->in_flight.load(std::memory_order_relaxed);
  }
  sums.all &= !others_;
}

}  // namespace weir::record
