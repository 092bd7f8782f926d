// Ledger: the store's rules on the tables of one database, without threads: every call blocks. A seam: SQLite
// and PostgreSQL stand behind it. Owned by an Engine and used by one thread at a time. What follows the class
// are the rules that every ledger shares; they look at no table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace weir::store {

struct LedgerLimits {
  std::size_t history_changes_max = kHistoryChangesMax;
  std::size_t history_bytes_max = kHistoryBytesMax;
  std::size_t file_pages_max = 0;  // of SQLite, 4 KiB each; 0: as many as the disk has
  // Of PostgreSQL: for how long it is tried to find out about a commit whose answer was lost. Then it is not
  // known.
  Duration settle_timeout = std::chrono::seconds(20);
};

// A change, and what the history knows beside it.
struct Record {
  Change change;
  std::size_t position = 0;  // within its revision
  std::optional<std::string> former_value;
  Revision former_revision = 0;  // 0: there was no such entry
};

// Of a store that is copied.
struct Part {
  std::vector<Entry> entries;
  std::vector<Record> records;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  virtual Revision revision() const = 0;  // the newest that it has seen
  // As Store's methods of these names.
  virtual Result<Entry> get(std::string_view key) = 0;
  virtual Result<Page> list(std::string_view prefix, std::string_view after_key, std::size_t limit) = 0;
  virtual Result<Changes> changes(Revision after, std::size_t limit) = 0;
  virtual Result<Past> before(Revision revision) = 0;
  // Each transaction gets its own answer and revision, in order; together they cost one sync of the disk. All
  // that was answered with a revision is durable.
  virtual std::vector<Committed> commit(std::span<const Transaction> group) = 0;

  // The earliest revision that changes() and before() can be asked about.
  virtual Result<Revision> earliest() = 0;
  // Makes a store that was never written to what the parts say, as one transaction: takes them until there is
  // none. kExists: it was written to. The first failure of `next` is its own.
  using NextPart = std::function<Result<std::optional<Part>>()>;
  virtual Result<void> fill(const NextPart& next, Revision revision, Revision earliest) = 0;
};

// The row of the table `state`.
struct LedgerState {
  Revision revision = 0;
  Revision compacted = 0;  // changes up to here may be gone
  std::size_t history_changes = 0;
  std::size_t history_bytes = 0;
};

// What a key has now.
struct Current {
  Revision revision = 0;  // 0: no such entry
  Revision created = 0;
  std::size_t value_bytes = 0;
};

// Keys from `from` on and before `to`.
struct KeyRange {
  std::string from;
  std::string to;
};
KeyRange range_of(std::string_view prefix);
// Of a list; kInvalid when no key is like that.
Result<KeyRange> range_of(std::string_view prefix, std::string_view after_key);
std::size_t page_limit(std::size_t wanted);

bool writes(const Step& step);
// What can be refused without looking at the store.
std::optional<Refused> shape_refusal(const Transaction& transaction);
// None: the step holds against what its key has now. Not for kUnchanged.
std::optional<Error> step_refusal(const Step& step, const Current& current);
// None: it can be told what changed since then.
std::optional<Error> reach_refusal(const LedgerState& state, Revision since);  // kGone
// kUnchanged does not hold.
Error changed_refusal(bool known);

// What a change weighs in the history: key, value and former value.
std::size_t history_bytes(std::size_t key, std::size_t value, std::size_t former_value);
// History is cut back when it is over its limit by a part of it, so that the cutting is done in batches.
bool is_time_to_cut(const LedgerState& state, const LedgerLimits& limits);

}  // namespace weir::store
