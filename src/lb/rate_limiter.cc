#include "lb/rate_limiter.h"

#include <algorithm>
#include <bit>

#include "lb/hash.h"

namespace weir::lb {
namespace {

// Between two requests, rounded up: the rate is kept to, within a nanosecond per request.
Duration interval_of(const RateLimit& limit) {
  const auto requests = static_cast<std::int64_t>(limit.requests);
  return std::max((limit.period + Duration(requests - 1)) / requests, Duration(1));
}

// How far the time at which a bucket is full may lie ahead. Bounded, so that no sum of times overflows.
Duration depth_of(const RateLimit& limit, Duration interval) {
  constexpr Duration kDepthMax = std::chrono::hours(24 * 365);
  const std::int64_t burst = std::max(limit.burst, 1U);
  return interval * std::clamp<std::int64_t>(kDepthMax / interval, 1, burst);
}

}  // namespace

RateLimiter::RateLimiter(std::size_t keys)
    : sets_(std::bit_ceil(std::clamp(keys, kShards * kWays, kRateLimitKeysMax)) / kWays) {}

// Under the lock of the key's shard.
RateLimiter::Bucket& RateLimiter::find(std::uint64_t key, Instant now) {
  auto& set = sets_[key % sets_.size()];
  Bucket* oldest = set.data();
  for (Bucket& bucket : set) {
    if (bucket.key == key) return bucket;
    if (bucket.full_at < oldest->full_at) oldest = &bucket;
  }
  if (oldest->full_at > now) forgotten_.fetch_add(1, std::memory_order_relaxed);
  *oldest = {.key = key, .full_at = now};
  return *oldest;
}

RateDecision RateLimiter::take(std::uint64_t key, const RateLimit& limit, Instant now) {
  if (limit.requests == 0) return {.allowed = false, .retry_after = limit.period, .reset = limit.period};
  const Duration interval = interval_of(limit);
  const Duration depth = depth_of(limit, interval);
  const std::uint64_t mixed = std::max<std::uint64_t>(mix(key), 1);  // keys need not be spread evenly

  const std::scoped_lock lock(shards_[mixed % kShards].mutex);
  Bucket& bucket = find(mixed, now);
  // A smaller limit than before, by a change of configuration, does not make a key wait for more than is its
  // own.
  const Instant full_at = std::clamp(bucket.full_at, now, now + depth);
  const Instant after = full_at + interval;
  if (after - now > depth)
    return {.allowed = false, .retry_after = after - now - depth, .reset = full_at - now};
  bucket.full_at = after;
  return {.allowed = true,
          .remaining = static_cast<std::uint32_t>((depth - (after - now)) / interval),
          .reset = after - now};
}

}  // namespace weir::lb
