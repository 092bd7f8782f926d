// weir logs: what the instances of a workload write, from all its cities, or one of them; or the requests
// that come to a tunnel.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/uri_path.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/tunnel_logs.h"
#include "client/objects.h"
#include "net/loop.h"

namespace weir::cli {
namespace {

// What lines are of, and how they are shown.
class Printer {
 public:
  Printer(Session& session, const LogsFlags& flags, bool of_workload, bool many_containers)
      : session_(session), flags_(flags), of_workload_(of_workload), many_(many_containers) {}

  // False: nobody reads any more.
  bool print(std::string_view json) {
    const Tree line = parse_tree(json);
    const std::string instance = text_at(line, "/instance");
    if (const std::string notice = text_at(line, "/notice"); !notice.empty()) {
      session_.terminal.say("weir: " + (instance.empty() ? "" : instance + ": ") + notice);
      return true;
    }
    std::string time = text_at(line, "/time");
    std::string text;
    if (flags_.timestamps) text.append(time).append(" ");
    if (!time.empty()) last_ = std::move(time);
    const std::string container = many_ ? text_at(line, "/container") : std::string();
    if (of_workload_) text += instance;
    if (of_workload_ && !container.empty()) text += '/';
    text += container;
    if (of_workload_ || !container.empty()) text += ": ";
    session_.terminal.print(text.append(text_at(line, "/text")).append("\n"));
    return session_.terminal.flush();
  }
  const std::string& last() const { return last_; }

 private:
  Session& session_;
  const LogsFlags& flags_;
  bool of_workload_;
  bool many_;
  std::string last_;  // time of the last line
};

std::string query_of(const LogsFlags& flags, const std::string& last) {
  std::string query = "?timestamps=true";
  if (flags.follow) query += "&follow=true";
  if (!last.empty()) {
    query += "&since=" + encoded(last);
  } else {
    if (flags.since > Duration::zero()) query += "&since=" + format_duration(flags.since);
    if (flags.tail) query += "&tail=" + std::to_string(*flags.tail);
  }
  if (!flags.instance.empty()) query += "&instance=" + encoded(flags.instance);
  if (!flags.container.empty()) query += "&container=" + encoded(flags.container);
  return query;
}

struct Meant {
  config::Kind kind;
  bool many_containers;
};

// A workload of that name, or else an instance. Nothing: why was said.
net::Task<std::optional<Meant>> find(Session& session, std::string name) {
  for (const config::Kind kind : {config::Kind::kWorkload, config::Kind::kInstance}) {
    const auto answer = co_await session.api.ask(http::Method::kGet, path_of(config::info_of(kind), name));
    const bool missing = answer && answer->status == 404;
    if (missing && kind == config::Kind::kWorkload) continue;
    if (missing) break;
    const auto content = session.content_of(answer);
    if (!content) co_return std::nullopt;
    const Tree object = parse_tree(*content);
    const std::size_t containers =
        at(object, "/spec/containers").size() + at(object, "/spec/init_containers").size();
    co_return Meant{kind, containers > 1};
  }
  session.terminal.say("weir: there is no workload and no instance " + name);
  co_return std::nullopt;
}

}  // namespace

net::Task<int> logs_command(Session& session, const Arguments& arguments) {
  const LogsFlags& flags = arguments.logs;
  if (constexpr std::string_view kTunnels = "tunnels/"; arguments.name.starts_with(kTunnels)) {
    co_return co_await show_requests(session, arguments.name.substr(kTunnels.size()), flags.follow);
  }
  const auto meant = co_await find(session, arguments.name);
  if (!meant) co_return kFailed;
  const bool of_workload = meant->kind == config::Kind::kWorkload;
  if (!of_workload && !flags.instance.empty()) {
    session.terminal.say("weir: --instance goes with a workload; " + arguments.name + " is an instance");
    co_return kBadUsage;
  }
  Printer printer(session, flags, of_workload, meant->many_containers && flags.container.empty());
  const std::string path = path_of(config::info_of(meant->kind), arguments.name) + "/logs";
  Following following(session, "the logs were");
  for (;;) {
    bool closed = false;
    const client::ApiClient::OnLine on_line = [&](std::string_view line) {
      following.heard();
      closed = !printer.print(line);
      return !closed;
    };
    const auto answer = co_await session.api.read_lines(path + query_of(flags, printer.last()), on_line);
    if (closed) co_return kFailed;
    if (!flags.follow) {
      if (answer && answer->status == 200) co_return kDone;
      session.say_ended(answer);
      co_return kFailed;
    }
    if (!co_await following.goes_on(answer)) co_return kFailed;
  }
}

}  // namespace weir::cli
