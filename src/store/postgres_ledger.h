// PostgresLedger: the Ledger on a PostgreSQL database, which several controllers may share. Who commits holds
// the row of `state` until its transaction has ended, so revisions become visible in their order
// (docs/adr/0006-postgresql.md). A lost session is made anew when it is needed; while that fails, calls fail
// at once, and it is tried at growing pauses.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "store/ledger.h"
#include "store/postgres.h"

namespace weir::store {

class PostgresLedger final : public Ledger {
 public:
  static constexpr Duration kPauseMin = std::chrono::milliseconds(100);
  static constexpr Duration kPauseMax = std::chrono::seconds(2);

  // Log: where it is told that the database is away, and back. Null: nowhere.
  static Opened<std::unique_ptr<PostgresLedger>> open(PostgresAddress address, const LedgerLimits& limits,
                                                      Log* log);

  Revision revision() const override { return revision_; }
  Result<Entry> get(std::string_view key) override;
  Result<Page> list(std::string_view prefix, std::string_view after_key, std::size_t limit) override;
  Result<Changes> changes(Revision after, std::size_t limit) override;
  Result<Past> before(Revision revision) override;
  std::vector<Committed> commit(std::span<const Transaction> group) override;
  Result<Revision> earliest() override;
  Result<void> fill(const NextPart& next, Revision revision, Revision earliest) override;

 private:
  class Draft;
  struct Failure {
    Error error;
    bool together = false;  // there is no use in trying the transactions one by one
  };
  using Group = std::expected<std::vector<Committed>, Failure>;

  PostgresLedger(PostgresAddress address, const LedgerLimits& limits, Log* log)
      : address_(std::move(address)), limits_(limits), log_(log) {}
  Opened<void> connect();
  Result<void> ensure_session();
  // One query, once more when the session turns out to be lost: for what only reads.
  Result<PostgresRows> read(const PostgresQuery& query);
  Group commit_together(std::span<const Transaction> group);
  // None: the session was lost before anything was written.
  std::optional<Group> try_commit(std::span<const Transaction> group);
  Result<void> begin(Draft& draft, std::span<const Transaction> group);
  // Whether the group was done whose answer was lost.
  std::optional<bool> settle();
  void roll_back();
  Result<void> fill_parts(const NextPart& next, LedgerState state);

  PostgresAddress address_;
  LedgerLimits limits_;
  Log* log_;
  std::optional<PostgresSession> session_;
  std::string writer_;        // this ledger's name in the table of writers
  std::uint64_t groups_ = 0;  // that were to be committed
  Revision revision_ = 0;
  Duration pause_ = kPauseMin;
  std::optional<Instant> away_until_;  // not tried again before; none: it is not away
};

}  // namespace weir::store
