// The one program: every role and every command of the CLI. The only main.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "client/terminal.h"
#include "role/machine.h"

namespace {

// Stdout is a terminal that shows colours, and nobody asked for none (https://no-color.org).
bool wants_colour() {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && !is_set("NO_COLOR") && kind != nullptr &&
         std::string_view(kind) != "dumb";
}

}  // namespace

int main(int count, char** words) {
  namespace cli = weir::cli;
  std::signal(SIGPIPE, SIG_IGN);  // a peer that has gone is an error of a write, not the end of the program
  weir::client::Terminal terminal(stdout, stderr, wants_colour());
  const std::vector<std::string> given(words + (count > 0 ? 1 : 0), words + count);
  const auto arguments = cli::parse_arguments(given, weir::role::usable_cores());
  if (!arguments) {
    terminal.say("weir: " + arguments.error());
    return cli::kBadUsage;
  }
  const cli::Command& command = *arguments->command;
  const int exit_code = command.local != nullptr ? command.local(*arguments, terminal)
                                                 : cli::run_with_api(*arguments, terminal);
  return terminal.flush() ? exit_code : cli::kFailed;
}
