// DistantStore: a database as one of the controllers that share it has it, with what can become of the way
// there: it breaks, notifications are lost, the answer to a commit is. On the core of its loop.
#pragma once

#include <functional>
#include <string>

#include "net/loop.h"
#include "store/engine_store.h"
#include "store/postgres_watch.h"
#include "store/store.h"

namespace weir::sim {

struct StoreFaults {
  bool unreachable = false;
  bool deaf = false;           // notifications are lost
  bool loses_answers = false;  // of commits, which are done
};

class DistantStore final : public store::Store {
 public:
  // What looks for a lost notification does so as often as with PostgreSQL.
  static constexpr Duration kLook = store::PostgresWatch::kPause;
  // Then whoever commits does not know.
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(3);

  // faults, leads: may change at any time; outlive it.
  DistantStore(store::Engine& engine, net::Loop& loop, const StoreFaults& faults, std::function<bool()> leads)
      : near_(engine, loop), loop_(loop), faults_(faults), leads_(std::move(leads)) {}

  net::Task<Result<store::Entry>> get(std::string key) override;
  net::Task<Result<store::Page>> list(std::string prefix, std::string after_key, std::size_t limit) override;
  net::Task<store::Committed> commit(store::Transaction transaction) override;
  net::Task<Result<store::Changes>> changes(store::Revision after, std::size_t limit) override;
  net::Task<Result<store::Past>> before(store::Revision revision) override;
  net::Task<Result<store::Revision>> wait_past(store::Revision after, Duration timeout) override;
  bool leads() const override { return !faults_.unreachable && leads_(); }

 private:
  store::EngineStore near_;
  net::Loop& loop_;
  const StoreFaults& faults_;
  std::function<bool()> leads_;
};

}  // namespace weir::sim
