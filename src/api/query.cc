#include "api/query.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/text.h"
#include "config/formats.h"
#include "config/kinds.h"
#include "net/buffer.h"

namespace weir::api {
namespace {

constexpr std::size_t kParametersMax = 32;  // more are no honest request, but for the words of a command
constexpr std::size_t kExecParametersMax = 300;
constexpr std::uint64_t kTailMax = 100'000;
constexpr std::uint64_t kTerminalMax = 4096;  // rows or columns
constexpr std::size_t kLimitMax = 10'000;     // of one page; as many objects as one apply may carry
constexpr std::array<std::string_view, 5> kListNames{"label", "limit", "continue", "watch", "from"};
constexpr std::array<std::string_view, 2> kWatchNames{"kind", "from"};
constexpr std::array<std::string_view, 2> kWriteNames{"dry_run", "edges"};
constexpr std::array<std::string_view, 6> kExplainNames{"id", "request", "header", "peer", "dns", "type"};
constexpr std::array<std::string_view, 1> kSyncNames{"force"};
constexpr std::array<std::string_view, 6> kLogsNames{"follow",     "since",    "tail",
                                                     "timestamps", "instance", "container"};
constexpr std::array<std::string_view, 5> kExecNames{"command", "container", "terminal", "rows", "columns"};
constexpr std::array<std::string_view, 7> kGraphsNames{"series", "of", "by", "from", "to", "step", "watch"};
constexpr std::array<std::string_view, 1> kRequestsNames{"watch"};
// Those that may be there more than once.
constexpr std::array<std::string_view, 4> kListed{"label", "header", "command", "kind"};

std::span<const std::string_view> names_for(QueryKind kind) {
  switch (kind) {
    case QueryKind::kList: return kListNames;
    case QueryKind::kWrite: return kWriteNames;
    case QueryKind::kExplain: return kExplainNames;
    case QueryKind::kSync: return kSyncNames;
    case QueryKind::kLogs: return kLogsNames;
    case QueryKind::kExec: return kExecNames;
    case QueryKind::kWatch: return kWatchNames;
    case QueryKind::kGraphs: return kGraphsNames;
    case QueryKind::kRequests: return kRequestsNames;
    case QueryKind::kNone: break;
  }
  return {};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// An empty text is what "?watch" without a value gives.
bool set_flag(bool& flag, std::string_view value) {
  flag = value.empty() || value == "true";
  return flag || value == "false";
}

template <class Number>
std::string set_number(Number& to, std::uint64_t max, std::string_view value) {
  const auto number = parse_decimal(value);
  if (!number || *number > max) return "must be a number from 0 to " + std::to_string(max);
  to = static_cast<Number>(*number);
  return {};
}

std::string set_since(VisitQuestion& to, std::string_view value) {
  if (const auto ago = parse_duration(value); ago) {
    to.since_ago = *ago;
  } else {
    to.since_time = config::parse_rfc3339(value);
  }
  const bool known = to.since_ago || to.since_time;
  return known ? "" : "must be a duration such as 10m, or a time such as 2026-11-30T07:11:06Z";
}

// Nothing: it is no parameter of a visit.
std::optional<std::string> set_visit(VisitQuestion& to, std::string_view name, const std::string& value) {
  for (const auto& [word, flag] :
       {std::pair("follow", &to.follow), {"timestamps", &to.timestamps}, {"terminal", &to.terminal}}) {
    if (name == word) return set_flag(*flag, value) ? "" : "must be true or false";
  }
  if (name == "command") {
    to.command.push_back(value);
  } else if (name == "instance" || name == "container") {
    if (!config::check_dotted_name(value).empty()) return config::check_dotted_name(value);
    (name == "instance" ? to.instance : to.container) = value;
  } else if (name == "since") {
    return set_since(to, value);
  } else if (name == "tail") {
    return set_number(to.tail.emplace(), kTailMax, value);
  } else if (name == "rows" || name == "columns") {
    return set_number(name == "rows" ? to.rows : to.columns, kTerminalMax, value);
  } else {
    return std::nullopt;
  }
  return "";
}

std::string set_question(ExplainQuestion& to, std::string_view name, const std::string& value) {
  std::string* place = nullptr;
  if (name == "id") place = &to.id;
  if (name == "request") place = &to.request;
  if (name == "peer") place = &to.peer;
  if (name == "dns") place = &to.dns;
  if (name == "type") place = &to.type;
  if (place == nullptr) return {};
  if (value.empty()) return "must not be empty";
  *place = value;
  return {};
}

std::string add_kind(Query& query, const std::string& value) {
  if (config::find_plural(value) == nullptr) return "must be the plural of a kind, such as services";
  if (std::ranges::find(query.kinds, value) != query.kinds.end()) return "names a kind twice";
  query.kinds.push_back(value);
  return {};
}

// False: it is no parameter of a graph.
bool set_graph(GraphQuestion& to, std::string_view name, const std::string& value) {
  for (const auto& [word, place] : {std::pair("series", &to.series),
                                    {"of", &to.of},
                                    {"by", &to.by},
                                    {"from", &to.from},
                                    {"to", &to.to},
                                    {"step", &to.step}}) {
    if (name != word) continue;
    *place = value;
    return true;
  }
  return false;
}

// What is wrong with the value, or nothing.
std::string set(Query& query, std::string_view name, const std::string& value) {
  if (auto wrong = set_visit(query.visit, name, value)) return std::move(*wrong);
  if (name == "label") {
    const std::size_t equals = value.find('=');
    LabelFilter filter{value.substr(0, equals), {}};
    if (filter.key.empty()) return "must be like tier=web, or only a key";
    if (equals != std::string::npos) filter.value = value.substr(equals + 1);
    query.labels.push_back(std::move(filter));
  } else if (name == "limit") {
    const auto limit = parse_decimal(value);
    if (!limit || *limit == 0 || *limit > kLimitMax) {
      return "must be a number from 1 to " + std::to_string(kLimitMax);
    }
    query.limit = *limit;
  } else if (name == "continue") {
    query.continue_token = value;
    if (!parse_token(value)) return "is not what an earlier page said";
  } else if (name == "from") {
    query.from = parse_decimal(value);
    if (!query.from) return "must be a revision, such as 42";
  } else if (name == "kind") {
    return add_kind(query, value);
  } else if (name == "watch") {
    if (!set_flag(query.watch, value)) return "must be true or false";
  } else if (name == "dry_run") {
    if (!set_flag(query.dry_run, value)) return "must be true or false";
  } else if (name == "edges") {
    if (!set_flag(query.edges, value)) return "must be true or false";
  } else if (name == "force") {
    if (!set_flag(query.force, value)) return "must be true or false";
  } else if (name == "header") {
    query.explain.headers.push_back(value);
  } else {
    return set_question(query.explain, name, value);
  }
  return {};
}

std::string unknown_parameter(std::string_view name, std::span<const std::string_view> known) {
  if (known.empty()) return "is not taken here: this request has no parameters";
  if (const std::string_view near = nearest(name, known); !near.empty()) {
    return std::string("is not known; did you mean ").append(near).append("?");
  }
  std::string text = "is not known; this request takes ";
  for (std::size_t i = 0; i < known.size(); ++i) text.append(i == 0 ? "" : ", ").append(known[i]);
  return text;
}

}  // namespace

bool matches(const std::vector<LabelFilter>& filters, const config::Labels& labels) {
  return std::ranges::all_of(filters, [&labels](const LabelFilter& filter) {
    const auto found = labels.find(filter.key);
    return found != labels.end() && (!filter.value || *filter.value == found->second);
  });
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

Answer<Query> parse_query(std::string_view text, QueryKind kind) {
  const std::span<const std::string_view> known = names_for(kind);
  Query query;
  query.watch = kind == QueryKind::kWatch;
  config::Violations violations;
  std::vector<std::string> seen;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == (kind == QueryKind::kExec ? kExecParametersMax : kParametersMax))
      return refuse(400, "bad-query", "has too many parameters");
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decoded(pair.substr(0, equals), true);
    const auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value)
      return refuse(400, "bad-query", "a '%' of the query has no two hex digits behind it");
    std::string wrong;
    if (!config::is_utf8(*name) || !config::is_utf8(*value)) {
      return refuse(400, "bad-query", "the query is not UTF-8");
    }
    if (*name == "organization") continue;  // whose objects it is about, which was looked at with the session
    if (std::ranges::find(known, *name) == known.end()) {
      wrong = unknown_parameter(*name, known);
    } else if (std::ranges::find(kListed, *name) == kListed.end() &&
               std::ranges::find(seen, *name) != seen.end()) {
      wrong = "is there twice";
    } else {
      const bool is_graphs = kind == QueryKind::kGraphs && set_graph(query.graph, *name, *value);
      if (!is_graphs) wrong = set(query, *name, *value);
    }
    if (!wrong.empty()) violations.push_back({"?" + *name, std::move(wrong), {}});
    seen.push_back(*name);
  }
  if (query.from && !query.watch) violations.push_back({"?from", "goes with watch=true", {}});
  if (query.edges && !query.dry_run) violations.push_back({"?edges", "goes with dry_run=true", {}});
  if (query.watch && (query.limit || !query.continue_token.empty())) {
    violations.push_back({"?watch", "does not go with limit and continue", {}});
  }
  if (kind == QueryKind::kWatch && query.kinds.empty() && violations.empty()) {
    violations.push_back({"?kind", "must be there, once for each kind that is watched", {}});
  }
  const ExplainQuestion& asked = query.explain;
  const int questions =
      (asked.id.empty() ? 0 : 1) + (asked.request.empty() ? 0 : 1) + (asked.dns.empty() ? 0 : 1);
  if (kind == QueryKind::kExplain && violations.empty() && questions != 1) {
    return refuse(400, "bad-query",
                  "ask with ?id=<request id>, with ?request=GET%20http://host/path or with ?dns=<name>");
  }
  if (!asked.id.empty() && (!asked.headers.empty() || !asked.peer.empty())) {
    violations.push_back({"?id", "does not go with header and peer", {}});
  }
  if (!asked.dns.empty() && !asked.headers.empty()) {
    violations.push_back({"?dns", "does not go with header", {}});
  }
  if (asked.dns.empty() && !asked.type.empty()) violations.push_back({"?type", "goes with dns", {}});
  if (kind == QueryKind::kExec && (query.visit.command.empty() || query.visit.command.front().empty())) {
    violations.push_back({"?command", "must be there, once for each word of a command", {}});
  }
  if (!violations.empty()) {
    return refuse(400, "bad-query", "the parameters of the request are wrong", std::move(violations));
  }
  return query;
}

std::string to_token(const Cursor& cursor) {
  const std::string text = std::to_string(cursor.revision) + ':' + cursor.name;
  return to_hex(net::as_slice(text));
}

std::optional<Cursor> parse_token(std::string_view token) {
  if (token.size() % 2 != 0) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < token.size(); i += 2) {
    const int high = hex_value(token[i]);
    const int low = hex_value(token[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    text += static_cast<char>(high * 16 + low);
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto revision = parse_decimal(std::string_view(text).substr(0, colon));
  Cursor cursor{revision.value_or(0), text.substr(colon + 1)};
  if (!revision || cursor.name.empty() || !config::check_dotted_name(cursor.name).empty())
    return std::nullopt;
  return cursor;
}

}  // namespace weir::api
