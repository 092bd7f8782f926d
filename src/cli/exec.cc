// weir exec: a command in an instance, with this terminal or these streams. Its exit code is that of the
// command.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/uri_path.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "client/standard_input.h"
#include "net/loop.h"
#include "net/task_group.h"

namespace weir::cli {
namespace {

constexpr char kIn = 0;
constexpr char kOut = 1;
constexpr char kErr = 2;
constexpr char kEnd = 3;
constexpr char kSize = 4;

std::string target_of(const Arguments& arguments, const client::WindowSize& size) {
  std::string target = path_of(config::info_of(config::Kind::kInstance), arguments.name) + "/exec?";
  for (const std::string& word : arguments.join.command) target += "command=" + encoded(word) + '&';
  if (!arguments.logs.container.empty()) target += "container=" + encoded(arguments.logs.container) + '&';
  if (arguments.logs.terminal) {
    target +=
        "terminal=true&rows=" + std::to_string(size.rows) + "&columns=" + std::to_string(size.columns) + '&';
  }
  target.pop_back();
  return target;
}

// What is sent: input, and how large the terminal is.
class Sender {
 public:
  Sender(net::Loop& loop, client::WebSocket& socket) : loop_(loop), socket_(socket) {}

  void put(std::string message) {
    messages_.push_back(std::move(message));
    changed_.set();
  }
  void put_size(const client::WindowSize& size) {
    put(std::string(1, kSize) + R"({"rows":)" + std::to_string(size.rows) + R"(,"columns":)" +
        std::to_string(size.columns) + "}");
  }
  // sent: called after each input.
  net::Task<void> run(std::function<void()> sent) {
    for (;;) {
      while (messages_.empty()) {
        changed_.reset();
        if (!co_await changed_.wait(loop_)) co_return;
      }
      std::string message = std::move(messages_.front());
      messages_.pop_front();
      const bool is_input = message.front() == kIn && message.size() > 1;
      if (!co_await socket_.write(std::move(message))) co_return;
      if (is_input) sent();
    }
  }

 private:
  net::Loop& loop_;
  client::WebSocket& socket_;
  std::deque<std::string> messages_;
  net::Event changed_;
};

// What comes, to the end: the exit code.
net::Task<int> take_output(Session& session, client::WebSocket& socket) {
  for (;;) {
    const auto message = co_await socket.read();
    if (!message) {
      if (message.error().code != Code::kCancelled) {
        session.terminal.say("weir: the way to the command was lost: " + sentence_of(message.error()));
      }
      co_return kFailed;
    }
    if (!*message || (*message)->empty()) {
      session.terminal.say("weir: the API has ended the session");
      co_return kFailed;
    }
    const std::string_view content = std::string_view(**message).substr(1);
    switch ((*message)->front()) {
      case kOut: session.terminal.print(content); break;
      case kErr: session.terminal.print_error(content); break;
      case kEnd: {
        const Tree end = parse_tree(content);
        const Tree& code = at(end, "/exit_code");
        if (code.is_number_integer()) co_return code.get<int>();
        session.terminal.say("weir: " + text_at(end, "/reason"));
        co_return kFailed;
      }
      default: break;
    }
    session.terminal.flush();
  }
}

net::Task<void> keep(Session& session, client::WebSocket& socket, int& code, net::Event& over) {
  code = co_await take_output(session, socket);
  over.set();
}

net::Task<int> run(Session& session, client::WebSocket& socket, bool terminal) {
  net::Loop& loop = session.env.loop;
  client::RawMode raw;
  if (terminal) (void)raw.begin(STDIN_FILENO);
  Sender sender(loop, socket);
  client::StandardInput input(loop, STDIN_FILENO,
                              [&sender](std::string bytes) { sender.put(std::string(1, kIn) + bytes); });
  int code = kFailed;
  net::Event over;
  session.on_signal = [&](int signal) {
    if (signal == SIGWINCH && terminal) sender.put_size(client::window_size(STDIN_FILENO));
    if (signal == SIGWINCH) return;
    code = 128 + signal;
    over.set();
  };
  net::TaskGroup tasks(loop);
  tasks.spawn(keep(session, socket, code, over));
  tasks.spawn(sender.run([&input] { input.go_on(); }));
  (void)co_await over.wait(loop);
  const int ended_with = code;
  co_await tasks.stop();
  session.on_signal = [](int /*signal*/) {};
  co_return ended_with;
}

}  // namespace

net::Task<int> exec_command(Session& session, const Arguments& arguments) {
  const bool terminal = arguments.logs.terminal;
  const auto size = client::window_size(STDIN_FILENO);
  if (terminal && ::isatty(STDIN_FILENO) == 0) {
    session.terminal.say("weir: -t wants a terminal, which stdin is not");
    co_return kBadUsage;
  }
  auto opened = co_await session.api.open_socket(target_of(arguments, size));
  if (!opened) {
    session.say_failed(opened.error());
    co_return kFailed;
  }
  if (const auto* refusal = std::get_if<client::ApiAnswer>(&*opened); refusal != nullptr) {
    session.say_refused(*refusal);
    co_return kFailed;
  }
  client::WebSocket& socket = *std::get<client::ApiClient::Socket>(*opened);
  const int code = co_await run(session, socket, terminal);
  co_await socket.stop();
  co_return code;
}

}  // namespace weir::cli
