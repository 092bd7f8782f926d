#include "store/postgres.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/check.h"

namespace weir::store {
namespace {

constexpr int kOldestServer = 130'000;  // PostgreSQL 13: gen_random_uuid()
constexpr int kBinary = 1;

// The types of array elements, by PostgreSQL's fixed numbers (pg_type.dat).
constexpr std::int32_t kTypeBytea = 17;
constexpr std::int32_t kTypeInt8 = 20;
constexpr std::int32_t kTypeText = 25;

constexpr Error kLost{Code::kConnectFailed, Side::kInternal, Retry::kSafe, 0,
                      "the store's database cannot be reached"};

// What a session needs for this use. Plans hang on indexes alone, never on statistics that may be old.
constexpr const char* kSettings =
    "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),"
    " set_config('idle_in_transaction_session_timeout', $1, false),"
    " set_config('default_transaction_isolation', 'read committed', false),"
    " set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
    " ELSE current_setting('synchronous_commit') END, false),"
    " set_config('search_path', 'pg_catalog', false), set_config('jit', 'off', false),"
    " set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),"
    " set_config('enable_mergejoin', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', "
    "false)";

// What libpq is told where the address says nothing.
struct Preset {
  const char* keyword;
  const char* value;
};
constexpr std::array kPresets{
    Preset{"application_name", "weir"},
    Preset{"connect_timeout", "5"},                // s, for each address
    Preset{"target_session_attrs", "read-write"},  // of several hosts, the one that takes writes
    Preset{"keepalives_idle", "10"},               // s; then a peer that is gone is noticed within 6 s
    Preset{"keepalives_interval", "2"},
    Preset{"keepalives_count", "3"},
    Preset{"tcp_user_timeout", "15000"},  // ms
    Preset{"client_encoding", "UTF8"},
};

template <class T>
void append_big_endian(std::string& out, T value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// PostgreSQL's array_send: dimensions, whether there are NULLs, the element's type, length, first index, and
// each element behind its length.
template <class Values, class Append>
std::string array_of(std::int32_t type, const Values& values, Append append) {
  std::string out;
  for (const std::int32_t head :
       {std::int32_t{1}, std::int32_t{1}, type, static_cast<std::int32_t>(values.size()), std::int32_t{1}}) {
    append_big_endian(out, head);
  }
  for (const auto& value : values) append(out, value);
  return out;
}

void append_element(std::string& out, std::string_view bytes) {
  append_big_endian(out, static_cast<std::int32_t>(bytes.size()));
  out.append(bytes);
}

// One line without an end: the parts of libpq's messages stand on lines of their own.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c != '\n' && c != '\t') {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

std::string without(std::string text, const std::string& secret) {
  if (secret.empty()) return text;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
  return text;
}

// SQLSTATE (PostgreSQL, appendix A).
Error error_of_state(std::string_view state) {
  const auto error = [](Code code, const char* text, Retry retry = Retry::kNever, int os_errno = 0) {
    return Error{code, Side::kInternal, retry, os_errno, text};
  };
  if (state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03" ||
      state == "25006" || state == "25P03") {
    return kLost;
  }
  if (state == "57014") return error(Code::kTimedOut, "the store's database took too long", Retry::kSafe);
  if (state == "55P03") {
    return error(Code::kOverloaded, "another controller writes to the store for too long", Retry::kSafe);
  }
  if (state.starts_with("40")) {
    return error(Code::kConflict, "the store's database gave up a transaction", Retry::kSafe);
  }
  if (state == "53100") {
    return error(Code::kIo, "no room left for the store", Retry::kNever, ENOSPC);
  }
  if (state.starts_with("53") || state == "54000") {
    return error(Code::kOverloaded, "the store's database has no more resources", Retry::kSafe);
  }
  if (state == "42501" || state.starts_with("28")) {
    return error(Code::kNotPermitted, "the store's database refuses this user");
  }
  if (state == "42P01" || state == "42703" || state == "3F000") {
    return error(Code::kInvalid, "the store's tables are not there");
  }
  if (state == "XX001" || state == "XX002") {
    return error(Code::kIo, "the store's database is damaged", Retry::kNever, EUCLEAN);
  }
  return error(Code::kInternal, "the store's database refused a statement");
}

}  // namespace

// --- address

bool PostgresAddress::is_url(std::string_view text) {
  return text.starts_with("postgres://") || text.starts_with("postgresql://");
}

Opened<PostgresAddress> PostgresAddress::parse(const std::string& url) {
  // libpq's own words may quote the password, so they are not passed on.
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      is_url(url) ? PQconninfoParse(url.c_str(), nullptr) : nullptr, &PQconninfoFree);
  if (!options) {
    return std::unexpected(OpenFailure{
        {Code::kInvalid, Side::kInternal, Retry::kNever, 0, "not a PostgreSQL URL"},
        "the store's URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE"
        " (other characters than letters and digits are written %XX)"});
  }
  PostgresAddress address;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) address.options_.emplace_back(option->keyword, option->val);
  }
  const auto of = [&](std::string_view keyword) {
    const auto found = std::ranges::find(address.options_, keyword, [](const auto& o) { return o.first; });
    return found == address.options_.end() ? std::string() : found->second;
  };
  address.display_ = "postgres://";
  if (!of("user").empty()) address.display_ += of("user") + "@";
  address.display_ += of("host").empty() ? of("hostaddr") : of("host");
  if (of("port").find_first_not_of(',') != std::string::npos) address.display_ += ":" + of("port");
  address.display_ += "/" + of("dbname");
  return address;
}

std::string PostgresAddress::hide_password(std::string text) const {
  for (const auto& [keyword, value] : options_) {
    if (keyword == "password" || keyword == "sslpassword") text = without(std::move(text), value);
  }
  return text;
}

// --- values

PostgresParameters& PostgresParameters::integer(std::uint64_t value) {
  append_big_endian(values_.emplace_back(), value);
  return *this;
}

PostgresParameters& PostgresParameters::text(std::string_view value) {
  values_.emplace_back(value);
  return *this;
}

PostgresParameters& PostgresParameters::integers(std::span<const std::uint64_t> values) {
  values_.push_back(array_of(kTypeInt8, values, [](std::string& out, std::uint64_t value) {
    append_big_endian(out, std::int32_t{sizeof value});
    append_big_endian(out, value);
  }));
  return *this;
}

PostgresParameters& PostgresParameters::texts(std::span<const std::string_view> values) {
  values_.push_back(array_of(kTypeText, values, append_element));
  return *this;
}

PostgresParameters& PostgresParameters::blobs(std::span<const std::optional<std::string_view>> values) {
  values_.push_back(array_of(kTypeBytea, values, [](std::string& out, const auto& value) {
    if (value) {
      append_element(out, *value);
    } else {
      append_big_endian(out, std::int32_t{-1});
    }
  }));
  return *this;
}

void PostgresRows::Clear::operator()(pg_result* result) const { PQclear(result); }

std::size_t PostgresRows::size() const { return static_cast<std::size_t>(PQntuples(result_.get())); }

bool PostgresRows::is_null(std::size_t row, int column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), column) != 0;
}

std::string_view PostgresRows::bytes(std::size_t row, int column) const {
  return {PQgetvalue(result_.get(), static_cast<int>(row), column),
          static_cast<std::size_t>(PQgetlength(result_.get(), static_cast<int>(row), column))};
}

std::uint64_t PostgresRows::integer(std::size_t row, int column) const {
  std::uint64_t value = 0;
  const std::string_view text = bytes(row, column);
  if (is_null(row, column)) return 0;
  WEIR_CHECK(text.size() == sizeof value);  // the query casts to int8
  std::memcpy(&value, text.data(), sizeof value);
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

bool PostgresRows::flag(std::size_t row, int column) const { return bytes(row, column) == "\x01"; }

// --- session

void PostgresSession::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

Opened<PostgresSession> PostgresSession::connect(const PostgresAddress& address) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const Preset& preset : kPresets) {  // of two values for a keyword, libpq takes the last one
    keywords.push_back(preset.keyword);
    values.push_back(preset.value);
  }
  for (const auto& [keyword, value] : address.options_) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PostgresSession session(PQconnectdbParams(keywords.data(), values.data(), 0));
  const auto refuse = [&](const Error& error, const std::string& why) {
    return std::unexpected(OpenFailure{
        error, address.hide_password("cannot use the store " + address.display() + ": " + one_line(why))});
  };
  pg_conn* connection = session.connection_.get();
  if (PQstatus(connection) != CONNECTION_OK) return refuse(kLost, PQerrorMessage(connection));
  if (PQserverVersion(connection) < kOldestServer) {
    return refuse({Code::kInvalid, Side::kInternal, Retry::kNever, 0, "the database is too old"},
                  "it is PostgreSQL " + std::to_string(PQserverVersion(connection) / 10'000) +
                      "; weir needs 13 or newer");
  }
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);  // it would write to stderr
  if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) != 1) {
    return refuse(kLost, PQerrorMessage(connection));
  }
  if (const auto set = session.set_up(); !set) return refuse(set.error(), session.message());
  return session;
}

Result<void> PostgresSession::set_up() {
  const auto milliseconds = [](Duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  };
  PostgresQuery query{kSettings};
  query.parameters.text(milliseconds(kStatementTimeout)).text(milliseconds(kLockTimeout));
  const auto done = run({&query, 1});
  if (!done) return fail(done.error());
  return {};
}

std::unexpected<Error> PostgresSession::lost(const char* text) {
  message_ = connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_BAD
                 ? one_line(PQerrorMessage(connection_.get()))
                 : text;
  connection_.reset();
  return fail(kLost);
}

Error PostgresSession::error_of(pg_result* result) {
  message_ = one_line(PQresultErrorMessage(result));
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state != nullptr ? error_of_state(state) : kLost;
}

Result<void> PostgresSession::send(const PostgresQuery& query, std::vector<Sent>& sent) {
  pg_conn* connection = connection_.get();
  std::size_t number = static_cast<std::size_t>(std::ranges::find(prepared_, query.sql) - prepared_.begin());
  const bool is_new = number == prepared_.size();
  if (is_new) {
    number = static_cast<std::size_t>(std::ranges::find(prepared_, nullptr) - prepared_.begin());
    if (number == prepared_.size()) prepared_.push_back(nullptr);
    prepared_[number] = query.sql;
  }
  const std::string name = "q" + std::to_string(number);
  if (is_new) {
    if (PQsendPrepare(connection, name.c_str(), query.sql, 0, nullptr) != 1) return lost("cannot send");
    sent.push_back({false, number});
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const std::string& value : query.parameters.values_) {
    values.push_back(value.data());
    lengths.push_back(static_cast<int>(value.size()));
  }
  const std::vector<int> formats(values.size(), kBinary);
  if (PQsendQueryPrepared(connection, name.c_str(), static_cast<int>(values.size()), values.data(),
                          lengths.data(), formats.data(), kBinary) != 1) {
    return lost("cannot send");
  }
  sent.push_back({true, number});
  return {};
}

Result<pg_result*> PostgresSession::take(Instant deadline) {
  net::SystemClock clock;
  pg_conn* connection = connection_.get();
  while (PQisBusy(connection) != 0) {
    const int unsent = PQflush(connection);
    if (unsent < 0) return lost("cannot send");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.now()).count();
    if (left <= 0) return lost("the database does not answer");
    pollfd socket{PQsocket(connection), static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN), 0};
    const int ready = ::poll(&socket, 1, static_cast<int>(std::min<long>(left, INT_MAX)));
    if (ready < 0 && errno != EINTR) return lost("cannot wait");
    if ((socket.revents & ~POLLOUT) != 0 && PQconsumeInput(connection) != 1) return lost("cannot receive");
  }
  return PQgetResult(connection);
}

// One result and the mark behind it.
Result<PostgresRows> PostgresSession::take_whole(Instant deadline) {
  const auto result = take(deadline);
  if (!result) return fail(result.error());
  if (*result == nullptr) return lost("an answer is missing");
  PostgresRows rows(*result);
  const auto end = take(deadline);
  if (!end) return fail(end.error());
  if (*end != nullptr) {
    PQclear(*end);
    return lost("an answer too many");
  }
  return rows;
}

Result<std::vector<PostgresRows>> PostgresSession::run(std::span<const PostgresQuery> queries,
                                                       Duration timeout) {
  WEIR_CHECK(connection_ != nullptr);
  const Instant deadline = net::SystemClock().now() + timeout;
  std::vector<Sent> sent;
  for (const PostgresQuery& query : queries) {
    if (const auto done = send(query, sent); !done) return fail(done.error());
  }
  if (PQpipelineSync(connection_.get()) != 1) return lost("cannot send");

  std::vector<PostgresRows> answers;
  std::optional<Error> failure;
  for (const Sent& command : sent) {
    auto rows = take_whole(deadline);
    if (!rows) return fail(rows.error());
    pg_result* result = rows->result_.get();
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      if (command.is_query) answers.push_back(std::move(*rows));
      continue;
    }
    if (!command.is_query) prepared_[command.number] = nullptr;
    if (status == PGRES_PIPELINE_ABORTED || failure) continue;
    failure = error_of(result);
    if (*failure == kLost) return lost(std::string(message_).c_str());
  }
  const auto mark = take(deadline);
  if (!mark) return fail(mark.error());
  const bool in_step = *mark != nullptr && PQresultStatus(*mark) == PGRES_PIPELINE_SYNC;
  PQclear(*mark);
  if (!in_step) return lost("the answers are out of step");
  if (failure) return fail(*failure);
  return answers;
}

bool PostgresSession::wait_for_notification(int wake, Duration timeout) {
  WEIR_CHECK(connection_ != nullptr);
  pg_conn* connection = connection_.get();
  const auto take_notifications = [connection] {
    bool any = false;
    while (PGnotify* notification = PQnotifies(connection)) {
      any = true;
      PQfreemem(notification);
    }
    return any;
  };
  if (take_notifications()) return true;  // it came with an answer
  std::array<pollfd, 2> waited{pollfd{PQsocket(connection), POLLIN, 0}, pollfd{wake, POLLIN, 0}};
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  if (::poll(waited.data(), waited.size(), static_cast<int>(limit)) < 0 && errno != EINTR) {
    (void)lost("cannot wait");
    return false;
  }
  if (waited[0].revents != 0 && PQconsumeInput(connection) != 1) {
    (void)lost("the database closed the connection");
    return false;
  }
  take_notifications();
  return true;
}

}  // namespace weir::store
