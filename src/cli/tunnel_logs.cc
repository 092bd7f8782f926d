#include "cli/tunnel_logs.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "cli/commands.h"
#include "client/objects.h"
#include "net/loop.h"

namespace weir::cli {
namespace {

std::string number_at(const Tree& line, const char* path) {
  const Tree& found = at(line, path);
  return found.is_number() ? found.dump() : "-";
}

class Printer {
 public:
  explicit Printer(Session& session) : session_(session) {}

  // False: nobody reads any more.
  bool print(const Tree& line) {
    // A stream that begins anew tells again what is kept.
    const std::string id = text_at(line, "/request_id");
    if (!told_.insert(text_at(line, "/time") + id).second) return true;
    const std::string from = text_at(line, "/time") + ' ' + text_at(line, "/peer");
    if (id.empty()) {
      session_.terminal.print(fmt::format("{} {} received {} sent {} {} ms\n", from,
                                          text_at(line, "/protocol"), number_at(line, "/bytes_received"),
                                          number_at(line, "/bytes_sent"), number_at(line, "/duration_ms")));
    } else {
      session_.terminal.print(fmt::format("{} {} {} {} {} ms {}\n", from, text_at(line, "/method"),
                                          text_at(line, "/path"), number_at(line, "/status"),
                                          number_at(line, "/duration_ms"), id));
    }
    return session_.terminal.flush();
  }
  void note(const Tree& line) { session_.terminal.say("weir: " + text_at(line, "/notice")); }

 private:
  Session& session_;
  std::set<std::string> told_;
};

net::Task<int> list(Session& session, std::string path) {
  const auto answer = co_await session.api.ask(http::Method::kGet, std::move(path));
  const auto content = session.content_of(answer);
  if (!content) co_return kFailed;
  const Tree all = parse_tree(*content);
  Printer printer(session);
  for (const Tree& line : at(all, "/items")) {
    if (!printer.print(line)) co_return kFailed;
  }
  for (const Tree& line : at(all, "/notices")) printer.note(line);
  co_return kDone;
}

}  // namespace

net::Task<int> show_requests(Session& session, std::string tunnel, bool follow) {
  const std::string path = path_of(config::info_of(config::Kind::kTunnel), tunnel) + "/requests";
  if (!follow) co_return co_await list(session, path);
  Printer printer(session);
  Following following(session, "the log was");
  for (;;) {
    bool closed = false;
    const client::ApiClient::OnEvent on_event = [&](const client::StreamEvent& event) {
      following.heard();
      if (event.data.empty()) return true;
      const Tree line = parse_tree(event.data);
      if (event.name == "notice") {
        printer.note(line);
      } else {
        closed = !printer.print(line);
      }
      return !closed;
    };
    const auto answer = co_await session.api.watch(path + "?watch=true", on_event);
    if (closed) co_return kFailed;
    if (!co_await following.goes_on(answer)) co_return kFailed;
  }
}

}  // namespace weir::cli
