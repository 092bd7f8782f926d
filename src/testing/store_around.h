// StoreAround: another store, as it is, that may lead or not. What a test wants otherwise it overrides.
#pragma once

#include <string>
#include <utility>

#include "store/store.h"

namespace weir::testing {

class StoreAround : public store::Store {
 public:
  explicit StoreAround(store::Store& store) : store_(store) {}
  net::Task<Result<store::Entry>> get(std::string key) override { return store_.get(std::move(key)); }
  net::Task<Result<store::Page>> list(std::string prefix, std::string after, std::size_t limit) override {
    return store_.list(std::move(prefix), std::move(after), limit);
  }
  net::Task<store::Committed> commit(store::Transaction transaction) override {
    return store_.commit(std::move(transaction));
  }
  net::Task<Result<store::Changes>> changes(store::Revision after, std::size_t limit) override {
    return store_.changes(after, limit);
  }
  net::Task<Result<store::Past>> before(store::Revision revision) override { return store_.before(revision); }
  net::Task<Result<store::Revision>> wait_past(store::Revision after, Duration timeout) override {
    return store_.wait_past(after, timeout);
  }
  bool leads() const override { return is_leader; }

  bool is_leader = true;

 protected:
  store::Store& store_;
};

}  // namespace weir::testing
