// The one program: every role and every command of the CLI. The only main.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "client/terminal.h"
#include "program/commands.h"
#include "program/environment.h"
#include "role/machine.h"

int main(int count, char** words) {
  namespace cli = weir::cli;
  namespace program = weir::program;
  std::signal(SIGPIPE, SIG_IGN);  // a peer that has gone is an error of a write, not the end of the program
  weir::client::Terminal terminal(stdout, stderr, program::wants_colour());
  const std::vector<std::string> given(words + (count > 0 ? 1 : 0), words + count);
  const auto arguments = cli::parse_arguments(given, weir::role::usable_cores());
  if (!arguments) {
    terminal.say("weir: " + arguments.error());
    return cli::kBadUsage;
  }
  const program::LocalCommand local = program::find_local(arguments->command->word);
  const int exit_code =
      local != nullptr ? local(*arguments, terminal) : program::run_with_api(*arguments, terminal);
  return terminal.flush() ? exit_code : cli::kFailed;
}
