// PostgreSQL's libpq as owners: PostgresAddress, PostgresSession, PostgresRows. The only door to libpq-fe.h.
// Blocking, every wait with a deadline; a session is used by one thread at a time. Knows no schema. Values go
// and come in PostgreSQL's binary format. A password is in no message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "net/core.h"
#include "store/store.h"

struct pg_conn;
struct pg_result;

namespace weir::store {

// Where a database is, and who asks: from postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE, with all
// that libpq takes (several hosts, sslmode, passfile, a socket's directory as host).
class PostgresAddress {
 public:
  static bool is_url(std::string_view text);
  static Opened<PostgresAddress> parse(const std::string& url);
  // For people: without password and options.
  const std::string& display() const { return display_; }

 private:
  friend class PostgresSession;
  std::string hide_password(std::string text) const;

  std::vector<std::pair<std::string, std::string>> options_;
  std::string display_;
};

// The values of $1, $2, ... of one query.
class PostgresParameters {
 public:
  PostgresParameters& integer(std::uint64_t value);
  PostgresParameters& text(std::string_view value);
  PostgresParameters& integers(std::span<const std::uint64_t> values);
  PostgresParameters& texts(std::span<const std::string_view> values);
  PostgresParameters& blobs(std::span<const std::optional<std::string_view>> values);  // none: NULL

 private:
  friend class PostgresSession;
  std::vector<std::string> values_;
};

struct PostgresQuery {
  const char* sql;  // of static storage: it is prepared once a session
  PostgresParameters parameters = {};
};

// The answer to one query.
class PostgresRows {
 public:
  explicit PostgresRows(pg_result* result) : result_(result) {}
  std::size_t size() const;
  bool is_null(std::size_t row, int column) const;
  std::uint64_t integer(std::size_t row, int column) const;  // of int8; NULL: 0
  bool flag(std::size_t row, int column) const;
  std::string_view bytes(std::size_t row, int column) const;  // good as long as this lives

 private:
  friend class PostgresSession;
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

class PostgresSession {
 public:
  // A statement that takes longer is ended by the server, and a lock is waited for so long: another
  // controller's largest transaction takes a few seconds.
  static constexpr Duration kStatementTimeout = std::chrono::seconds(15);
  static constexpr Duration kLockTimeout = std::chrono::seconds(10);
  // After that the server or the way to it counts as lost; the server's own limits come first.
  static constexpr Duration kExchangeTimeout = std::chrono::seconds(20);

  // Blocks for at most 5 s an address, unless the address says otherwise (connect_timeout).
  static Opened<PostgresSession> connect(const PostgresAddress& address);
  PostgresSession(PostgresSession&&) = default;
  PostgresSession& operator=(PostgresSession&&) = default;

  // The queries in one exchange. After one that fails, none of the others is done. kConnectFailed and not
  // is_open(): the session is lost, and what was done is not known.
  Result<std::vector<PostgresRows>> run(std::span<const PostgresQuery> queries,
                                        Duration timeout = kExchangeTimeout);
  bool is_open() const { return connection_ != nullptr; }
  // Waits until a notification comes, `wake` can be read, or the time is over; false: the session is lost.
  bool wait_for_notification(int wake, Duration timeout);
  // What the server or libpq said about the last failure; for people.
  const std::string& message() const { return message_; }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  explicit PostgresSession(pg_conn* connection) : connection_(connection) {}
  Result<void> set_up();
  struct Sent {  // a command whose result is to come
    bool is_query = true;
    std::size_t number = 0;  // among the prepared ones
  };
  Result<void> send(const PostgresQuery& query, std::vector<Sent>& sent);
  Result<pg_result*> take(Instant deadline);  // null: the end of a query's results
  Result<PostgresRows> take_whole(Instant deadline);
  std::unexpected<Error> lost(const char* text);
  Error error_of(pg_result* result);

  std::unique_ptr<pg_conn, Finish> connection_;
  std::vector<const char*> prepared_;  // by number, null: not; a few, so they are looked up one by one
  std::string message_;
};

}  // namespace weir::store
