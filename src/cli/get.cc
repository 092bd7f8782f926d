// weir get: prints objects, and with -w each change of them. weir describe: one object as a person wants to
// see it, with what was done to it last.
#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/uri_path.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "net/loop.h"

namespace weir::cli {
namespace {

using client::age_of;
using client::cells_of;
using client::Row;
using client::Table;
using client::titles_of;

constexpr std::string_view kPresent = "present";  // of what is there when a watch begins

std::string pretty(const Tree& tree) { return tree.dump(2, ' ', false, Tree::error_handler_t::replace); }

// What a watch is about, and how its rows are shown.
class Printer {
 public:
  Printer(Session& session, const Arguments& arguments, const config::KindInfo& kind)
      : session_(session), arguments_(arguments), kind_(kind) {}

  // All at once; json, yaml: what apply takes again.
  void print_all(std::span<const Tree> objects) {
    if (arguments_.format == Format::kTable) {
      print_table(objects);
    } else if (arguments_.watch) {
      for (const Tree& object : objects) print_event(kPresent, object);
    } else if (arguments_.format == Format::kJson) {
      const bool one = !arguments_.name.empty();
      session_.terminal.print(pretty(one ? objects.front() : Tree{{"items", objects}}) + '\n');
    } else {
      for (std::size_t i = 0; i < objects.size(); ++i) {
        session_.terminal.print((i == 0 ? "" : "---\n") + to_yaml_text(objects[i]));
      }
    }
    session_.terminal.flush();
  }

  // False: nobody reads any more.
  bool print_event(std::string_view event, const Tree& object) {
    if (arguments_.format == Format::kTable) {
      const Row row = row_of(event, object);
      session_.terminal.print(table_.lay_out({&row, 1}));
    } else if (arguments_.format == Format::kJson) {
      const Tree line{{"event", event}, {"object", object}};
      session_.terminal.print(to_json_text(line) + '\n');
    } else {
      session_.terminal.print("--- # " + std::string(event) + '\n' + to_yaml_text(object));
    }
    return session_.terminal.flush();
  }

 private:
  Row row_of(std::string_view event, const Tree& object) {
    Row row = cells_of(kind_.kind, object, session_.env.loop.clock().wall_now());
    if (arguments_.watch) row.emplace(row.begin(), event);
    return row;
  }
  Row titles() const {
    Row row = titles_of(kind_.kind);
    if (arguments_.watch) row.emplace(row.begin(), "EVENT");
    return row;
  }
  void print_table(std::span<const Tree> objects) {
    if (objects.empty() && !arguments_.watch) {
      return session_.terminal.say("there are no " + std::string(kind_.plural));
    }
    if (arguments_.watch) table_.widen({"modified"});  // the longest of the events
    std::vector<Row> rows;
    if (!std::exchange(titled_, true)) rows.push_back(titles());
    for (const Tree& object : objects) rows.push_back(row_of(kPresent, object));
    session_.terminal.print(table_.lay_out(rows));
  }

  Session& session_;
  const Arguments& arguments_;
  const config::KindInfo& kind_;
  Table table_;
  bool titled_ = false;
};

std::string label_query(const Arguments& arguments) {
  std::string query;
  for (const std::string& label : arguments.labels) query += "&label=" + encoded(label);
  return query;
}

// What was asked for: one object or a list of them.
net::Task<std::optional<Listed>> read(Session& session, const config::KindInfo& kind,
                                      const Arguments& arguments) {
  if (arguments.name.empty() || arguments.watch) {
    auto listed = co_await list_objects(session, kind, label_query(arguments));
    if (listed && !arguments.name.empty()) {
      std::erase_if(listed->objects, [&arguments](const Tree& object) {
        return text_at(object, "/metadata/name") != arguments.name;
      });
    }
    co_return listed;
  }
  const auto content =
      session.content_of(co_await session.api.ask(http::Method::kGet, path_of(kind, arguments.name)));
  if (!content) co_return std::nullopt;
  Listed listed;
  listed.objects.push_back(parse_tree(*content));
  co_return listed;
}

// Follows the changes since `revision`, across restarts of the API. Gives an exit code, or nothing when what
// is there has to be listed again.
class Watch {
 public:
  Watch(Session& session, const Arguments& arguments, const config::KindInfo& kind, Printer& printer,
        std::uint64_t revision)
      : session_(session), arguments_(arguments), kind_(kind), printer_(printer), revision_(revision) {}

  net::Task<std::optional<int>> run() {
    Following following(session_, "the watch was");
    const ApiClient::OnEvent on_event = [this, &following](const StreamEvent& event) {
      following.heard();
      return take(event);
    };
    for (;;) {
      const auto answer = co_await session_.api.watch(
          path_of(kind_, {}) + "?watch=true&from=" + std::to_string(revision_) + label_query(arguments_),
          on_event);
      if (closed_) co_return kFailed;
      if (gone_ || (answer && answer->status == 410)) {
        session_.terminal.say("weir: changes were missed; listing again");
        co_return std::nullopt;
      }
      if (!co_await following.goes_on(answer)) co_return kFailed;
    }
  }

 private:
  bool take(const StreamEvent& event) {
    if (event.name == "gone") {
      gone_ = true;
      return false;
    }
    if (!event.name.empty()) {
      const Tree object = parse_tree(event.data);
      const bool wanted = arguments_.name.empty() || text_at(object, "/metadata/name") == arguments_.name;
      if (wanted && !printer_.print_event(event.name, object)) {
        closed_ = true;
        return false;
      }
    }
    if (event.id) revision_ = *event.id;
    return true;
  }

  Session& session_;
  const Arguments& arguments_;
  const config::KindInfo& kind_;
  Printer& printer_;
  std::uint64_t revision_;  // all up to here was printed
  bool gone_ = false;
  bool closed_ = false;
};

// --- describe

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

net::Task<int> get_command(Session& session, const Arguments& arguments) {
  const config::KindInfo* kind = kind_meant(arguments.kind, session.terminal);
  if (kind == nullptr) co_return kBadUsage;
  Printer printer(session, arguments, *kind);
  for (;;) {
    const auto listed = co_await read(session, *kind, arguments);
    if (!listed) co_return kFailed;
    printer.print_all(listed->objects);
    if (!arguments.watch) co_return kDone;
    Watch watch(session, arguments, *kind, printer, listed->revision);
    if (const auto exit_code = co_await watch.run()) co_return *exit_code;
  }
}

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
