// SqliteLedger: the Ledger on an SQLite file: entries, the history of their changes, the revision. Every call
// blocks on the disk. A file has one ledger that writes, and may have another beside it that reads what is
// committed, on a thread of its own: the write-ahead log lets neither wait for the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "store/ledger.h"
#include "store/sqlite.h"

namespace weir::store {

inline constexpr std::string_view kStoreFileName = "store.db";  // in the data directory

class SqliteLedger final : public Ledger {
 public:
  // A file that exists (an empty one becomes a store), or ":memory:". Checks the file, and brings an older
  // layout up to date.
  // Engine::check()
  static Opened<void> check(const std::string& path);
  static Opened<std::unique_ptr<SqliteLedger>> open(const std::string& path, const LedgerLimits& limits = {});
  // On a file that another ledger has open: reads alone, each as of one moment. Ends before the other one.
  static Opened<std::unique_ptr<SqliteLedger>> open_reader(const std::string& path);

  Revision revision() const override { return state_.revision; }
  Result<Entry> get(std::string_view key) override;
  Result<Page> list(std::string_view prefix, std::string_view after_key, std::size_t limit) override;
  Result<Changes> changes(Revision after, std::size_t limit) override;
  Result<Past> before(Revision revision) override;
  std::vector<Committed> commit(std::span<const Transaction> group) override;
  Result<Revision> earliest() override;
  Result<void> fill(const NextPart& next, Revision revision, Revision earliest) override;

 private:
  struct Statements {
    Statement get, list, changes, before, state, find, touched, put, remove, record, oldest, forget, save;
  };

  explicit SqliteLedger(const LedgerLimits& limits) : limits_(limits) {}
  static OpenFailure failure(const SqliteLedger& ledger, const std::string& path, const Error& error);
  Result<void> prepare();
  Result<void> load();
  Result<void> load_history();
  // What the state says and what `read` finds are of the same moment, whoever writes meanwhile.
  template <class Read>
  std::invoke_result_t<Read> at_one_moment(const Read& read);
  Result<Page> read_page(const KeyRange& range, std::size_t limit);
  Result<Changes> read_changes(Revision after, std::size_t limit);
  Result<Past> read_before(Revision revision);
  Result<void> fill_parts(const NextPart& next);
  Result<std::vector<Committed>> commit_together(std::span<const Transaction> group);
  Result<std::vector<Committed>> write_group(std::span<const Transaction> group);
  Result<Committed> apply(const Transaction& transaction);
  // None: the step holds. `current` is what its key has now.
  Result<std::optional<Error>> check(const Step& step, Current& current);
  Result<void> write(const Step& step, const Current& current, std::size_t position);
  Result<Current> find(std::string_view key);
  Result<void> compact();

  LedgerLimits limits_;
  bool is_reader_ = false;  // another ledger writes
  Connection connection_;   // outlives the statements
  Statements statements_;
  LedgerState state_;  // of a reader: what it saw last
};

}  // namespace weir::store
