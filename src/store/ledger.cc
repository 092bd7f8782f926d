#include "store/ledger.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "store/layout.h"

namespace weir::store {
namespace {

constexpr std::size_t kChangeOverheadBytes = 64;  // of a row in the history, beside its key and value
// History is cut back when it is over its limit by this part of it, so that the cutting is done in batches.
constexpr std::size_t kHistorySlackDivisor = 8;

constexpr char kKeyFirst = '!';  // the printable ASCII without the space
constexpr char kKeyLast = '~';
constexpr char kAfterKeys = '\x7f';  // sorts after all that can follow a prefix

bool is_key_text(std::string_view text) {
  return text.size() <= kKeyBytesMax &&
         std::ranges::all_of(text, [](char c) { return c >= kKeyFirst && c <= kKeyLast; });
}

std::optional<Error> shape_error(const Step& step) {
  const auto invalid = [](const char* text) {
    return Error{Code::kInvalid, Side::kInternal, Retry::kNever, 0, text};
  };
  if (!is_key_text(step.key))
    return invalid("a key is at most 512 printable ASCII characters without spaces");
  if (step.key.empty() && step.kind != Step::Kind::kUnchanged) return invalid("an empty key");
  if (step.value.size() > kValueBytesMax) return invalid("a value is over its limit");
  if (step.kind == Step::Kind::kDelete && step.expected == 0)
    return invalid("a delete of what must not exist");
  const bool holds_only = step.kind == Step::Kind::kCheck || step.kind == Step::Kind::kUnchanged;
  if (holds_only && !step.expected) return invalid("a check that expects nothing");
  return {};
}

bool writes(const Step& step) { return step.kind == Step::Kind::kPut || step.kind == Step::Kind::kDelete; }

// What can be refused without looking at the store.
std::optional<Refused> shape_refusal(const Transaction& transaction) {
  const std::size_t none = transaction.steps.size();
  const auto invalid = [none](const char* text) {
    return Refused{{Code::kInvalid, Side::kInternal, Retry::kNever, 0, text}, none};
  };
  if (none > kTransactionStepsMax) return invalid("a transaction of too many steps");
  if (transaction.bytes() > kTransactionBytesMax) return invalid("a transaction of too many bytes");
  std::unordered_set<std::string_view> written;
  for (std::size_t i = 0; i < none; ++i) {
    const Step& step = transaction.steps[i];
    if (const auto error = shape_error(step)) return Refused{*error, i};
    if (writes(step) && !written.insert(step.key).second) {
      return Refused{{Code::kInvalid, Side::kInternal, Retry::kNever, 0, "a key is written twice"}, i};
    }
  }
  if (written.empty()) return invalid("a transaction that writes nothing");
  return {};
}

std::size_t history_bytes(std::size_t key, std::size_t value) { return kChangeOverheadBytes + key + value; }

std::optional<Error> refusal(Code code, const char* text) {
  return Error{code, Side::kInternal, Retry::kNever, 0, text};
}

}  // namespace

Opened<std::unique_ptr<Ledger>> Ledger::open(const std::string& path, const LedgerLimits& limits) {
  std::unique_ptr<Ledger> ledger(new Ledger(limits));
  const auto refuse = [&](const Error& error) {
    return std::unexpected(
        OpenFailure{error, "cannot open the store " + path + ": " + ledger->connection_.message()});
  };
  if (const auto opened = ledger->connection_.open(path); !opened) return refuse(opened.error());
  if (limits.file_pages_max > 0) {
    const std::string pragma = "PRAGMA max_page_count = " + std::to_string(limits.file_pages_max);
    if (const auto set = ledger->connection_.execute(pragma.c_str()); !set) return refuse(set.error());
  }
  if (auto ready = make_ready(ledger->connection_, path); !ready) return std::unexpected(ready.error());
  if (const auto prepared = ledger->prepare(); !prepared) return refuse(prepared.error());
  if (const auto loaded = ledger->load(); !loaded) return refuse(loaded.error());
  return ledger;
}

Result<void> Ledger::prepare() {
  struct Line {
    Statement Statements::* statement;
    const char* sql;
  };
  static constexpr std::array kLines{
      Line{&Statements::get, "SELECT value, revision, created FROM entries WHERE key = ?1"},
      Line{&Statements::list,
           "SELECT key, value, revision, created FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key"},
      Line{&Statements::changes,
           "SELECT key, value, revision, created FROM changes WHERE revision > ?1 ORDER BY revision, "
           "position"},
      Line{&Statements::find, "SELECT revision, created FROM entries WHERE key = ?1"},
      Line{&Statements::touched,
           "SELECT 1 FROM changes WHERE revision > ?1 AND key >= ?2 AND key < ?3 LIMIT 1"},
      Line{&Statements::put,
           "INSERT INTO entries (key, value, revision, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO"
           " UPDATE SET value = excluded.value, revision = excluded.revision, created = excluded.created"},
      Line{&Statements::remove, "DELETE FROM entries WHERE key = ?1"},
      Line{&Statements::record,
           "INSERT INTO changes (revision, position, key, value, created) VALUES (?1, ?2, ?3, ?4, ?5)"},
      Line{&Statements::oldest,
           "SELECT revision, length(key), length(value) FROM changes ORDER BY revision, position"},
      Line{&Statements::forget, "DELETE FROM changes WHERE revision <= ?1"},
      Line{&Statements::save, "UPDATE state SET revision = ?1, compacted = ?2"},
  };
  for (const Line& line : kLines) {
    auto statement = connection_.prepare(line.sql);
    if (!statement) return fail(statement.error());
    statements_.*line.statement = std::move(*statement);
  }
  return {};
}

Result<void> Ledger::load() {
  auto state = connection_.prepare("SELECT revision, compacted FROM state");
  if (!state) return fail(state.error());
  Rows rows = state->run();
  const auto row = rows.next();
  if (!row) return fail(row.error());
  if (!*row) return fail(Code::kIo, "the store's state is gone");
  state_.revision = rows.integer(0);
  state_.compacted = rows.integer(1);

  Rows history = statements_.oldest.run();
  for (;;) {
    const auto change = history.next();
    if (!change) return fail(change.error());
    if (!*change) return {};
    ++state_.history_changes;
    state_.history_bytes += history_bytes(history.integer(1), history.integer(2));
  }
}

Result<Entry> Ledger::get(std::string_view key) {
  Rows rows = statements_.get.run(key);
  const auto row = rows.next();
  if (!row) return fail(row.error());
  if (!*row) return fail(Code::kNotFound, "no such key");
  return Entry{std::string(key), std::string(rows.bytes(0)), rows.integer(1), rows.integer(2)};
}

Result<Page> Ledger::list(std::string_view prefix, std::string_view after_key, std::size_t limit) {
  if (!is_key_text(prefix) || !is_key_text(after_key)) return fail(Code::kInvalid, "no key is like that");
  limit = std::clamp(limit, std::size_t{1}, kPageEntriesMax);
  std::string from(prefix);
  // The least key that sorts after another one is that one with the first of all characters behind it.
  if (!after_key.empty()) from = std::max(from, std::string(after_key) + kKeyFirst);
  const std::string to = std::string(prefix) + kAfterKeys;

  Page page;
  page.revision = state_.revision;
  std::size_t bytes = 0;
  Rows rows = statements_.list.run(from, to);
  for (;;) {
    const auto row = rows.next();
    if (!row) return fail(row.error());
    if (!*row) return page;
    const std::string_view value = rows.bytes(1);
    bytes += value.size();
    if (page.entries.size() == limit || (bytes > kPageBytesMax && !page.entries.empty())) {
      page.more = true;
      return page;
    }
    page.entries.push_back(
        {std::string(rows.bytes(0)), std::string(value), rows.integer(2), rows.integer(3)});
  }
}

Result<Changes> Ledger::changes(Revision after, std::size_t limit) {
  if (after < state_.compacted) return fail(Code::kGone, "changes since that revision are no longer kept");
  if (after > state_.revision) return fail(Code::kGone, "the store never had that revision");
  limit = std::clamp(limit, std::size_t{1}, kPageEntriesMax);

  Changes found;
  std::size_t bytes = 0;
  Rows rows = statements_.changes.run(after);
  for (;;) {
    const auto row = rows.next();
    if (!row) return fail(row.error());
    if (!*row) break;
    const Revision revision = rows.integer(2);
    const bool enough = found.changes.size() >= limit || bytes >= kPageBytesMax;
    if (enough && revision != found.changes.back().revision) {
      found.revision = found.changes.back().revision;
      found.more = true;
      return found;
    }
    std::optional<std::string> value;
    if (!rows.is_null(1)) value = rows.bytes(1);
    bytes += rows.bytes(1).size();
    found.changes.push_back({std::string(rows.bytes(0)), std::move(value), revision, rows.integer(3)});
  }
  found.revision = state_.revision;
  return found;
}

// A group that the database refuses as a whole (no room, a failed sync) is tried again one by one, so that a
// transaction fails only by itself. This needs no savepoints: all that a single transaction can be refused
// for is found before its first write.
std::vector<Committed> Ledger::commit(std::span<const Transaction> group) {
  if (auto together = commit_together(group)) return std::move(*together);
  std::vector<Committed> results;
  results.reserve(group.size());
  for (const Transaction& transaction : group) {
    auto alone = commit_together({&transaction, 1});
    results.push_back(alone ? alone->front()
                            : Committed(std::unexpect, alone.error(), transaction.steps.size()));
  }
  return results;
}

Result<std::vector<Committed>> Ledger::commit_together(std::span<const Transaction> group) {
  const State before = state_;
  auto results = write_group(group);
  if (!results) {
    state_ = before;
    connection_.roll_back();
  }
  return results;
}

Result<std::vector<Committed>> Ledger::write_group(std::span<const Transaction> group) {
  const Revision before = state_.revision;
  if (const auto begun = connection_.execute("BEGIN IMMEDIATE"); !begun) return fail(begun.error());
  std::vector<Committed> results;
  results.reserve(group.size());
  for (const Transaction& transaction : group) {
    auto result = apply(transaction);
    if (!result) return fail(result.error());
    results.push_back(std::move(*result));
  }
  if (state_.revision != before) {
    if (const auto compacted = compact(); !compacted) return fail(compacted.error());
    if (const auto saved = statements_.save.execute(state_.revision, state_.compacted); !saved) {
      return fail(saved.error());
    }
  }
  if (const auto committed = connection_.execute("COMMIT"); !committed) return fail(committed.error());
  return results;
}

Result<Committed> Ledger::apply(const Transaction& transaction) {
  if (const auto refused = shape_refusal(transaction)) return Committed(std::unexpected(*refused));
  std::vector<Current> current(transaction.steps.size());
  for (std::size_t i = 0; i < current.size(); ++i) {
    const auto refused = check(transaction.steps[i], current[i]);
    if (!refused) return fail(refused.error());
    if (*refused) return Committed(std::unexpect, **refused, i);
  }
  ++state_.revision;
  for (std::size_t i = 0; i < current.size(); ++i) {
    if (!writes(transaction.steps[i])) continue;
    if (const auto written = write(transaction.steps[i], current[i], i); !written) {
      return fail(written.error());
    }
  }
  return Committed(state_.revision);
}

Result<Ledger::Current> Ledger::find(std::string_view key) {
  Rows rows = statements_.find.run(key);
  const auto row = rows.next();
  if (!row) return fail(row.error());
  return *row ? Current{rows.integer(0), rows.integer(1)} : Current{};
}

Result<std::optional<Error>> Ledger::check(const Step& step, Current& current) {
  if (step.kind == Step::Kind::kUnchanged) {
    const Revision since = *step.expected;
    if (since < state_.compacted || since > state_.revision) {
      return refusal(Code::kConflict, "it cannot be told what changed since that revision");
    }
    const std::string to = step.key + kAfterKeys;
    Rows rows = statements_.touched.run(since, step.key, to);
    const auto touched = rows.next();
    if (!touched) return fail(touched.error());
    if (*touched) return refusal(Code::kConflict, "something changed since the expected revision");
    return std::optional<Error>();
  }
  const auto found = find(step.key);
  if (!found) return fail(found.error());
  current = *found;
  const bool exists = current.revision != 0;
  if (step.expected == 0 && exists) return refusal(Code::kExists, "the key exists");
  const bool must_exist = step.expected.value_or(0) != 0 || step.kind == Step::Kind::kDelete;
  if (must_exist && !exists) return refusal(Code::kNotFound, "no such key");
  if (step.expected && *step.expected != current.revision) {
    return refusal(Code::kConflict, "the expected revision is not the current one");
  }
  return std::optional<Error>();
}

Result<void> Ledger::write(const Step& step, const Current& current, std::size_t position) {
  const bool put = step.kind == Step::Kind::kPut;
  const Revision created = current.revision != 0 ? current.created : state_.revision;
  const Blob value{step.value};
  auto done = put ? statements_.put.execute(step.key, value, state_.revision, created)
                  : statements_.remove.execute(step.key);
  if (!done) return done;
  done = put ? statements_.record.execute(state_.revision, position, step.key, value, created)
             : statements_.record.execute(state_.revision, position, step.key, nullptr, created);
  if (!done) return done;
  ++state_.history_changes;
  state_.history_bytes += history_bytes(step.key.size(), put ? step.value.size() : 0);
  return {};
}

// Forgets whole revisions from the oldest on; never the newest one.
Result<void> Ledger::compact() {
  const std::size_t changes_max = limits_.history_changes_max;
  const std::size_t bytes_max = limits_.history_bytes_max;
  if (state_.history_changes <= changes_max + changes_max / kHistorySlackDivisor &&
      state_.history_bytes <= bytes_max + bytes_max / kHistorySlackDivisor) {
    return {};
  }
  {
    Rows rows = statements_.oldest.run();
    for (;;) {
      const auto row = rows.next();
      if (!row) return fail(row.error());
      if (!*row) break;
      const Revision revision = rows.integer(0);
      const bool over = state_.history_changes > changes_max || state_.history_bytes > bytes_max;
      if (revision == state_.revision || (revision != state_.compacted && !over)) break;
      state_.compacted = revision;
      --state_.history_changes;
      state_.history_bytes -= history_bytes(rows.integer(1), rows.integer(2));
    }
  }
  return statements_.forget.execute(state_.compacted);
}

}  // namespace weir::store
