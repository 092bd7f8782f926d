#include "store/postgres_ledger.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "base/check.h"
#include "store/postgres_layout.h"

namespace weir::store {
namespace {

// --- reading: each in one query, hence of one revision

constexpr const char* kState = "SELECT revision, compacted FROM weir.state";
constexpr const char* kGet = "SELECT value, revision, created FROM weir.entries WHERE key = $1";
// A page and the first entry that does not fit in it, whose value is left out.
constexpr const char* kList =
    "SELECT s.revision, e.key, CASE WHEN e.fits THEN e.value END, e.revision, e.created, e.fits"
    " FROM weir.state s LEFT JOIN (SELECT key, value, revision, created,"
    " number <= $3::bigint AND (number = 1 OR bytes <= $4::bigint) AS fits FROM (SELECT key, value, "
    "revision, created,"
    " row_number() OVER w AS number, sum(octet_length(value)) OVER w AS bytes FROM weir.entries"
    " WHERE key >= $1 AND key < $2 WINDOW w AS (ORDER BY key ROWS UNBOUNDED PRECEDING)"
    " ORDER BY key LIMIT $3::bigint + 1) numbered WHERE bytes - octet_length(value) <= $4::bigint) e ON true "
    "ORDER BY e.key";
// Whole revisions, as long as those before them are less than the limits.
constexpr const char* kChanges =
    "WITH page AS (SELECT max(revision) AS last FROM (SELECT revision,"
    " sum(number) OVER w - number AS number_before, sum(bytes) OVER w - bytes AS bytes_before FROM"
    " (SELECT revision, count(*) AS number, coalesce(sum(octet_length(value)), 0) AS bytes"
    " FROM weir.changes WHERE revision > $1 GROUP BY revision ORDER BY revision LIMIT $2::bigint) sizes"
    " WINDOW w AS (ORDER BY revision ROWS UNBOUNDED PRECEDING)) sums"
    " WHERE number_before < $2::bigint AND bytes_before < $3::bigint)"
    " SELECT s.revision, s.compacted, c.key, c.value, c.revision, c.created FROM weir.state s"
    " CROSS JOIN page LEFT JOIN weir.changes c ON c.revision > $1 AND c.revision <= page.last"
    " ORDER BY c.revision, c.position";
constexpr const char* kBefore =
    "SELECT s.revision, s.compacted, c.key, c.former_value, c.former_revision, c.created FROM weir.state s"
    " LEFT JOIN (SELECT DISTINCT ON (key) key, former_value, former_revision, created FROM weir.changes"
    " WHERE revision > $1 ORDER BY key, revision) c ON true ORDER BY c.key";

// --- writing: one exchange to look, one to write

constexpr const char* kLock =
    "SELECT layout, revision, compacted, history_changes, history_bytes FROM weir.state FOR UPDATE";
constexpr const char* kFind =
    "SELECT key, revision, created, octet_length(value)::bigint FROM weir.entries WHERE key = ANY ($1)";
constexpr const char* kTouched =
    "SELECT EXISTS (SELECT FROM weir.changes c WHERE c.revision > u.since AND c.key >= u.first AND"
    " c.key < u.last) FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY"
    " AS u (since, first, last, number) ORDER BY u.number";
// All of its parts see the entries as they were before it.
constexpr const char* kWrite =
    "WITH w AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[])"
    " AS w (revision, position, key, value, created)),"
    " recorded AS (INSERT INTO weir.changes (revision, position, key, value, created, former_value,"
    " former_revision) SELECT w.revision, w.position, w.key, w.value, w.created, e.value,"
    " coalesce(e.revision, 0) FROM w LEFT JOIN weir.entries e ON e.key = w.key),"
    " removed AS (DELETE FROM weir.entries e USING w WHERE e.key = w.key AND w.value IS NULL)"
    " INSERT INTO weir.entries (key, value, revision, created) SELECT key, value, revision, created FROM w"
    " WHERE value IS NOT NULL ON CONFLICT (key) DO UPDATE SET value = excluded.value,"
    " revision = excluded.revision, created = excluded.created";
constexpr const char* kSave = "UPDATE weir.state SET revision = $1, history_changes = $2, history_bytes = $3";
// Forgets whole revisions from the oldest on; never the newest one.
constexpr const char* kCut =
    "WITH sizes AS (SELECT revision, count(*) AS number, sum(64 + length(key) +"
    " coalesce(octet_length(value), 0) + coalesce(octet_length(former_value), 0)) AS bytes"
    " FROM weir.changes GROUP BY revision),"
    " sums AS (SELECT revision, sum(number) OVER w AS number, sum(bytes) OVER w AS bytes,"
    " sum(number) OVER w - number AS number_before, sum(bytes) OVER w - bytes AS bytes_before FROM sizes"
    " WINDOW w AS (ORDER BY revision ROWS UNBOUNDED PRECEDING)),"
    " last AS (SELECT sums.revision, number, bytes FROM sums, weir.state s WHERE sums.revision < s.revision"
    " AND (s.history_changes - number_before > $1::bigint OR s.history_bytes - bytes_before > $2::bigint)"
    " ORDER BY sums.revision DESC LIMIT 1),"
    " gone AS (DELETE FROM weir.changes c USING last WHERE c.revision <= last.revision)"
    " UPDATE weir.state SET compacted = last.revision, history_changes = history_changes - last.number,"
    " history_bytes = history_bytes - last.bytes FROM last";
constexpr const char* kCount =
    "INSERT INTO weir.writers (writer, groups, seen) VALUES ($1, $2, now()) ON CONFLICT (writer) DO UPDATE"
    " SET groups = excluded.groups, seen = excluded.seen";
constexpr const char* kNotify = "SELECT pg_notify('weir', '')";

constexpr const char* kFillEntries =
    "INSERT INTO weir.entries (key, value, revision, created) SELECT * FROM unnest($1::text[], $2::bytea[],"
    " $3::bigint[], $4::bigint[])";
constexpr const char* kFillChanges =
    "INSERT INTO weir.changes (revision, position, key, value, created, former_value, former_revision)"
    " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::bytea[],"
    " $7::bigint[])";
constexpr const char* kFillState =
    "UPDATE weir.state SET revision = $1, compacted = $2, history_changes = $3, history_bytes = $4";

constexpr const char* kName = "SELECT gen_random_uuid()::text";
constexpr const char* kForget = "DELETE FROM weir.writers WHERE seen < now() - interval '1 day'";
constexpr const char* kGroups = "SELECT groups FROM weir.writers WHERE writer = $1";

constexpr Error kAway{Code::kConnectFailed, Side::kInternal, Retry::kSafe, 0,
                      "the store's database cannot be reached"};

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();  // of a bigint

void pause(Duration duration) {
  ::poll(nullptr, 0, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(duration).count()));
}

Result<LedgerState> reach(const PostgresRows& rows, Revision since) {
  if (rows.size() == 0) return fail(Code::kInvalid, "the store's tables are not there");
  LedgerState state;
  state.revision = rows.integer(0, 0);
  state.compacted = rows.integer(0, 1);
  if (const auto refused = reach_refusal(state, since)) return fail(*refused);
  return state;
}

}  // namespace

// Draft: a group on its way into the database. What its keys have is asked for at once; then the transactions
// are judged in memory, each on top of those before it, and what they write is put together.
class PostgresLedger::Draft {
 public:
  explicit Draft(std::span<const Transaction> group) : group_(group) {
    for (const Transaction& transaction : group) {
      shape_.push_back(shape_refusal(transaction));
      if (shape_.back()) continue;
      for (const Step& step : transaction.steps) {
        if (step.kind != Step::Kind::kUnchanged) {
          current_.try_emplace(step.key);
        } else if (*step.expected <= kNumberMax) {
          untouched_.push_back({*step.expected, range_of(step.key)});
        }
      }
    }
  }

  // What is asked before anything is judged.
  std::vector<PostgresQuery> questions() const {
    std::vector<PostgresQuery> asked{{"BEGIN"}, {kLock}, {kFind}};
    std::vector<std::string_view> keys;
    for (const auto& [key, current] : current_) keys.push_back(key);
    asked.back().parameters.texts(keys);
    if (untouched_.empty()) return asked;
    std::vector<std::uint64_t> since;
    std::vector<std::string_view> first;
    std::vector<std::string_view> last;
    for (const auto& [revision, range] : untouched_) {
      since.push_back(revision);
      first.push_back(range.from);
      last.push_back(range.to);
    }
    asked.push_back({kTouched});
    asked.back().parameters.integers(since).texts(first).texts(last);
    return asked;
  }

  Result<void> take(std::span<const PostgresRows> answers) {
    const PostgresRows& state = answers[1];
    if (state.size() == 0) return fail(Code::kInvalid, "the store's tables are not there");
    if (state.integer(0, 0) != kPostgresLayout) {
      return fail(Code::kInvalid, "a newer weir has changed the store's tables; this one must be updated");
    }
    state_ = {state.integer(0, 1), state.integer(0, 2), state.integer(0, 3), state.integer(0, 4)};
    const PostgresRows& found = answers[2];
    for (std::size_t i = 0; i < found.size(); ++i) {
      current_[std::string(found.bytes(i, 0))] = {found.integer(i, 1), found.integer(i, 2),
                                                  found.integer(i, 3)};
    }
    if (!untouched_.empty()) touched_ = &answers[3];
    return {};
  }

  std::vector<Committed> judge() {
    std::vector<Committed> results;
    for (std::size_t i = 0; i < group_.size(); ++i) {
      results.push_back(shape_[i] ? Committed(std::unexpected(*shape_[i])) : judge(group_[i]));
    }
    return results;
  }

  const LedgerState& state() const { return state_; }
  bool writes_nothing() const { return batches_.empty(); }

  std::vector<PostgresQuery> writes() const {
    std::vector<PostgresQuery> queries;
    for (const Batch& batch : batches_) {
      queries.push_back({kWrite});
      queries.back()
          .parameters.integers(batch.revisions)
          .integers(batch.positions)
          .texts(batch.keys)
          .blobs(batch.values)
          .integers(batch.created);
    }
    queries.push_back({kSave});
    queries.back()
        .parameters.integer(state_.revision)
        .integer(state_.history_changes)
        .integer(state_.history_bytes);
    return queries;
  }

 private:
  // Columns of what is written in one query: no key twice.
  struct Batch {
    std::vector<std::uint64_t> revisions, positions, created;
    std::vector<std::string_view> keys;
    std::vector<std::optional<std::string_view>> values;
  };

  Committed judge(const Transaction& transaction) {
    for (std::size_t i = 0; i < transaction.steps.size(); ++i) {
      const Step& step = transaction.steps[i];
      const std::optional<Error> refused = step.kind == Step::Kind::kUnchanged
                                               ? judge_unchanged(step)
                                               : step_refusal(step, current_.find(step.key)->second);
      if (refused) {
        for (std::size_t rest = i + 1; rest < transaction.steps.size(); ++rest) skip(transaction.steps[rest]);
        return Committed(std::unexpect, *refused, i);
      }
    }
    ++state_.revision;
    if (batches_.empty() || writes_again(transaction)) {
      batches_.emplace_back();
      batch_keys_.clear();
    }
    for (std::size_t i = 0; i < transaction.steps.size(); ++i) {
      if (store::writes(transaction.steps[i])) write(transaction.steps[i], i);
    }
    return state_.revision;
  }

  // The answers about untouched prefixes come in the order in which they were asked for.
  void skip(const Step& step) {
    if (step.kind == Step::Kind::kUnchanged && *step.expected <= kNumberMax) ++untouched_seen_;
  }

  std::optional<Error> judge_unchanged(const Step& step) {
    const std::size_t number = untouched_seen_;
    skip(step);
    if (reach_refusal(state_, *step.expected)) return changed_refusal(false);
    if (touched_->flag(number, 0)) return changed_refusal(true);
    const KeyRange& range = untouched_[number].second;  // then: what this group writes
    for (auto at = written_.lower_bound(range.from); at != written_.end() && at->first < range.to; ++at) {
      if (at->second > *step.expected) return changed_refusal(true);
    }
    return {};
  }

  bool writes_again(const Transaction& transaction) const {
    return std::ranges::any_of(transaction.steps, [this](const Step& step) {
      return store::writes(step) && batch_keys_.contains(step.key);
    });
  }

  void write(const Step& step, std::size_t position) {
    const bool put = step.kind == Step::Kind::kPut;
    Current& current = current_.find(step.key)->second;
    const Revision created = current.revision != 0 ? current.created : state_.revision;
    Batch& batch = batches_.back();
    batch.revisions.push_back(state_.revision);
    batch.positions.push_back(position);
    batch.keys.push_back(step.key);
    batch.values.push_back(put ? std::optional<std::string_view>(step.value) : std::nullopt);
    batch.created.push_back(created);
    batch_keys_.insert(step.key);
    written_[step.key] = state_.revision;
    const std::size_t value_bytes = put ? step.value.size() : 0;
    ++state_.history_changes;
    state_.history_bytes += history_bytes(step.key.size(), value_bytes, current.value_bytes);
    current = put ? Current{state_.revision, created, value_bytes} : Current{};
  }

  std::span<const Transaction> group_;
  std::vector<std::optional<Refused>> shape_;
  std::map<std::string, Current, std::less<>> current_;
  std::vector<std::pair<Revision, KeyRange>> untouched_;
  std::size_t untouched_seen_ = 0;
  const PostgresRows* touched_ = nullptr;
  LedgerState state_;
  std::vector<Batch> batches_;
  std::set<std::string_view> batch_keys_;         // of the last batch
  std::map<std::string_view, Revision> written_;  // by this group
};

PostgresQuery entries_query(std::span<const Entry> entries) {
  std::vector<std::string_view> keys;
  std::vector<std::optional<std::string_view>> values;
  std::vector<std::uint64_t> revisions, created;
  for (const Entry& entry : entries) {
    keys.push_back(entry.key);
    values.emplace_back(entry.value);
    revisions.push_back(entry.revision);
    created.push_back(entry.created);
  }
  PostgresQuery query{kFillEntries};
  query.parameters.texts(keys).blobs(values).integers(revisions).integers(created);
  return query;
}

PostgresQuery records_query(std::span<const Record> records) {
  std::vector<std::string_view> keys;
  std::vector<std::optional<std::string_view>> values, former_values;
  std::vector<std::uint64_t> revisions, positions, created, former_revisions;
  for (const Record& record : records) {
    revisions.push_back(record.change.revision);
    positions.push_back(record.position);
    keys.push_back(record.change.key);
    values.emplace_back(record.change.value);
    created.push_back(record.change.created);
    former_values.emplace_back(record.former_value);
    former_revisions.push_back(record.former_revision);
  }
  PostgresQuery query{kFillChanges};
  query.parameters.integers(revisions)
      .integers(positions)
      .texts(keys)
      .blobs(values)
      .integers(created)
      .blobs(former_values)
      .integers(former_revisions);
  return query;
}

// --- sessions

Opened<std::unique_ptr<PostgresLedger>> PostgresLedger::open(PostgresAddress address,
                                                             const LedgerLimits& limits, Log* log) {
  std::unique_ptr<PostgresLedger> ledger(new PostgresLedger(std::move(address), limits, log));
  if (auto connected = ledger->connect(); !connected) return std::unexpected(connected.error());
  const std::array ask{PostgresQuery{kState}, PostgresQuery{kName}, PostgresQuery{kForget}};
  const auto answers = ledger->session_->run(ask);
  if (!answers || answers->front().size() != 1) {
    const Error error = answers ? Error{Code::kInvalid} : answers.error();
    return std::unexpected(OpenFailure{
        error, "cannot use the store " + ledger->address_.display() + ": " + ledger->session_->message()});
  }
  ledger->revision_ = answers->at(0).integer(0, 0);
  ledger->writer_ = answers->at(1).bytes(0, 0);
  return ledger;
}

Opened<void> PostgresLedger::connect() {
  auto session = PostgresSession::connect(address_);
  if (!session) return std::unexpected(session.error());
  if (auto ready = make_ready(*session, address_); !ready) return ready;
  session_ = std::move(*session);
  return {};
}

Result<void> PostgresLedger::ensure_session() {
  if (session_ && session_->is_open()) return {};
  net::SystemClock clock;
  if (away_until_ && clock.now() < *away_until_) {
    return fail(kAway);
  }
  if (const auto connected = connect(); !connected) {
    if (!away_until_ && log_ != nullptr) {
      log_->error("the store's database is away", {{"reason", connected.error().sentence}});
    }
    away_until_ = clock.now() + pause_;
    pause_ = std::min(2 * pause_, kPauseMax);
    return fail(connected.error().error);
  }
  if (away_until_ && log_ != nullptr) log_->info("the store's database is back");
  away_until_.reset();
  pause_ = kPauseMin;
  return {};
}

Result<PostgresRows> PostgresLedger::read(const PostgresQuery& query) {
  for (bool again = true;; again = false) {
    if (const auto ready = ensure_session(); !ready) return fail(ready.error());
    auto rows = session_->run({&query, 1});
    if (rows) return std::move(rows->front());
    if (session_->is_open() || !again) return fail(rows.error());
  }
}

// --- reads

Result<Entry> PostgresLedger::get(std::string_view key) {
  if (!range_of(key, "")) return fail(Code::kNotFound, "no such key");
  PostgresQuery query{kGet};
  query.parameters.text(key);
  const auto rows = read(query);
  if (!rows) return fail(rows.error());
  if (rows->size() == 0) return fail(Code::kNotFound, "no such key");
  return Entry{std::string(key), std::string(rows->bytes(0, 0)), rows->integer(0, 1), rows->integer(0, 2)};
}

Result<Page> PostgresLedger::list(std::string_view prefix, std::string_view after_key, std::size_t limit) {
  const auto range = range_of(prefix, after_key);
  if (!range) return fail(range.error());
  PostgresQuery query{kList};
  query.parameters.text(range->from).text(range->to).integer(page_limit(limit)).integer(kPageBytesMax);
  const auto rows = read(query);
  if (!rows) return fail(rows.error());
  if (rows->size() == 0) return fail(Code::kInvalid, "the store's tables are not there");
  Page page;
  page.revision = rows->integer(0, 0);
  for (std::size_t i = 0; i < rows->size() && !rows->is_null(i, 1); ++i) {
    if (!rows->flag(i, 5)) {
      page.more = true;
      break;
    }
    page.entries.push_back({std::string(rows->bytes(i, 1)), std::string(rows->bytes(i, 2)),
                            rows->integer(i, 3), rows->integer(i, 4)});
  }
  return page;
}

Result<Changes> PostgresLedger::changes(Revision after, std::size_t limit) {
  PostgresQuery query{kChanges};
  query.parameters.integer(std::min(after, kNumberMax)).integer(page_limit(limit)).integer(kPageBytesMax);
  const auto rows = read(query);
  if (!rows) return fail(rows.error());
  const auto state = reach(*rows, after);
  if (!state) return fail(state.error());
  Changes found;
  found.revision = state->revision;
  for (std::size_t i = 0; i < rows->size() && !rows->is_null(i, 2); ++i) {
    std::optional<std::string> value;
    if (!rows->is_null(i, 3)) value = rows->bytes(i, 3);
    found.changes.push_back(
        {std::string(rows->bytes(i, 2)), std::move(value), rows->integer(i, 4), rows->integer(i, 5)});
  }
  if (!found.changes.empty()) found.revision = found.changes.back().revision;
  found.more = found.revision < state->revision;
  return found;
}

Result<Past> PostgresLedger::before(Revision revision) {
  PostgresQuery query{kBefore};
  query.parameters.integer(std::min(revision, kNumberMax));
  const auto rows = read(query);
  if (!rows) return fail(rows.error());
  const auto state = reach(*rows, revision);
  if (!state) return fail(state.error());
  Past past;
  past.revision = state->revision;
  for (std::size_t i = 0; i < rows->size() && !rows->is_null(i, 2); ++i) {
    Former& former = past.entries.emplace_back();
    former.key = rows->bytes(i, 2);
    former.revision = rows->integer(i, 4);
    if (former.revision == 0) continue;
    former.value = rows->bytes(i, 3);
    former.created = rows->integer(i, 5);
  }
  return past;
}

// --- commits

std::vector<Committed> PostgresLedger::commit(std::span<const Transaction> group) {
  Group together = commit_together(group);
  if (together) return std::move(*together);
  std::vector<Committed> results;
  for (const Transaction& transaction : group) {
    Group alone = group.size() == 1 || together.error().together ? Group(std::unexpected(together.error()))
                                                                 : commit_together({&transaction, 1});
    results.push_back(alone ? alone->front()
                            : Committed(std::unexpect, alone.error().error, transaction.steps.size()));
  }
  return results;
}

PostgresLedger::Group PostgresLedger::commit_together(std::span<const Transaction> group) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (auto done = try_commit(group)) return std::move(*done);
  }
  return Group(std::unexpect, kAway, true);
}

void PostgresLedger::roll_back() {
  const std::array undo{PostgresQuery{"ROLLBACK"}};
  // Should that fail, the session is of no use, and its transaction ends with it.
  if (session_->is_open() && !session_->run(undo)) session_.reset();
}

std::optional<PostgresLedger::Group> PostgresLedger::try_commit(std::span<const Transaction> group) {
  const auto refuse = [this](const Error& error, bool together) {
    if (session_) roll_back();
    return Group(std::unexpect, error, together);
  };
  if (const auto ready = ensure_session(); !ready) return Group(std::unexpect, ready.error(), true);
  Draft draft(group);
  const std::vector<PostgresQuery> questions = draft.questions();
  const auto answers = session_->run(questions);
  if (!answers) {
    if (!session_->is_open()) return {};
    return refuse(answers.error(), true);
  }
  if (const auto taken = draft.take(*answers); !taken) return refuse(taken.error(), true);
  const std::vector<Committed> results = draft.judge();
  const auto done = [&]() -> Group {
    revision_ = draft.state().revision;
    return results;
  };
  if (draft.writes_nothing()) {
    roll_back();
    return done();
  }
  std::vector<PostgresQuery> writes = draft.writes();
  if (is_time_to_cut(draft.state(), limits_)) {
    writes.push_back({kCut});
    writes.back().parameters.integer(limits_.history_changes_max).integer(limits_.history_bytes_max);
  }
  writes.push_back({kCount});
  writes.back().parameters.text(writer_).integer(++groups_);
  writes.push_back({kNotify});
  writes.push_back({"COMMIT"});
  const auto written = session_->run(writes);
  if (written) return done();
  if (session_->is_open()) return refuse(written.error(), false);
  const std::optional<bool> settled = settle();
  if (!settled) {
    return refuse({Code::kTimedOut, Side::kInternal, Retry::kIfIdempotent, 0,
                   "it is not known whether the store's database did it"},
                  true);
  }
  return *settled ? std::optional(done()) : std::nullopt;
}

// The row of `state` stays locked until the transaction in question has ended, whichever way.
std::optional<bool> PostgresLedger::settle() {
  net::SystemClock clock;
  const Instant deadline = clock.now() + limits_.settle_timeout;
  std::vector<PostgresQuery> ask{{"BEGIN"}, {kLock}, {kGroups}, {"ROLLBACK"}};
  ask[2].parameters.text(writer_);
  while (clock.now() < deadline) {
    if (ensure_session()) {
      if (const auto answers = session_->run(ask)) {
        const PostgresRows& groups = answers->at(2);
        return groups.size() == 1 && groups.integer(0, 0) == groups_;
      }
      roll_back();
    }
    pause(kPauseMin);
  }
  return {};
}

// --- copies

Result<Revision> PostgresLedger::earliest() {
  const auto rows = read({kState});
  if (!rows) return fail(rows.error());
  if (rows->size() == 0) return fail(Code::kInvalid, "the store's tables are not there");
  return rows->integer(0, 1);
}

Result<void> PostgresLedger::fill(const NextPart& next, Revision revision, Revision earliest) {
  if (const auto ready = ensure_session(); !ready) return ready;
  const auto done = fill_parts(next, {.revision = revision, .compacted = earliest});
  if (!done) roll_back();
  if (done) revision_ = revision;
  return done;
}

Result<void> PostgresLedger::fill_parts(const NextPart& next, LedgerState state) {
  const std::array begin{PostgresQuery{"BEGIN"}, PostgresQuery{kLock}};
  const auto begun = session_->run(begin);
  if (!begun) return fail(begun.error());
  if (begun->at(1).size() != 1 || begun->at(1).integer(0, 1) != 0) {
    return fail(Code::kExists, "the store is not empty");
  }
  for (;;) {
    const auto part = next();
    if (!part) return fail(part.error());
    if (!*part) break;
    std::vector<PostgresQuery> queries;
    if (!(*part)->entries.empty()) queries.push_back(entries_query((*part)->entries));
    if (!(*part)->records.empty()) queries.push_back(records_query((*part)->records));
    for (const Record& record : (*part)->records) {
      const auto size = [](const std::optional<std::string>& value) { return value ? value->size() : 0; };
      ++state.history_changes;
      state.history_bytes +=
          history_bytes(record.change.key.size(), size(record.change.value), size(record.former_value));
    }
    if (queries.empty()) continue;
    if (const auto written = session_->run(queries); !written) return fail(written.error());
  }
  std::vector<PostgresQuery> end{{kFillState}, {kNotify}, {"COMMIT"}};
  end[0]
      .parameters.integer(state.revision)
      .integer(state.compacted)
      .integer(state.history_changes)
      .integer(state.history_bytes);
  const auto ended = session_->run(end);
  if (!ended) return fail(ended.error());
  return {};
}

}  // namespace weir::store
