// Latency buckets: how durations are counted wherever they are told on: finely enough that a quantile read
// from them is within a sixth of the true one, and the same everywhere, so that what cores, edges and hours
// have counted can be added up. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace weir {

// Upper bounds in microseconds; what took longer is in one bucket more. Edges of different versions tell each
// other such counts: a change of the bounds needs another field of the message.
inline constexpr std::array<std::uint32_t, 34> kLatencyBoundsMicros{
    250,       500,       750,       1'000,     1'400,      2'000,      2'800,     3'800,     5'000,
    7'000,     10'000,    14'000,    18'000,    25'000,     35'000,     50'000,    70'000,    100'000,
    140'000,   200'000,   280'000,   380'000,   500'000,    700'000,    1'000'000, 1'400'000, 1'800'000,
    2'500'000, 3'500'000, 5'000'000, 7'000'000, 10'000'000, 20'000'000, 40'000'000};
inline constexpr std::size_t kLatencyBuckets = kLatencyBoundsMicros.size() + 1;

using LatencyCounts = std::array<std::uint64_t, kLatencyBuckets>;

constexpr Duration latency_bound(std::size_t bucket) {
  return std::chrono::microseconds(kLatencyBoundsMicros[bucket]);
}

constexpr std::size_t latency_bucket(Duration took) {
  const auto reaches = [](std::uint32_t bound, Duration value) {
    return std::chrono::microseconds(bound) < value;
  };
  const auto* const found =
      std::lower_bound(kLatencyBoundsMicros.begin(), kLatencyBoundsMicros.end(), took, reaches);
  return static_cast<std::size_t>(found - kLatencyBoundsMicros.begin());
}

// The duration that `part` (0 to 1) of all stay below, as if those of a bucket were spread evenly over it; of
// the last bucket only its lower bound is known. None: nothing was counted.
template <class Number>
constexpr std::optional<Duration> latency_quantile(const std::array<Number, kLatencyBuckets>& counts,
                                                   double part) {
  double total = 0;
  for (const Number count : counts) total += static_cast<double>(count);
  if (total <= 0) return std::nullopt;
  const double rank = part * total;
  double below = 0;
  for (std::size_t i = 0; i < kLatencyBoundsMicros.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const Duration from = i == 0 ? Duration() : latency_bound(i - 1);
      const double share = std::clamp((rank - below) / here, 0.0, 1.0);
      const auto width = static_cast<double>((latency_bound(i) - from).count());
      return from + Duration(static_cast<std::int64_t>(share * width));
    }
    below += here;
  }
  return latency_bound(kLatencyBoundsMicros.size() - 1);
}

}  // namespace weir
