#include "auth/failure_throttle.h"

#include <algorithm>

namespace weir::auth {

FailureThrottle::Source FailureThrottle::source_of(const net::Address& address) {
  Source source{.is_v6 = address.is_v6()};
  const std::size_t bytes = address.is_v6() ? 8 : 4;
  for (std::size_t i = 0; i < bytes; ++i) source.network = (source.network << 8U) | address.bytes()[i];
  return source;
}

Duration FailureThrottle::wait(const net::Address& from, Instant now) const {
  const auto found = by_source_.find(source_of(from));
  if (found == by_source_.end()) return Duration::zero();
  const Record& record = *found->second;
  return std::max(record.last + record.wait - now, Duration::zero());
}

void FailureThrottle::failed(const net::Address& from, Instant now) {
  if (wait(from, now) > Duration::zero()) return;
  while (!records_.empty() && records_.front().last + kForgetAfter <= now) {
    by_source_.erase(records_.front().source);
    records_.pop_front();
  }
  const Source source = source_of(from);
  const auto [place, is_new] = by_source_.try_emplace(source);
  if (is_new) {
    place->second = records_.insert(records_.end(), Record{.source = source});
  } else {
    records_.splice(records_.end(), records_, place->second);
  }
  Record& record = *place->second;
  record.last = now;
  if (record.failures < kFree) {
    ++record.failures;
  } else {
    record.wait = std::clamp(record.wait * 2, kFirstWait, kLongestWait);
  }
  if (by_source_.size() > kAddressesMax) {
    by_source_.erase(records_.front().source);
    records_.pop_front();
  }
}

void FailureThrottle::succeeded(const net::Address& from) {
  const auto found = by_source_.find(source_of(from));
  if (found == by_source_.end()) return;
  records_.erase(found->second);
  by_source_.erase(found);
}

}  // namespace weir::auth
