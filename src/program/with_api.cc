// How a command that works with the API is run: which API, on a loop of its own, until it is done.
#include <csignal>
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/session.h"
#include "net/core.h"
#include "net/task_group.h"
#include "program/commands.h"
#include "program/environment.h"
#include "program/log.h"
#include "role/signals.h"

namespace weir::program {
namespace {

net::Task<void> keep_result(cli::Session& session, const Arguments& arguments, int& exit_code) {
  exit_code = co_await arguments.command->with_api(session, arguments);
  session.env.loop.stop();
}

}  // namespace

int run_with_api(const Arguments& arguments, Terminal& terminal) {
  const auto sources = gather_sources(arguments);
  const auto settings = sources ? cli::choose_settings(*sources) : std::unexpected(sources.error());
  if (!settings) {
    terminal.say("weir: " + settings.error());
    return kBadUsage;
  }
  auto context = cli::tls_for(*settings);
  if (!context) {
    terminal.say("weir: " + context.error());
    return kBadUsage;
  }
  const std::unique_ptr<Log> log = make_log(Level::kWarning, false);
  const auto core = net::Core::create(*log);
  if (!core) {
    terminal.say("weir: can't start: " + sentence_of(core.error()));
    return kFailed;
  }
  net::Env& env = (*core)->env();
  int exit_code = kFailed;
  cli::Session session(env, *settings, std::move(*context), terminal);
  std::unique_ptr<role::Signals> signals;
  const bool has_screen =
      arguments.command->with_api == cli::exec_command || arguments.command->with_api == cli::top_command;
  if (has_screen || arguments.command->with_api == cli::join_command) {
    const auto on_signal = [&session](int signal) { session.on_signal(signal); };
    auto heard =
        has_screen ? role::Signals::create((*core)->poller(), {SIGTERM, SIGINT, SIGHUP, SIGWINCH}, on_signal)
        : arguments.join.command.empty()
            ? role::Signals::create((*core)->poller(), {SIGTERM, SIGINT, SIGHUP}, on_signal)
            : role::Signals::create((*core)->poller(),
                                    {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD},
                                    on_signal);
    if (!heard) {
      terminal.say("weir: can't hear signals: " + sentence_of(heard.error()));
      return kFailed;
    }
    signals = std::move(*heard);
  }
  net::TaskGroup tasks(env.loop);
  tasks.spawn(keep_result(session, arguments, exit_code));
  if (tasks.size() > 0) env.loop.run();
  return exit_code;
}

}  // namespace weir::program
