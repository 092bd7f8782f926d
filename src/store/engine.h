// Engine: one database and the threads that do its blocking calls: one that reads and one that commits, so
// that no read waits for the disk of a commit, and for PostgreSQL one that watches what others commit. What
// is in memory has one thread. Owned by main; the Stores of all loops share it. Transactions that wait
// together are committed together, so that concurrent writers share a sync of the disk. It never runs a task:
// answers are handed to callbacks, on its own threads.
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

#include "base/log.h"
#include "store/data_directory.h"
#include "store/ledger.h"
#include "store/store.h"

namespace weir::store {

class PostgresWatch;

class Engine {
 public:
  struct Options {
    std::string directory;                            // to be taken; empty: in memory, gone at the end
    std::shared_ptr<const DataDirectory> taken = {};  // instead of it: one that this process has already
    std::string url = {};  // postgres://...: there, and in no directory; empty: SQLite
    bool make = true;      // false: only a store that is there, since one may be about to be put in its place
    // False: the work is done by whoever asks, at once. For tests and simulations, which have one thread; not
    // with PostgreSQL.
    bool threaded = true;
    LedgerLimits limits = {};
    Log* log = nullptr;  // where it is told that the database is away, and back; outlives the Engine
  };
  using Read = std::move_only_function<void(Ledger&)>;
  using Done = std::move_only_function<void(Committed)>;
  using Follower = std::move_only_function<void(Revision)>;

  // --- what may wait for a thread; more is refused, so that a stalled disk does not eat the memory
  static constexpr std::size_t kWaitingMax = 4096;
  static constexpr std::size_t kWaitingBytesMax = 2 * kTransactionBytesMax;
  // Transactions that share one sync: enough that its cost disappears, few enough that none waits for long.
  static constexpr std::size_t kGroupMax = 256;

  static Opened<std::unique_ptr<Engine>> open(Options options);
  // Whether the SQLite store of that directory is one that open() would take, while another process has it
  // open; changes nothing.
  static Opened<void> check(const DataDirectory& directory);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  // Does what waits, then closes. Every loop that callbacks post to must outlive it.
  ~Engine();

  // All from any thread. False: too much waits already. The callbacks run on the engine's threads and must
  // not call the engine.
  bool read(Read work);
  bool commit(Transaction transaction, Done done);
  Revision revision() const { return revision_.load(std::memory_order_acquire); }  // the newest durable one
  // Whether this process is the one that acts for all that share the database; Store::leads().
  bool leads() const;

  // Calls the follower at each new revision, before the answers of the group that made it are given. None of
  // its calls is under way after unfollow().
  std::uint64_t follow(Follower follower);
  void unfollow(std::uint64_t id);

 private:
  struct Commits {
    std::vector<Transaction> transactions;
    std::vector<Done> done;  // in the same order
  };

  enum class Work : std::uint8_t { kAll, kReads, kCommits };

  Engine(std::shared_ptr<const DataDirectory> directory, std::unique_ptr<Ledger> ledger);
  static Opened<std::unique_ptr<Engine>> open_sqlite(Options options);
  static Opened<std::unique_ptr<Engine>> open_postgres(const Options& options);
  Opened<void> start();
  Opened<void> start(Ledger& ledger, Work work, const char* name);
  void run(Ledger& ledger, Work work);
  bool serve_one_round(Ledger& ledger, Work work);
  void serve(Ledger& ledger, std::vector<Read> reads, Commits commits);
  void wake();
  void saw(Revision revision);
  bool admit(std::size_t bytes) const;

  std::shared_ptr<const DataDirectory> directory_;  // its lock is held until all else is gone
  std::unique_ptr<Ledger> ledger_;                  // each is touched by its thread only
  std::unique_ptr<Ledger> reader_;                  // null: the other one reads too; ends before it
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

  std::vector<std::thread> threads_;
  std::unique_ptr<PostgresWatch> watch_;  // null: nobody else writes here
};

}  // namespace weir::store
