// RateLimiter: token buckets by key, shared by all cores. A bucket holds `burst` tokens and gains `requests`
// of them per `period`; a request takes one. It is the generic cell rate algorithm (ITU-T I.371): a bucket is
// one number, the time at which it will be full again, so a bucket that is full is the same as none.
//
// Keys are 64-bit hashes (hash.h), of a rule and of what it limits by, so that one limiter serves all rules;
// a key that collides shares its bucket. Their number is bounded: a place for a new key is sought among
// kWays, one that is full again first, else the one that will be first: of those the key used least lately
// for its rate. Keys at their limit are the last to be forgotten, so a flood of other keys does not free
// them.
//
// take() is exact under concurrency: of any requests, on any cores, no bucket gives more than it has. It
// holds one of kShards locks for a few instructions. Allocates at construction only: 16 bytes a key. No
// clock: the time comes in.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/time.h"

namespace weir::lb {

// For one limiter. By default as many as there are ports: 1 MiB.
inline constexpr std::size_t kRateLimitKeysDefault = 65'536;
inline constexpr std::size_t kRateLimitKeysMax = 1'048'576;  // 16 MiB

struct RateLimit {
  std::uint32_t requests = 100;  // 0: none are allowed
  Duration period = std::chrono::seconds(1);
  std::uint32_t burst = 100;  // at once after a pause; 0 counts as 1
};

struct RateDecision {
  bool allowed = false;
  std::uint32_t remaining = 0;  // that would be allowed at once after this one
  Duration retry_after{};       // until one is allowed; zero when this one is
  Duration reset{};             // until the bucket is full, when nothing more comes
};

class RateLimiter {
 public:
  explicit RateLimiter(
      std::size_t keys = kRateLimitKeysDefault);  // rounded up to a power of two, to the maximum

  RateDecision take(std::uint64_t key, const RateLimit& limit, Instant now);

  std::size_t keys_max() const { return sets_.size() * kWays; }
  // Buckets that had to go before they were full: when it grows, there are more keys than fit.
  std::uint64_t forgotten() const { return forgotten_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kWays = 8;     // places that a key can have: two cache lines
  static constexpr std::size_t kShards = 64;  // more than cores, so they seldom meet

  struct Bucket {
    std::uint64_t key = 0;  // 0: none
    Instant full_at{};      // the "theoretical arrival time"
  };
  struct alignas(64) Shard {
    std::mutex mutex;
  };

  Bucket& find(std::uint64_t key, Instant now);

  std::vector<std::array<Bucket, kWays>> sets_;
  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> forgotten_{0};
};

}  // namespace weir::lb
