// Ledger: the store's rules on its tables, without threads or waiting: entries, the history of their changes,
// the revision. Owned by an Engine and used by one thread at a time; every call blocks on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace weir::store {

struct LedgerLimits {
  std::size_t history_changes_max = kHistoryChangesMax;
  std::size_t history_bytes_max = kHistoryBytesMax;
  std::size_t file_pages_max = 0;  // of 4 KiB; 0: as many as the disk has
};

class Ledger {
 public:
  // A file that exists (an empty one becomes a store), or ":memory:". Checks the file, and brings an older
  // layout up to date.
  static Opened<std::unique_ptr<Ledger>> open(const std::string& path, const LedgerLimits& limits = {});

  Revision revision() const { return state_.revision; }
  // As Store's methods of these names.
  Result<Entry> get(std::string_view key);
  Result<Page> list(std::string_view prefix, std::string_view after_key, std::size_t limit);
  Result<Changes> changes(Revision after, std::size_t limit);
  // Each transaction gets its own answer and revision, in order; together they cost one sync of the disk. All
  // that was answered with a revision is durable.
  std::vector<Committed> commit(std::span<const Transaction> group);

 private:
  struct State {
    Revision revision = 0;
    Revision compacted = 0;  // changes up to here may be gone
    std::size_t history_changes = 0;
    std::size_t history_bytes = 0;
  };
  struct Current {
    Revision revision = 0;  // 0: no such entry
    Revision created = 0;
  };
  struct Statements {
    Statement get, list, changes, find, touched, put, remove, record, oldest, forget, save;
  };

  explicit Ledger(const LedgerLimits& limits) : limits_(limits) {}
  Result<void> prepare();
  Result<void> load();
  Result<std::vector<Committed>> commit_together(std::span<const Transaction> group);
  Result<std::vector<Committed>> write_group(std::span<const Transaction> group);
  Result<Committed> apply(const Transaction& transaction);
  // None: the step holds. `current` is what its key has now.
  Result<std::optional<Error>> check(const Step& step, Current& current);
  Result<void> write(const Step& step, const Current& current, std::size_t position);
  Result<Current> find(std::string_view key);
  Result<void> compact();

  LedgerLimits limits_;
  Connection connection_;  // outlives the statements
  Statements statements_;
  State state_;
};

}  // namespace weir::store
