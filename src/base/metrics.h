// Metrics of one writer: each core counts for itself, a scrape sums. No registry, no names: those are given
// where the counters are shown.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir {

// Written by one core, read by any. A plain increment, no locked instruction.
class Counter {
 public:
  void add(std::uint64_t more = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

// How many there are now, of one core: written by that alone, read by any.
class Gauge {
 public:
  void up() { value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  void down() { value_.store(value_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed); }
  std::uint32_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> value_ = 0;
};

}  // namespace weir
