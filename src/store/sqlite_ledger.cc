#include "store/sqlite_ledger.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "store/sqlite_layout.h"

namespace weir::store {

Opened<void> SqliteLedger::check(const std::string& path) {
  Connection connection;
  if (const auto opened = connection.open(path); !opened) {
    return std::unexpected(
        OpenFailure{opened.error(), "cannot open the store " + path + ": " + connection.message()});
  }
  return check_layout(connection, path);
}

Opened<std::unique_ptr<SqliteLedger>> SqliteLedger::open(const std::string& path,
                                                         const LedgerLimits& limits) {
  std::unique_ptr<SqliteLedger> ledger(new SqliteLedger(limits));
  const auto refuse = [&](const Error& error) { return std::unexpected(failure(*ledger, path, error)); };
  if (const auto opened = ledger->connection_.open(path); !opened) return refuse(opened.error());
  if (limits.file_pages_max > 0) {
    const std::string pragma = "PRAGMA max_page_count = " + std::to_string(limits.file_pages_max);
    if (const auto set = ledger->connection_.execute(pragma.c_str()); !set) return refuse(set.error());
  }
  if (auto ready = make_ready(ledger->connection_, path); !ready) return std::unexpected(ready.error());
  if (const auto prepared = ledger->prepare(); !prepared) return refuse(prepared.error());
  auto loaded = ledger->load();
  if (loaded) loaded = ledger->load_history();
  if (!loaded) return refuse(loaded.error());
  return ledger;
}

Opened<std::unique_ptr<SqliteLedger>> SqliteLedger::open_reader(const std::string& path) {
  std::unique_ptr<SqliteLedger> ledger(new SqliteLedger({}));
  ledger->is_reader_ = true;
  auto ready = ledger->connection_.open(path);
  if (ready) ready = make_ready_to_read(ledger->connection_);
  if (ready) ready = ledger->prepare();
  if (ready) ready = ledger->load();
  if (!ready) return std::unexpected(failure(*ledger, path, ready.error()));
  return ledger;
}

OpenFailure SqliteLedger::failure(const SqliteLedger& ledger, const std::string& path, const Error& error) {
  return {error, "cannot open the store " + path + ": " + ledger.connection_.message()};
}

Result<void> SqliteLedger::prepare() {
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
      // Beside min(), the other columns are of the row that it is found in (SQLite, "Bare columns").
      Line{
          &Statements::before,
          "SELECT key, former_value, former_revision, created, min(revision) FROM changes WHERE revision > ?1"
          " GROUP BY key ORDER BY key"},
      Line{&Statements::state, "SELECT revision, compacted FROM state"},
      Line{&Statements::find, "SELECT revision, created, length(value) FROM entries WHERE key = ?1"},
      Line{&Statements::touched,
           "SELECT 1 FROM changes WHERE revision > ?1 AND key >= ?2 AND key < ?3 LIMIT 1"},
      Line{&Statements::put,
           "INSERT INTO entries (key, value, revision, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO"
           " UPDATE SET value = excluded.value, revision = excluded.revision, created = excluded.created"},
      Line{&Statements::remove, "DELETE FROM entries WHERE key = ?1"},
      Line{&Statements::record,
           "INSERT INTO changes (revision, position, key, value, created, former_value, former_revision) "
           "VALUES"
           " (?1, ?2, ?3, ?4, ?5, (SELECT value FROM entries WHERE key = ?3), ?6)"},
      Line{&Statements::oldest,
           "SELECT revision, length(key), length(value), length(former_value) FROM changes ORDER BY revision,"
           " position"},
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

Result<void> SqliteLedger::load() {
  Rows rows = statements_.state.run();
  const auto row = rows.next();
  if (!row) return fail(row.error());
  if (!*row) return fail(Code::kIo, "the store's state is gone");
  state_.revision = rows.integer(0);
  state_.compacted = rows.integer(1);
  return {};
}

Result<void> SqliteLedger::load_history() {
  Rows history = statements_.oldest.run();
  for (;;) {
    const auto change = history.next();
    if (!change) return fail(change.error());
    if (!*change) return {};
    ++state_.history_changes;
    state_.history_bytes += history_bytes(history.integer(1), history.integer(2), history.integer(3));
  }
}

template <class Read>
std::invoke_result_t<Read> SqliteLedger::at_one_moment(const Read& read) {
  if (!is_reader_) return read();
  if (const auto begun = connection_.execute("BEGIN"); !begun) return fail(begun.error());
  const auto loaded = load();
  auto result = loaded ? read() : std::invoke_result_t<Read>(fail(loaded.error()));
  connection_.roll_back();
  return result;
}

Result<Entry> SqliteLedger::get(std::string_view key) {
  Rows rows = statements_.get.run(key);
  const auto row = rows.next();
  if (!row) return fail(row.error());
  if (!*row) return fail(Code::kNotFound, "no such key");
  return Entry{std::string(key), std::string(rows.bytes(0)), rows.integer(1), rows.integer(2)};
}

Result<Page> SqliteLedger::list(std::string_view prefix, std::string_view after_key, std::size_t limit) {
  const auto range = range_of(prefix, after_key);
  if (!range) return fail(range.error());
  return at_one_moment([&] { return read_page(*range, page_limit(limit)); });
}

Result<Page> SqliteLedger::read_page(const KeyRange& range, std::size_t limit) {
  Page page;
  page.revision = state_.revision;
  std::size_t bytes = 0;
  Rows rows = statements_.list.run(range.from, range.to);
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

Result<Changes> SqliteLedger::changes(Revision after, std::size_t limit) {
  return at_one_moment([&] { return read_changes(after, page_limit(limit)); });
}

Result<Changes> SqliteLedger::read_changes(Revision after, std::size_t limit) {
  if (const auto refused = reach_refusal(state_, after)) return fail(*refused);
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

Result<Past> SqliteLedger::before(Revision revision) {
  return at_one_moment([&] { return read_before(revision); });
}

Result<Past> SqliteLedger::read_before(Revision revision) {
  if (const auto refused = reach_refusal(state_, revision)) return fail(*refused);
  Past past;
  past.revision = state_.revision;
  Rows rows = statements_.before.run(revision);
  for (;;) {
    const auto row = rows.next();
    if (!row) return fail(row.error());
    if (!*row) return past;
    Former& former = past.entries.emplace_back();
    former.key = rows.bytes(0);
    former.revision = rows.integer(2);
    if (former.revision == 0) continue;
    former.value = rows.bytes(1);
    former.created = rows.integer(3);
  }
}

Result<Revision> SqliteLedger::earliest() {
  return at_one_moment([&] { return Result<Revision>(state_.compacted); });
}

Result<void> SqliteLedger::fill(const NextPart& next, Revision revision, Revision earliest) {
  if (state_.revision != 0) return fail(Code::kExists, "the store is not empty");
  if (const auto begun = connection_.execute("BEGIN IMMEDIATE"); !begun) return begun;
  auto done = fill_parts(next);
  if (done) done = statements_.save.execute(revision, earliest);
  if (done) done = connection_.execute("COMMIT");
  if (!done) {
    connection_.roll_back();
    return done;
  }
  done = load();
  return done ? load_history() : done;
}

Result<void> SqliteLedger::fill_parts(const NextPart& next) {
  auto record = connection_.prepare(
      "INSERT INTO changes (revision, position, key, value, created, former_value, former_revision) VALUES"
      " (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  if (!record) return fail(record.error());
  const auto blob = [](const std::optional<std::string>& value) {
    return value ? std::optional(Blob{*value}) : std::nullopt;
  };
  for (;;) {
    const auto part = next();
    if (!part) return fail(part.error());
    if (!*part) return {};
    for (const Entry& entry : (*part)->entries) {
      const auto put = statements_.put.execute(entry.key, Blob{entry.value}, entry.revision, entry.created);
      if (!put) return put;
    }
    for (const Record& one : (*part)->records) {
      const auto kept =
          record->execute(one.change.revision, one.position, one.change.key, blob(one.change.value),
                          one.change.created, blob(one.former_value), one.former_revision);
      if (!kept) return kept;
    }
  }
}

// A group that the database refuses as a whole (no room, a failed sync) is tried again one by one, so that a
// transaction fails only by itself. This needs no savepoints: all that a single transaction can be refused
// for is found before its first write.
std::vector<Committed> SqliteLedger::commit(std::span<const Transaction> group) {
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

Result<std::vector<Committed>> SqliteLedger::commit_together(std::span<const Transaction> group) {
  const LedgerState before = state_;
  auto results = write_group(group);
  if (!results) {
    state_ = before;
    connection_.roll_back();
  }
  return results;
}

Result<std::vector<Committed>> SqliteLedger::write_group(std::span<const Transaction> group) {
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

Result<Committed> SqliteLedger::apply(const Transaction& transaction) {
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

Result<Current> SqliteLedger::find(std::string_view key) {
  Rows rows = statements_.find.run(key);
  const auto row = rows.next();
  if (!row) return fail(row.error());
  return *row ? Current{rows.integer(0), rows.integer(1), rows.integer(2)} : Current{};
}

Result<std::optional<Error>> SqliteLedger::check(const Step& step, Current& current) {
  if (step.kind == Step::Kind::kUnchanged) {
    const Revision since = *step.expected;
    if (reach_refusal(state_, since)) return std::optional(changed_refusal(false));
    const KeyRange range = range_of(step.key);
    Rows rows = statements_.touched.run(since, range.from, range.to);
    const auto touched = rows.next();
    if (!touched) return fail(touched.error());
    return *touched ? std::optional(changed_refusal(true)) : std::nullopt;
  }
  const auto found = find(step.key);
  if (!found) return fail(found.error());
  current = *found;
  return step_refusal(step, current);
}

Result<void> SqliteLedger::write(const Step& step, const Current& current, std::size_t position) {
  const bool put = step.kind == Step::Kind::kPut;
  const Revision created = current.revision != 0 ? current.created : state_.revision;
  const Blob value{step.value};
  // The change first: it takes the former value from the entry.
  auto done =
      put ? statements_.record.execute(state_.revision, position, step.key, value, created, current.revision)
          : statements_.record.execute(state_.revision, position, step.key, nullptr, created,
                                       current.revision);
  if (!done) return done;
  done = put ? statements_.put.execute(step.key, value, state_.revision, created)
             : statements_.remove.execute(step.key);
  if (!done) return done;
  ++state_.history_changes;
  state_.history_bytes += history_bytes(step.key.size(), put ? step.value.size() : 0, current.value_bytes);
  return {};
}

// Forgets whole revisions from the oldest on; never the newest one.
Result<void> SqliteLedger::compact() {
  if (!is_time_to_cut(state_, limits_)) return {};
  {
    Rows rows = statements_.oldest.run();
    for (;;) {
      const auto row = rows.next();
      if (!row) return fail(row.error());
      if (!*row) break;
      const Revision revision = rows.integer(0);
      const bool over = state_.history_changes > limits_.history_changes_max ||
                        state_.history_bytes > limits_.history_bytes_max;
      if (revision == state_.revision || (revision != state_.compacted && !over)) break;
      state_.compacted = revision;
      --state_.history_changes;
      state_.history_bytes -= history_bytes(rows.integer(1), rows.integer(2), rows.integer(3));
    }
  }
  return statements_.forget.execute(state_.compacted);
}

}  // namespace weir::store
