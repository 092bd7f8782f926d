// Query: the parameters behind the '?' of an API request, decoded and checked. Pure functions. A parameter
// that is not known is refused, because a misspelt dry_run would otherwise write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "base/time.h"
#include "config/object.h"

namespace weir::api {

// "label=tier=web" wants the value, "label=tier" wants the key.
struct LabelFilter {
  std::string key;
  std::optional<std::string> value;
};
bool matches(const std::vector<LabelFilter>& filters, const config::Labels& labels);

// Why a request was answered as it was, by its id, or what would be done with one, or with a query of DNS.
struct ExplainQuestion {
  std::string id;
  std::string request;               // "GET http://web.example/"
  std::vector<std::string> headers;  // of it: "Cookie: a=b"
  std::string peer;                  // the IP address that it comes from; may be empty
  std::string dns;                   // or of a query: the name that is asked for
  std::string type;                  // and the type; empty: A
};

// What of an instance's logs, or which command in it.
struct VisitQuestion {
  std::string instance;   // of a Workload's logs: only of that one
  std::string container;  // of logs, empty: of all; of a command: the first
  bool follow = false;
  bool timestamps = false;
  std::optional<Duration> since_ago;
  std::optional<WallTime> since_time;
  std::optional<std::uint32_t> tail;  // lines of each container
  std::vector<std::string> command;
  bool terminal = false;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

// Which lines of a graph, as they are written; see insight/graphs.h.
struct GraphQuestion {
  std::string series;
  std::string of;
  std::string by;
  std::string from;
  std::string to;
  std::string step;
};

struct Query {
  std::vector<LabelFilter> labels;  // all of them must match
  std::optional<std::size_t> limit;
  std::string continue_token;
  bool watch = false;
  std::optional<std::uint64_t> from;
  std::vector<std::string> kinds;  // of a watch of several: plurals
  bool dry_run = false;
  bool edges = false;  // of a dry run: what it would come to at each edge
  bool force = false;  // of a provider's sync: as many changes as it takes
  ExplainQuestion explain;
  VisitQuestion visit;
  GraphQuestion graph;
};

// What a request may be asked with.
enum class QueryKind : std::uint8_t {
  kNone,
  kList,
  kWrite,
  kExplain,
  kSync,
  kLogs,
  kExec,
  kWatch,
  kGraphs,
  kRequests
};
Answer<Query> parse_query(std::string_view query, QueryKind kind);

// application/x-www-form-urlencoded for one component; nothing when a '%' is not followed by two hex digits.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

// The place in a list that the next page begins behind. Opaque to clients.
struct Cursor {
  std::uint64_t revision = 0;  // of the store, when the first page was made
  std::string name;            // the last one that was given
};
std::string to_token(const Cursor& cursor);
std::optional<Cursor> parse_token(std::string_view token);

}  // namespace weir::api
