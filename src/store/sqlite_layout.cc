#include "store/sqlite_layout.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace weir::store {
namespace {

constexpr std::string_view kApplicationId = "2003134834";  // "weir" in ASCII, as `file` shows it

// The script at place n makes layout n + 1 out of layout n. A script that was released is never changed.
constexpr std::array kLayouts{
    // entries: what is. changes: what happened lately; value NULL = deleted. state: one row.
    "CREATE TABLE entries (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE changes (revision INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL, value "
    "BLOB,"
    " created INTEGER NOT NULL, PRIMARY KEY (revision, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL,"
    " compacted INTEGER NOT NULL) STRICT;"
    "INSERT INTO state VALUES (1, 0, 0);",
    // What was before each change. Nobody knows it of the changes so far, so the history begins anew.
    "DROP TABLE changes;"
    "CREATE TABLE changes (revision INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL, value "
    "BLOB,"
    " created INTEGER NOT NULL, former_value BLOB, former_revision INTEGER NOT NULL,"
    " PRIMARY KEY (revision, position)) STRICT, WITHOUT ROWID;"
    "UPDATE state SET compacted = revision;",
};

std::unexpected<OpenFailure> refuse(const Error& error, std::string sentence) {
  return std::unexpected(OpenFailure{error, std::move(sentence)});
}

std::unexpected<OpenFailure> damaged(const std::string& path, const std::string& what) {
  return refuse({Code::kIo, Side::kInternal, Retry::kNever, EUCLEAN, "the store's file is damaged"},
                "the store " + path + " is damaged (" + what +
                    "); put a backup in its place, or move it away to start empty");
}

std::unexpected<OpenFailure> failed(const Connection& connection, const Error& error,
                                    const std::string& path) {
  if (error.os_errno == EUCLEAN) return damaged(path, connection.message());
  std::string why = connection.message();
  if (error.os_errno != 0) why += std::string(", ") + std::strerror(error.os_errno);
  return refuse(error, "cannot use the store " + path + ": " + why);
}

Result<std::uint64_t> number(Connection& connection, const char* pragma) {
  const auto text = connection.scalar(pragma);
  if (!text) return fail(text.error());
  return parse_decimal(*text).value_or(0);
}

// Only what has neither an id nor a table is new; everything else must say that it is a store of a known
// layout.
Opened<std::size_t> layout_of(Connection& connection, const std::string& path) {
  const auto id = connection.scalar("PRAGMA application_id");
  const auto tables = number(connection, "SELECT count(*) FROM sqlite_master");
  const auto version = number(connection, "PRAGMA user_version");
  if (!id) return failed(connection, id.error(), path);
  if (!tables) return failed(connection, tables.error(), path);
  if (!version) return failed(connection, version.error(), path);
  if (*id == "0" && *tables == 0 && *version == 0) return std::size_t{0};
  if (*id != kApplicationId) {
    return refuse({Code::kInvalid, Side::kInternal, Retry::kNever, 0, "not a store"},
                  path + " is a database of another program, not a store of weir");
  }
  if (*version > kLayouts.size()) {
    return refuse({Code::kInvalid, Side::kInternal, Retry::kNever, 0, "the store is of a newer version"},
                  "the store " + path + " was written by a newer weir (layout " + std::to_string(*version) +
                      "; this one knows " + std::to_string(kLayouts.size()) + ")");
  }
  return static_cast<std::size_t>(*version);
}

Opened<void> migrate(Connection& connection, const std::string& path, std::size_t from) {
  for (std::size_t next = from; next < kLayouts.size(); ++next) {
    const std::string script = std::string("BEGIN IMMEDIATE;") + kLayouts[next] +
                               "PRAGMA application_id = " + std::string(kApplicationId) +
                               "; PRAGMA user_version = " + std::to_string(next + 1) + "; COMMIT;";
    if (const auto done = connection.execute(script.c_str()); !done) {
      auto refusal = failed(connection, done.error(), path);
      connection.roll_back();
      return refusal;
    }
  }
  return {};
}

// A person's sqlite3 may hold the file for a moment.
constexpr const char* kPatient = "PRAGMA busy_timeout = 5000;";
// Finds damage that quick_check came too early for.
constexpr const char* kChecked = "PRAGMA cell_size_check = ON;";

}  // namespace

Opened<void> check_layout(Connection& connection, const std::string& path) {
  const auto patient = connection.execute(kPatient);
  if (!patient) return failed(connection, patient.error(), path);
  if (const auto layout = layout_of(connection, path); !layout) return std::unexpected(layout.error());
  return {};
}

Opened<void> make_ready(Connection& connection, const std::string& path) {
  auto first = connection.execute(kPatient);
  if (first) first = connection.execute(kChecked);
  if (!first) return failed(connection, first.error(), path);
  const auto layout = layout_of(connection, path);
  if (!layout) return std::unexpected(layout.error());

  const auto mode = connection.scalar("PRAGMA journal_mode = WAL");
  if (!mode) return failed(connection, mode.error(), path);
  if (*mode != "wal" && *mode != "memory") {
    return refuse({Code::kIo, Side::kInternal, Retry::kNever, ENOTSUP, "no write-ahead log"},
                  "the file system of " + path + " cannot hold a write-ahead log; use a local disk");
  }
  // FULL: the log is synced at every commit. The log's file is cut back to 64 MiB after a large transaction.
  const auto settings = connection.execute(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;");
  if (!settings) return failed(connection, settings.error(), path);

  const auto verdict = connection.scalar("PRAGMA quick_check(1)");
  if (!verdict) return failed(connection, verdict.error(), path);
  if (*verdict != "ok") return damaged(path, *verdict);
  return migrate(connection, path, *layout);
}

Result<void> make_ready_to_read(Connection& connection) {
  auto done = connection.execute(kPatient);
  if (done) done = connection.execute(kChecked);
  if (done) done = connection.execute("PRAGMA query_only = ON;");
  return done;
}

}  // namespace weir::store
