#include "store/postgres_layout.h"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weir::store {
namespace {

// As entries, changes and state of the SQLite store. writers: how many groups of transactions each engine has
// committed, so that it can find out about one whose answer was lost.
constexpr std::array kFirst{
    "CREATE SCHEMA IF NOT EXISTS weir",
    "CREATE TABLE weir.entries (key text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL,"
    " revision bigint NOT NULL, created bigint NOT NULL)",
    "CREATE TABLE weir.changes (revision bigint, position bigint, key text COLLATE \"C\" NOT NULL,"
    " value bytea, created bigint NOT NULL, former_value bytea, former_revision bigint NOT NULL,"
    " PRIMARY KEY (revision, position))",
    "CREATE TABLE weir.state (one integer PRIMARY KEY CHECK (one = 1), layout bigint NOT NULL,"
    " revision bigint NOT NULL, compacted bigint NOT NULL, history_changes bigint NOT NULL,"
    " history_bytes bigint NOT NULL)",
    "CREATE TABLE weir.writers (writer text PRIMARY KEY, groups bigint NOT NULL, seen timestamptz NOT NULL)",
    "INSERT INTO weir.state VALUES (1, 0, 0, 0, 0, 0)",
};

// The script at place n makes layout n + 1 out of layout n. A script that was released is never changed.
constexpr std::array kLayouts{
    std::span<const char* const>(kFirst),
};

constexpr const char* kLook =
    "SELECT to_regclass('weir.state') IS NOT NULL, EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON"
    " n.oid = c.relnamespace WHERE n.nspname = 'weir')";
constexpr const char* kLayoutOf = "SELECT layout FROM weir.state";
// "weir" in ASCII, as the SQLite store's application id. Whoever brings the tables up to date has it alone.
constexpr const char* kLock = "SELECT pg_advisory_xact_lock(2003134834, 0)";
constexpr const char* kSave = "UPDATE weir.state SET layout = $1";

std::unexpected<OpenFailure> refuse(const Error& error, std::string sentence) {
  return std::unexpected(OpenFailure{error, std::move(sentence)});
}

Opened<std::size_t> layout_of(PostgresSession& session, const PostgresAddress& address) {
  const auto failed = [&](const Error& error) {
    return refuse(error, "cannot use the store " + address.display() + ": " + session.message());
  };
  const auto foreign = [&address] {
    return refuse({Code::kInvalid, Side::kInternal, Retry::kNever, 0, "not a store"},
                  "the schema weir of " + address.display() +
                      " is another program's, not a store of weir; give weir another database");
  };
  const std::array look{PostgresQuery{kLook}};
  const auto found = session.run(look);
  if (!found) return failed(found.error());
  if (!found->front().flag(0, 0)) {
    if (found->front().flag(0, 1)) return foreign();
    return std::size_t{0};
  }
  const std::array ask{PostgresQuery{kLayoutOf}};
  const auto layout = session.run(ask);
  if (!layout) return layout.error().code == Code::kInvalid ? foreign() : failed(layout.error());
  if (layout->front().size() != 1) return foreign();
  const std::size_t number = layout->front().integer(0, 0);
  if (number > kLayouts.size()) {
    return refuse({Code::kInvalid, Side::kInternal, Retry::kNever, 0, "the store is of a newer version"},
                  "the store " + address.display() + " was written by a newer weir (layout " +
                      std::to_string(number) + "; this one knows " + std::to_string(kLayouts.size()) + ")");
  }
  return number;
}

Opened<void> migrate(PostgresSession& session, const PostgresAddress& address) {
  const auto failed = [&](const Error& error) {
    return refuse(error, "cannot set up the store " + address.display() + ": " + session.message());
  };
  const std::array begin{PostgresQuery{"BEGIN"}, PostgresQuery{kLock}};
  if (const auto begun = session.run(begin); !begun) return failed(begun.error());
  const auto from = layout_of(session, address);  // another controller may have done it meanwhile
  if (!from) return std::unexpected(from.error());
  std::vector<PostgresQuery> steps;
  for (std::size_t next = *from; next < kLayouts.size(); ++next) {
    for (const char* sql : kLayouts[next]) steps.push_back({sql});
  }
  PostgresQuery& save = steps.emplace_back(PostgresQuery{kSave});
  save.parameters.integer(kLayouts.size());
  steps.push_back({"COMMIT"});
  if (const auto done = session.run(steps); !done) return failed(done.error());
  return {};
}

}  // namespace

const std::size_t kPostgresLayout = kLayouts.size();

Opened<void> make_ready(PostgresSession& session, const PostgresAddress& address) {
  const auto layout = layout_of(session, address);
  if (!layout) return std::unexpected(layout.error());
  if (*layout == kPostgresLayout) return {};
  return migrate(session, address);
}

}  // namespace weir::store
