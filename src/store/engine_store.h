// EngineStore: a Store on one loop, over the Engine that all loops share. Lives on the core of its loop, and
// must outlive every task that waits in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "store/engine.h"
#include "store/store.h"

namespace weir::store {

class EngineStore final : public Store {
 public:
  EngineStore(Engine& engine, net::Loop& loop);
  EngineStore(const EngineStore&) = delete;
  EngineStore& operator=(const EngineStore&) = delete;
  ~EngineStore() override;

  net::Task<Result<Entry>> get(std::string key) override;
  net::Task<Result<Page>> list(std::string prefix, std::string after_key, std::size_t limit) override;
  net::Task<Committed> commit(Transaction transaction) override;
  net::Task<Result<Changes>> changes(Revision after, std::size_t limit) override;
  net::Task<Result<Past>> before(Revision revision) override;
  net::Task<Result<Revision>> wait_past(Revision after, Duration timeout) override;
  bool leads() const override { return engine_.leads(); }

 private:
  class Waiter;
  // What posted work finds its store by; null when that is gone. Read and written on the loop only.
  struct Slot {
    EngineStore* store;
  };

  void saw(Revision revision);
  void add(Waiter& waiter);
  void remove(Waiter& waiter);

  Engine& engine_;
  net::Loop& loop_;
  std::shared_ptr<Slot> slot_;
  std::uint64_t following_ = 0;
  Revision seen_ = 0;  // by this loop
  std::vector<Waiter*> waiters_;
};

}  // namespace weir::store
