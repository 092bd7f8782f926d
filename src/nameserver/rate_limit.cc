#include "nameserver/rate_limit.h"

#include <algorithm>

namespace weir::nameserver {
namespace {

constexpr std::size_t kNetworkBytesV4 = 3;
constexpr std::size_t kNetworkBytesV6 = 7;

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 32U)) * 0xd6e8feb86659fd93U;
  value = (value ^ (value >> 32U)) * 0xd6e8feb86659fd93U;
  return value ^ (value >> 32U);
}

// Replies of one sort are alike, whatever is asked.
std::uint64_t sort_of(dns::Rcode rcode) {
  if (rcode == dns::Rcode::kNoError) return 0;
  return rcode == dns::Rcode::kNxDomain ? 1 : 2;
}

}  // namespace

RateLimit::RateLimit(std::uint32_t per_second, std::uint64_t seed)
    : per_second_(std::min<std::uint32_t>(per_second, UINT16_MAX)), seed_(seed) {
  if (per_second_ > 0) buckets_.assign(kBuckets, {.left = static_cast<std::uint16_t>(per_second_)});
}

RateLimit::Verdict RateLimit::take(const dns::Ip& client, dns::Rcode rcode, Instant now) {
  if (buckets_.empty()) return Verdict::kSend;
  std::uint64_t key = client.size;
  const std::size_t known = client.size == 4 ? kNetworkBytesV4 : kNetworkBytesV6;
  for (std::size_t i = 0; i < known; ++i) key = key << 8U | client.octets.at(i);
  Bucket& bucket = buckets_[mixed(seed_ ^ (key << 2U | sort_of(rcode))) % kBuckets];
  const auto at = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  const std::uint64_t passed = at - bucket.milliseconds;
  const std::uint64_t earned = passed * per_second_ / 1000;
  if (earned > 0) {
    bucket.left = static_cast<std::uint16_t>(std::min<std::uint64_t>(bucket.left + earned, per_second_));
    bucket.milliseconds = at;
  }
  if (bucket.left > 0) {
    --bucket.left;
    return Verdict::kSend;
  }
  return ++bucket.dropped % 2 == 0 ? Verdict::kTruncate : Verdict::kDrop;
}

}  // namespace weir::nameserver
