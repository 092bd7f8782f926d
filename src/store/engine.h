// Engine: one SQLite database and the thread that does its blocking calls. Owned by main; the Stores of all
// loops share it. Transactions that wait together are committed together, so that concurrent writers share a
// sync of the disk. It never runs a task: answers are handed to callbacks, on its own thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/data_directory.h"
#include "store/ledger.h"
#include "store/store.h"

namespace weir::store {

class Engine {
 public:
  struct Options {
    std::string directory;                            // to be taken; empty: in memory, gone at the end
    std::shared_ptr<const DataDirectory> taken = {};  // instead of it: one that this process has already
    bool make = true;  // false: only a store that is there, since one may be about to be put in its place
    // False: the work is done by whoever asks, at once. For tests and simulations, which have one thread.
    bool threaded = true;
    LedgerLimits limits = {};
  };
  using Read = std::move_only_function<void(Ledger&)>;
  using Done = std::move_only_function<void(Committed)>;
  using Follower = std::move_only_function<void(Revision)>;

  // --- what may wait for the thread; more is refused, so that a stalled disk does not eat the memory
  static constexpr std::size_t kWaitingMax = 4096;
  static constexpr std::size_t kWaitingBytesMax = 2 * kTransactionBytesMax;
  // Transactions that share one sync: enough that its cost disappears, few enough that none waits for long.
  static constexpr std::size_t kGroupMax = 256;

  static Opened<std::unique_ptr<Engine>> open(Options options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  // Does what waits, then closes. Every loop that callbacks post to must outlive it.
  ~Engine();

  // All from any thread. False: too much waits already. The callbacks run on the engine's thread and must not
  // call the engine.
  bool read(Read work);
  bool commit(Transaction transaction, Done done);
  Revision revision() const { return revision_.load(std::memory_order_acquire); }  // the newest durable one

  // Calls the follower after each group that made a new revision, before the answers of the group are given.
  // None of its calls is under way after unfollow().
  std::uint64_t follow(Follower follower);
  void unfollow(std::uint64_t id);

 private:
  struct Commits {
    std::vector<Transaction> transactions;
    std::vector<Done> done;  // in the same order
  };

  Engine(std::shared_ptr<const DataDirectory> directory, std::unique_ptr<Ledger> ledger)
      : directory_(std::move(directory)), ledger_(std::move(ledger)), revision_(ledger_->revision()) {}
  Opened<void> start();
  void run();
  bool serve_one_round();
  void serve(std::vector<Read> reads, Commits commits);
  bool admit(std::size_t bytes) const;

  std::shared_ptr<const DataDirectory> directory_;  // its lock is held until all else is gone
  std::unique_ptr<Ledger> ledger_;                  // touched by the thread only
  std::atomic<Revision> revision_;

  std::mutex mutex_;  // guards what follows, up to stopping_
  std::condition_variable work_;
  std::vector<Read> reads_;
  Commits commits_;
  std::size_t commits_bytes_ = 0;
  bool stopping_ = false;

  std::mutex followers_mutex_;
  std::map<std::uint64_t, Follower> followers_;  // guarded by followers_mutex_
  std::uint64_t follower_id_ = 0;                // guarded by followers_mutex_

  std::thread thread_;
};

}  // namespace weir::store
