// weir describe: one object as a person wants to see it, with what was done to it last.
#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/session.h"

namespace weir::cli {
namespace {

constexpr std::size_t kEventsShown = 10;
constexpr int kPagesMax = 100;  // of events, oldest first; where there are more, the newest are not found

// "spec:" and what is in it, as YAML, two spaces in.
std::string section(const Tree& object, std::string_view pointer) {
  const Tree& part = at(object, pointer);
  if (part.empty()) return {};
  std::string text = std::string(pointer.substr(pointer.rfind('/') + 1)) + ":\n";
  const std::string yaml = to_yaml_text(part);
  std::string_view rest = yaml;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    text.append("  ").append(printable(rest.substr(0, end))).append("\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

std::string heading(const config::KindInfo& kind, const Tree& object, WallTime now) {
  std::string text = std::string(kind.name) + '/' + text_at(object, "/metadata/name") + '\n';
  const std::string created = text_at(object, "/metadata/created_at");
  const std::string updated = text_at(object, "/metadata/updated_at");
  text += "  revision " + text_at(object, "/metadata/revision");
  if (!created.empty()) text += ", created " + created + " (" + age_of(created, now) + " ago)";
  if (!updated.empty() && updated != created)
    text += ", updated " + updated + " (" + age_of(updated, now) + " ago)";
  text += '\n';
  if (const std::string uid = text_at(object, "/metadata/uid"); !uid.empty()) text += "  uid " + uid + '\n';
  return text;
}

// The last events of one object, oldest first. Nothing: why was said.
net::Task<std::optional<std::deque<Row>>> events_of(Session& session, const config::KindInfo& kind,
                                                    std::string name) {
  const config::KindInfo& events = config::info_of(config::Kind::kEvent);
  std::deque<Row> rows;
  std::string next;
  for (int page = 0; page < kPagesMax; ++page) {
    std::string target = path_of(events, {}) + "?limit=1000";
    if (!next.empty()) target += "&continue=" + encoded(next);
    const auto content = session.content_of(co_await session.api.ask(http::Method::kGet, target));
    if (!content) co_return std::nullopt;
    const Tree tree = parse_tree(*content);
    for (const Tree& event : at(tree, "/items")) {
      if (text_at(event, "/spec/kind") != kind.name || text_at(event, "/spec/name") != name) continue;
      const std::string reason = text_at(event, "/spec/reason");
      rows.push_back({text_at(event, "/spec/time"), text_at(event, "/spec/verb"),
                      "revision " + text_at(event, "/spec/revision"), "by " + text_at(event, "/spec/actor"),
                      "from " + text_at(event, "/spec/remote_address"),
                      reason.empty() ? "" : "refused: " + reason});
      if (rows.size() > kEventsShown) rows.pop_front();
    }
    next = text_at(tree, "/continue");
    if (next.empty()) break;
  }
  co_return rows;
}

}  // namespace

net::Task<int> describe_command(Session& session, const Arguments& arguments) {
  const config::KindInfo* kind = kind_meant(arguments.kind, session.terminal);
  if (kind == nullptr) co_return kBadUsage;
  const auto content =
      session.content_of(co_await session.api.ask(http::Method::kGet, path_of(*kind, arguments.name)));
  if (!content) co_return kFailed;
  const Tree object = parse_tree(*content);
  if (!object.is_object()) {
    session.terminal.say("weir: the answer of the API is no object");
    co_return kFailed;
  }
  const auto events = co_await events_of(session, *kind, arguments.name);
  if (!events) co_return kFailed;
  Terminal& terminal = session.terminal;
  terminal.print(heading(*kind, object, session.env.loop.clock().wall_now()));
  for (const char* place : {"/metadata/labels", "/metadata/annotations", "/spec", "/status"}) {
    terminal.print(section(object, place));
  }
  if (events->empty()) co_return kDone;
  terminal.print("events:\n");
  std::vector<Row> rows;
  for (const Row& event : *events) {
    Row& row = rows.emplace_back();
    for (const std::string& cell : event) row.push_back((row.empty() ? "  " : "") + printable(cell));
  }
  Table table;
  terminal.print(table.lay_out(rows));
  co_return kDone;
}

}  // namespace weir::cli
