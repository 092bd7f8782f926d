// Shipper: brings lines to a collector, at least once each: on disk first, then sent in the order in which
// they came, until the collector has taken them. What it can't bring waits on disk, also for the next
// process. On one loop, whose thread may wait for the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/time.h"
#include "grpc/backoff.h"
#include "net/env.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/task_group.h"
#include "shipping/collector.h"
#include "shipping/spool.h"

namespace weir::shipping {

// What others may look at, from any thread.
struct ShipperCounts {
  std::atomic<std::uint64_t> taken = 0;    // lines, by the collector
  std::atomic<std::uint64_t> dropped = 0;  // lines
  std::atomic<std::uint64_t> waiting_bytes = 0;
  std::atomic<std::int64_t> waiting_since_ms = 0;  // of the time of day; 0: nothing waits
  void set_trouble(std::string sentence) {
    const std::scoped_lock lock(mutex_);
    trouble_ = std::move(sentence);
  }
  std::string trouble() const {
    const std::scoped_lock lock(mutex_);
    return trouble_;
  }

 private:
  mutable std::mutex mutex_;
  std::string trouble_;
};

class Shipper {
 public:
  // Lines that come one by one are sent together.
  static constexpr Duration kGather = std::chrono::milliseconds(200);
  static constexpr Duration kAdoptEvery = std::chrono::seconds(10);
  static constexpr Duration kEndGrace = std::chrono::seconds(1);
  // Of what the collector refuses for what it is, in a row; then that goes, and is counted.
  static constexpr int kRefusalsMax = 5;
  static constexpr std::string_view kBatchField = "X-Weir-Batch";

  // name: for the log. All outlive it, but what it owns.
  Shipper(net::Env& env, std::string name, std::unique_ptr<Collector> collector, std::unique_ptr<Spool> spool,
          ShipperCounts& counts);

  // Whole lines, to disk.
  void keep(std::string_view lines, std::uint64_t count);
  void start();
  // Goes on for kEndGrace at most, while the collector takes something.
  net::Task<void> stop();

 private:
  net::Task<void> run();
  net::Task<void> adopt();
  // False: it is to end.
  net::Task<bool> send(Spool::Pack pack);
  void settle(const Spool::Pack& pack, const Delivery& delivery);
  void note(const Delivery& delivery);
  void show();

  net::Env& env_;
  std::string name_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<Spool> spool_;
  ShipperCounts& counts_;
  net::Event arrived_;
  grpc::Backoff backoff_;
  bool failing_ = false;
  bool spooling_ = true;  // as far as the log was told
  bool ending_ = false;
  std::string refused_;  // the id of what was refused last
  int refusals_ = 0;
  net::TaskGroup tasks_;
};

}  // namespace weir::shipping
