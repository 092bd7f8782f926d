// weir get: prints objects, and with -w each change of them.
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/objects.h"
#include "cli/session.h"
#include "net/loop.h"

namespace weir::cli {
namespace {

constexpr std::string_view kPageItems = "500";  // small enough to come soon, large enough for one round trip
// A watch that lost its API tries again this often; a restart takes seconds, not minutes.
constexpr Duration kWatchRetry = std::chrono::seconds(1);
constexpr int kWatchTriesMax = 60;
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

struct Listed {
  std::vector<Tree> objects;
  std::uint64_t revision = 0;
};

std::string label_query(const Arguments& arguments) {
  std::string query;
  for (const std::string& label : arguments.labels) query += "&label=" + encoded(label);
  return query;
}

// All pages. Nothing: why was said.
net::Task<std::optional<Listed>> list(Session& session, const config::KindInfo& kind, std::string labels) {
  Listed listed;
  std::string next;
  do {
    std::string target = path_of(kind, {}) + "?limit=" + std::string(kPageItems) + labels;
    if (!next.empty()) target += "&continue=" + encoded(next);
    const auto content = session.content_of(co_await session.api.ask(http::Method::kGet, target));
    if (!content) co_return std::nullopt;
    const Tree page = parse_tree(*content);
    if (!at(page, "/items").is_array()) {
      session.terminal.say("weir: the answer of the API is no list");
      co_return std::nullopt;
    }
    for (const Tree& object : at(page, "/items")) listed.objects.push_back(object);
    // Of the first page: what changes while the others are read is among the changes since.
    if (next.empty()) listed.revision = parse_decimal(text_at(page, "/revision")).value_or(0);
    next = text_at(page, "/continue");
  } while (!next.empty());
  co_return listed;
}

// What was asked for: one object or a list of them.
net::Task<std::optional<Listed>> read(Session& session, const config::KindInfo& kind,
                                      const Arguments& arguments) {
  if (arguments.name.empty() || arguments.watch) {
    auto listed = co_await list(session, kind, label_query(arguments));
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
    int tries = 0;
    const ApiClient::OnEvent on_event = [this, &tries](const StreamEvent& event) {
      tries = 0;
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
      const bool overloaded = answer && answer->status == 503;
      if (answer && answer->status != 200 && !overloaded) {
        session_.say_refused(*answer);
        co_return kFailed;
      }
      if (++tries > kWatchTriesMax) {
        if (answer) {
          session_.say_refused(*answer);
        } else {
          session_.say_failed(answer.error());
        }
        co_return kFailed;
      }
      if (tries == 1) session_.terminal.say("weir: the watch was interrupted; trying to go on");
      if (!co_await session_.env.loop.sleep(kWatchRetry)) co_return kFailed;
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

}  // namespace weir::cli
