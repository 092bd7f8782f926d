// SQLite's C interface as owners: Connection, Statement, Rows. The only door to sqlite3.h. On one thread at a
// time. Knows no schema; errors come back as Error with a text of its own, the library's words by message().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::store {

struct Blob {
  std::string_view bytes;
};

// The rows of one execution of a statement, one at a time. Resets the statement at the end. What it returns
// as a view is good until next().
class Rows {
 public:
  template <class... Values>
  explicit Rows(sqlite3_stmt* statement, const Values&... values) : statement_(statement) {
    int index = 0;
    (bind(++index, values), ...);
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  Result<bool> next();  // false: no more
  std::uint64_t integer(int column) const;
  std::string_view bytes(int column) const;
  bool is_null(int column) const;

 private:
  void bind(int index, std::uint64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  void bind(int index, std::nullptr_t);
  void bind(int index, const std::optional<Blob>& blob);  // none: NULL

  sqlite3_stmt* statement_;
  int bind_failure_ = 0;
};

// A prepared statement, for many executions.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // The values of ?1, ?2, ...: integers, texts, Blobs, nullptr. They outlive the Rows.
  template <class... Values>
  Rows run(const Values&... values) {
    return Rows(statement_, values...);
  }
  // For what returns no rows.
  template <class... Values>
  Result<void> execute(const Values&... values) {
    Rows rows(statement_, values...);
    const auto done = rows.next();
    if (!done) return fail(done.error());
    return {};
  }

 private:
  friend class Connection;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  sqlite3_stmt* statement_ = nullptr;
};

class Connection {
 public:
  Connection() = default;
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The file must exist, but for ":memory:". On failure the connection is there too, for its message().
  Result<void> open(const std::string& path);
  Result<void> execute(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row: for pragmas.
  Result<std::string> scalar(const char* sql);
  // Ends an open transaction, if there is one: the library has ended it by itself after some failures.
  void roll_back();
  // What the library says about the last failure; for people.
  std::string message() const;

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace weir::store
