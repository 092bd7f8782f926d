// weir top: load balancers, services and edges with what they carry, on a screen of its own until q; where
// stdout is no terminal: once, as text.
#include "client/top.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/session.h"
#include "net/task_group.h"

namespace weir::cli {
namespace {

constexpr Duration kRefresh = std::chrono::seconds(2);
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";  // the alternate screen, without a cursor
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";

struct Shown {
  config::Kind kind;
  std::string_view title;
  std::string_view label;
};
constexpr std::array kShown{Shown{config::Kind::kLoadBalancer, "LOAD BALANCERS", "loadbalancer"},
                            Shown{config::Kind::kService, "SERVICES", "service"},
                            Shown{config::Kind::kEdge, "EDGES", "edge"}};

// What is asked again and again must not fill a screen with what is wrong.
std::string why_not(const Result<ApiAnswer>& answer) {
  if (!answer) return "the API does not answer: " + sentence_of(answer.error());
  return "the API refuses: " + text_at(parse_tree(answer->content), "/detail");
}

// Nothing: why is in `trouble`.
net::Task<std::optional<client::TopPicture>> look(Session& session, std::string& trouble) {
  client::TopPicture picture;
  for (const Shown& shown : kShown) {
    const config::KindInfo& kind = config::info_of(shown.kind);
    std::string metrics = "/v1/metrics?from=-30s&series=" + std::string(client::kTopSeries) +
                          "&of=" + std::string(kind.plural) + "/*";
    const auto answer = co_await session.api.ask(http::Method::kGet, std::move(metrics));
    const auto list = co_await session.api.ask(http::Method::kGet, path_of(kind, {}));
    for (const auto* one : {&answer, &list}) {
      if (*one && (*one)->status == 200) continue;
      trouble = why_not(*one);
      co_return std::nullopt;
    }
    const Tree objects = parse_tree(list->content);
    const Tree& items = at(objects, "/items");
    picture.sections.push_back(client::section_of(shown.label, std::vector<Tree>(items.begin(), items.end()),
                                                  parse_tree(answer->content)));
    picture.sections.back().title = shown.title;
  }
  picture.head = "weir top   " + session.settings.api.text + "   " +
                 format_rfc3339(session.env.loop.clock().wall_now()).substr(0, 19) + "Z";
  co_return picture;
}

// The screen, until its person leaves.
struct Screen {
  explicit Screen(Session& of) : session(of) {}

  void draw() {
    const auto size = client::window_size(STDOUT_FILENO);
    session.terminal.print(client::to_screen(picture, order, size, session.terminal.colour()));
    if (!session.terminal.flush()) over.set();
  }
  void take(std::string_view keys) {
    for (const char key : keys) {
      if (key == 'q' || key == '\x03' || key == '\x04') over.set();
      order = client::order_of(key).value_or(order);
    }
    draw();
  }
  net::Task<void> follow() {
    do {
      std::string trouble;
      auto next = co_await look(session, trouble);
      if (next) picture = std::move(*next);
      picture.trouble = std::move(trouble);
      draw();
    } while (co_await session.env.loop.sleep(kRefresh));
  }

  Session& session;
  client::TopPicture picture{.head = "weir top   " + session.settings.api.text};
  client::TopOrder order = client::TopOrder::kRequests;
  net::Event over;
};

net::Task<int> show(Session& session) {
  Screen screen(session);
  client::RawMode raw;
  (void)raw.begin(STDIN_FILENO);
  std::optional<client::StandardInput> input;
  input.emplace(session.env.loop, STDIN_FILENO, [&](std::string bytes) {
    if (bytes.empty()) return;
    screen.take(bytes);
    input->go_on();
  });
  int code = kDone;
  session.on_signal = [&](int signal) {
    if (signal == SIGWINCH) return screen.draw();
    code = 128 + signal;
    screen.over.set();
  };
  session.terminal.print(kEnter);
  screen.draw();
  net::TaskGroup tasks(session.env.loop);
  tasks.spawn(screen.follow());
  (void)co_await screen.over.wait(session.env.loop);
  co_await tasks.stop();
  session.on_signal = [](int /*signal*/) {};
  session.terminal.print(kLeave);
  (void)session.terminal.flush();
  co_return code;
}

}  // namespace

net::Task<int> top_command(Session& session, const Arguments& /*arguments*/) {
  const auto size = client::window_size(STDOUT_FILENO);
  if (size.rows > 0 && ::isatty(STDIN_FILENO) != 0) co_return co_await show(session);
  std::string trouble;
  const auto picture = co_await look(session, trouble);
  if (!picture) {
    session.terminal.say("weir: " + trouble);
    co_return kFailed;
  }
  session.terminal.print(client::to_text(*picture, client::TopOrder::kRequests));
  co_return session.terminal.flush() ? kDone : kFailed;
}

}  // namespace weir::cli
