// Store: what weir remembers, as revisioned keys with values. A seam: SQLite or PostgreSQL stand behind it.
// Every change of the store gets the next Revision; what was answered with one is durable. A Store belongs to
// one loop and is used on its core only; several Stores (one per loop) can share a database. It knows nothing
// of kinds or JSON, never interprets a value, and never logs one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "net/task.h"

namespace weir::store {

// A point in the life of the whole store: strictly increasing, one per committed transaction. 0: before the
// first change. Fits a signed 64-bit integer.
using Revision = std::uint64_t;

// --- bounds
// Keys are of printable ASCII without spaces ("services/web"): they sort bytewise, and a prefix is a range.
inline constexpr std::size_t kKeyBytesMax = 512;  // two resource names of 253 and their separators
// An object of 1 MiB, before and after, quoted in its audit row.
inline constexpr std::size_t kValueBytesMax = std::size_t{8} << 20U;
inline constexpr std::size_t kTransactionStepsMax = 32'768;  // 10,000 objects, an audit row and a check each
inline constexpr std::size_t kTransactionBytesMax = std::size_t{64} << 20U;  // keys and values
inline constexpr std::size_t kPageEntriesMax = 10'000;                       // of one list or changes
inline constexpr std::size_t kPageBytesMax = std::size_t{16} << 20U;         // then a page ends early
// Changes that are kept so that a watcher can resume; one that was away for longer lists again.
inline constexpr std::size_t kHistoryChangesMax = 10'000;
inline constexpr std::size_t kHistoryBytesMax = std::size_t{64} << 20U;
// A disk that stalls for longer is an error to whoever waits; then it is not known whether a commit happened.
inline constexpr Duration kAnswerTimeout = std::chrono::seconds(30);

struct Entry {
  std::string key;
  std::string value;      // any bytes
  Revision revision = 0;  // of its last change
  Revision created = 0;   // since when it exists without a gap
  friend bool operator==(const Entry&, const Entry&) = default;
};

// Some entries in the order of their keys, all as of one revision. To read more, ask with the last key. Pages
// read one after the other may be of different revisions; who then asks for the changes since the first
// page's revision has missed nothing.
struct Page {
  std::vector<Entry> entries;
  Revision revision = 0;
  bool more = false;
};

struct Change {
  std::string key;
  std::optional<std::string> value;  // none: deleted
  Revision revision = 0;
  Revision created = 0;  // as in Entry; of a deletion: of the entry that was
  friend bool operator==(const Change&, const Change&) = default;
};

// Changes in the order in which they happened; a transaction is in it as a whole or not at all. The next ones
// are those after `revision`.
struct Changes {
  std::vector<Change> changes;
  Revision revision = 0;
  bool more = false;
};

// What a key had at an earlier revision.
struct Former {
  std::string key;
  std::optional<std::string> value;  // none: there was no such entry
  Revision revision = 0;
  Revision created = 0;
  friend bool operator==(const Former&, const Former&) = default;
};

// The store as it was, as far as it differs: every key that was written since then, in the order of the keys.
struct Past {
  std::vector<Former> entries;
  Revision revision = 0;  // the store's now: up to there it is told what was written
};

// One step of a Transaction.
struct Step {
  enum class Kind : std::uint8_t {
    kPut,        // write the value
    kDelete,     // the key must exist
    kCheck,      // write nothing, but hold the key to what is expected
    kUnchanged,  // write nothing; no key that starts with `key` has changed after the expected revision
  };
  Kind kind = Kind::kPut;
  std::string key;
  std::string value;
  // The revision that the entry must have: none = any, 0 = it must not exist.
  std::optional<Revision> expected;
};

// Steps that are done together, under one new revision, or not at all. At least one writes, and no key is
// written twice. All that is expected is held against the store as it is before the first step.
struct Transaction {
  std::vector<Step> steps;

  void put(std::string key, std::string value, std::optional<Revision> expected = {}) {
    steps.push_back({Step::Kind::kPut, std::move(key), std::move(value), expected});
  }
  void remove(std::string key, std::optional<Revision> expected = {}) {
    steps.push_back({Step::Kind::kDelete, std::move(key), {}, expected});
  }
  void check(std::string key, Revision expected) {
    steps.push_back({Step::Kind::kCheck, std::move(key), {}, expected});
  }
  void unchanged(std::string prefix, Revision since) {
    steps.push_back({Step::Kind::kUnchanged, std::move(prefix), {}, since});
  }
  std::size_t bytes() const {
    std::size_t total = 0;
    for (const Step& step : steps) total += step.key.size() + step.value.size();
    return total;
  }
};

// Why nothing of a transaction was done. kNotFound: no such key; kExists: it must not exist, and does;
// kConflict: it has another revision; kInvalid: the step makes no sense. Others: the database's; with
// kTimedOut it is not known whether the transaction was done, and Retry::kSafe says that it was not and may
// be tried again.
struct Refused {
  Error error;
  std::size_t step = 0;  // which one; their number, when it was no single step
  friend bool operator==(const Refused&, const Refused&) = default;
};
using Committed = std::expected<Revision, Refused>;

// All tasks end with kOverloaded when too much waits for the database already, with kConnectFailed while it
// is out of reach, and with kTimedOut after kAnswerTimeout. A commit whose task is cancelled or times out may
// still be done.
class Store {
 public:
  virtual ~Store() = default;

  virtual net::Task<Result<Entry>> get(std::string key) = 0;  // kNotFound
  // Keys that start with `prefix` (empty: all) and come after `after_key` (empty: from the first).
  virtual net::Task<Result<Page>> list(std::string prefix, std::string after_key, std::size_t limit) = 0;
  virtual net::Task<Committed> commit(Transaction transaction) = 0;
  // What happened after a revision. `limit` is exceeded only to finish a transaction. kGone: the history does
  // not reach back that far (or the revision is from another store): list again.
  virtual net::Task<Result<Changes>> changes(Revision after, std::size_t limit) = 0;
  // What was at that revision, of every key that was written after it. kGone as for changes().
  virtual net::Task<Result<Past>> before(Revision revision) = 0;
  // Until the store has a revision newer than `after`, which is the result. kTimedOut, kCancelled.
  virtual net::Task<Result<Revision>> wait_past(Revision after, Duration timeout) = 0;

  // Whether this process is the one, of all that share the database, that does what only one should: a
  // reconciler asks before each step. Cheap. When the way to the database breaks, two may believe it of
  // themselves for some seconds, so what is written must be right then too, by expected revisions.
  virtual bool leads() const = 0;
};

// A database that cannot be opened: the code for programs, a sentence for people.
struct OpenFailure {
  Error error;
  std::string sentence;
};
template <class T>
using Opened = std::expected<T, OpenFailure>;

}  // namespace weir::store
