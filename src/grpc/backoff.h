// Backoff: how long a client waits before it connects again: longer with each failure in a row, and never the
// same as its neighbours, so that a server that comes back is not met by all at once (gRPC's
// connection-backoff.md). No clock; the randomness comes in. A value.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace weir::grpc {

class Backoff {
 public:
  struct Options {
    Duration first = std::chrono::seconds(1);
    Duration longest = std::chrono::seconds(30);
  };
  explicit Backoff(Options options) : options_(options), next_(options.first) {}
  Backoff() : Backoff(Options{}) {}

  // Behind a failure: within a fifth of the present wait, which grows by 1.6 each time.
  Duration failed(Random& random) {
    const Duration wait = next_;
    next_ = std::min(next_ / 5 * 8, options_.longest);
    const auto fifth = static_cast<std::uint64_t>((wait / 5).count());
    return wait - wait / 5 + Duration(static_cast<std::int64_t>(random.below(2 * fifth + 1)));
  }
  // The server has answered: the next failure is the first.
  void succeeded() { next_ = options_.first; }

 private:
  Options options_;
  Duration next_;
};

}  // namespace weir::grpc
