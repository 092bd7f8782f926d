#include "store/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "base/check.h"

namespace weir::store {
namespace {

// The low byte is the primary code; the rest says more (SQLite, "Result and Error Codes").
Error error_of(int code, sqlite3* database) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {Code::kIo, Side::kInternal, Retry::kNever, ENOSPC, "no room left for the store"};
    case SQLITE_READONLY:
      return {Code::kNotPermitted, Side::kInternal, Retry::kNever, EROFS, "the store's file is read-only"};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return {Code::kNotPermitted, Side::kInternal, Retry::kNever,
              database != nullptr ? sqlite3_system_errno(database) : 0, "the store's file cannot be opened"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::kTimedOut, Side::kInternal, Retry::kNever, EBUSY,
              "another program holds the store's file"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::kIo, Side::kInternal, Retry::kNever, EUCLEAN, "the store's file is damaged"};
    case SQLITE_NOMEM:
      return {Code::kOverloaded, Side::kInternal, Retry::kNever, ENOMEM, "no memory left for the store"};
    case SQLITE_TOOBIG:
      return {Code::kInvalid, Side::kInternal, Retry::kNever, E2BIG, "too large for the store"};
    case SQLITE_IOERR:
      return {Code::kIo, Side::kInternal, Retry::kNever,
              database != nullptr ? sqlite3_system_errno(database) : EIO,
              "the store's file cannot be read or written"};
    default:
      return {Code::kInternal, Side::kInternal, Retry::kNever, 0, "the store's database refused a statement"};
  }
}

}  // namespace

Rows::~Rows() {
  sqlite3_reset(statement_);  // repeats the failure that next() has reported
  sqlite3_clear_bindings(statement_);
}

void Rows::bind(int index, std::uint64_t value) {
  bind_failure_ |= sqlite3_bind_int64(statement_, index, static_cast<sqlite3_int64>(value));
}

void Rows::bind(int index, std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";  // a null pointer would bind NULL
  bind_failure_ |= sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Rows::bind(int index, Blob blob) {
  const char* data = blob.bytes.data() != nullptr ? blob.bytes.data() : "";
  bind_failure_ |= sqlite3_bind_blob64(statement_, index, data, blob.bytes.size(), SQLITE_STATIC);
}

void Rows::bind(int index, std::nullptr_t) { bind_failure_ |= sqlite3_bind_null(statement_, index); }
void Rows::bind(int index, const std::optional<Blob>& blob) {
  if (blob) {
    bind(index, *blob);
  } else {
    bind(index, nullptr);
  }
}

Result<bool> Rows::next() {
  sqlite3* database = sqlite3_db_handle(statement_);
  if (bind_failure_ != SQLITE_OK) return fail(error_of(bind_failure_, database));
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(error_of(code, database));
}

std::uint64_t Rows::integer(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

std::string_view Rows::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};  // NULL, or of zero length
  return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Rows::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}
Statement::~Statement() { sqlite3_finalize(statement_); }

Connection::Connection(Connection&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(database_, other.database_);
  return *this;
}
Connection::~Connection() { WEIR_CHECK(sqlite3_close(database_) == SQLITE_OK); }  // no statement is left

Result<void> Connection::open(const std::string& path) {
  WEIR_CHECK(database_ == nullptr);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (path == ":memory:") flags |= SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &database_, flags, nullptr);
  if (code != SQLITE_OK) return fail(error_of(code, database_));
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return {};
}

Result<void> Connection::execute(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error_of(code, database_));
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(error_of(code, database_));
  return Statement(statement);
}

Result<std::string> Connection::scalar(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  Rows rows = statement->run();
  const auto row = rows.next();
  if (!row) return fail(row.error());
  return std::string(*row ? rows.bytes(0) : std::string_view());
}

void Connection::roll_back() {
  if (sqlite3_get_autocommit(database_) != 0) return;
  sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

std::string Connection::message() const {
  return database_ != nullptr ? sqlite3_errmsg(database_) : "no memory";
}

}  // namespace weir::store
