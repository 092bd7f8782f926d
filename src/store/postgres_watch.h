// PostgresWatch: sees what other controllers do to a shared database: new revisions, by its notifications
// and, in case one is lost, by looking now and then; and whether this process leads, which is the one that
// has the database's advisory lock. A session and a thread of its own. Owned by an Engine.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "net/epoll.h"
#include "store/postgres.h"
#include "store/store.h"

namespace weir::store {

class PostgresWatch {
 public:
  // Between two looks without a notification. A leader that is gone is followed after as long.
  static constexpr Duration kPause = std::chrono::seconds(2);
  // A leader that hears nothing from the database for so long leads no more. Shorter than what the server
  // takes to notice that a client is gone.
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(3);

  // newest: which revision this process has seen. saw: there is another one; on the thread of the watch.
  struct Sinks {
    std::function<Revision()> newest;
    std::function<void(Revision)> saw;
  };
  static Opened<std::unique_ptr<PostgresWatch>> start(PostgresAddress address, Sinks sinks);
  PostgresWatch(const PostgresWatch&) = delete;
  PostgresWatch& operator=(const PostgresWatch&) = delete;
  ~PostgresWatch();

  bool leads() const { return leads_.load(std::memory_order_acquire); }

 private:
  PostgresWatch(PostgresAddress address, Sinks sinks, net::Descriptor end)
      : address_(std::move(address)), sinks_(std::move(sinks)), end_(std::move(end)) {}
  void run();
  bool is_ending(Duration wait) const;
  void follow(PostgresSession& session);
  Result<void> look(PostgresSession& session);

  PostgresAddress address_;
  Sinks sinks_;
  net::Descriptor end_;  // readable: the thread is to end
  std::atomic<bool> leads_ = false;
  std::thread thread_;
};

}  // namespace weir::store
