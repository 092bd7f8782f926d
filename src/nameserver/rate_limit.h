// RateLimit: how many replies a network is sent by UDP, where anybody can write anybody's address (response
// rate limiting, RRL). Beyond it a reply is left out, and every second time a truncated one goes in its
// place: a client that is there asks again by TCP, and one whose address was borrowed gets no more than was
// sent in its name. Memory is bounded: networks that collide share their rate. On one core.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "dns/bytes.h"
#include "dns/codes.h"

namespace weir::nameserver {

class RateLimit {
 public:
  static constexpr std::uint32_t kRepliesPerSecond = 500;

  enum class Verdict : std::uint8_t { kSend, kTruncate, kDrop };

  // per_second: of each sort (answers, names that are not there, refusals) to each /24, of IPv6 /56; 0: no
  // limit. seed: nobody can choose networks that collide.
  RateLimit(std::uint32_t per_second, std::uint64_t seed);

  Verdict take(const dns::Ip& client, dns::Rcode rcode, Instant now);

 private:
  static constexpr std::size_t kBuckets = 1 << 16U;

  struct Bucket {
    std::uint32_t milliseconds = 0;  // of when it was last looked at
    std::uint16_t left = 0;
    std::uint16_t dropped = 0;
  };

  std::uint32_t per_second_;
  std::uint64_t seed_;
  std::vector<Bucket> buckets_;  // none without a limit
};

}  // namespace weir::nameserver
