// LineTarget: one place that lines go to: a file, the system's log, a collector. Each has a queue of its own,
// so that one that is behind, or gone, holds up neither traffic nor the others: what finds no room is dropped
// and counted. Given to from every core; taken from by the one thread of whoever writes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::record {

class LineTarget {
 public:
  static constexpr std::size_t kBatchesMax = 64;  // that wait: 4 MiB, about 10,000 requests

  // name: for people and for metrics; holds no secret.
  explicit LineTarget(std::string name) : name_(std::move(name)) {}
  virtual ~LineTarget() = default;
  LineTarget(const LineTarget&) = delete;
  LineTarget& operator=(const LineTarget&) = delete;

  const std::string& name() const { return name_; }
  // Whole lines, `count` of them. Leaves an empty text in their place. Never waits.
  void give(std::string& lines, std::uint64_t count);
  // The same of lines that others get, too.
  void give_copy(std::string_view lines, std::uint64_t count);
  // What it writes to has been renamed.
  virtual void reopen() {}

  // From any thread.
  virtual std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  virtual std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  // Of one that keeps on disk what it could not bring yet.
  struct Waiting {
    std::uint64_t bytes = 0;
    std::uint64_t seconds = 0;  // since the oldest came
    std::string trouble;        // what went wrong the last time; empty: nothing
  };
  virtual std::optional<Waiting> waiting() const { return std::nullopt; }

 protected:
  struct Batch {
    std::string lines;
    std::uint64_t count = 0;
  };
  // Something has been given. From every core.
  virtual void wake() {}
  std::optional<Batch> take();
  // None: there will be no more.
  std::optional<Batch> wait_and_take();
  // Its room, for what comes next.
  void give_back(Batch batch);
  void end_waiting();

  void count_written(std::uint64_t lines) { written_.fetch_add(lines, std::memory_order_relaxed); }
  void count_dropped(std::uint64_t lines) { dropped_.fetch_add(lines, std::memory_order_relaxed); }

 private:
  std::optional<Batch> take_locked();

  std::string name_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::deque<Batch> waiting_;       // guarded by mutex_
  std::vector<std::string> spare_;  // guarded by mutex_; emptied texts, with their room
  bool ending_ = false;             // guarded by mutex_
  std::atomic<std::uint64_t> written_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
};

}  // namespace weir::record
