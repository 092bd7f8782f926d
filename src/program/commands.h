// The functions of the commands: of each that works by itself, on this machine, its own; and of all that work
// with the API, the one that runs them.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "client/terminal.h"
#include "program/up.h"

namespace weir::program {

using cli::Arguments;
using cli::kBadUsage;
using cli::kDone;
using cli::kFailed;
using client::Terminal;

// Gives its exit code, and is in the file of its name.
using LocalCommand = int (*)(const Arguments& arguments, Terminal& terminal);

inline int up_command(const Arguments& arguments, Terminal& /*terminal*/) {
  return run_up(arguments.up.options);
}
inline int controller_command(const Arguments& arguments, Terminal& /*terminal*/) {
  return run_controller(arguments.up.options);
}
int edge_command(const Arguments& arguments, Terminal& terminal);
int agent_command(const Arguments& arguments, Terminal& terminal);
int connect_command(const Arguments& arguments, Terminal& terminal);
int node_command(const Arguments& arguments, Terminal& terminal);
int metadata_command(const Arguments& arguments, Terminal& terminal);
int cloud_init_command(const Arguments& arguments, Terminal& terminal);
int ca_command(const Arguments& arguments, Terminal& terminal);
int store_command(const Arguments& arguments, Terminal& terminal);
int upgrade_command(const Arguments& arguments, Terminal& terminal);
int completion_command(const Arguments& arguments, Terminal& terminal);
int help_command(const Arguments& arguments, Terminal& terminal);

struct LocalLine {
  std::string_view word;  // as in cli::kCommands
  LocalCommand run;
};
inline constexpr std::array kLocalCommands{
    LocalLine{"up", up_command},
    LocalLine{"controller", controller_command},
    LocalLine{"edge", edge_command},
    LocalLine{"dns", edge_command},
    LocalLine{"agent", agent_command},
    LocalLine{"connect", connect_command},
    LocalLine{"node", node_command},
    LocalLine{"metadata", metadata_command},
    LocalLine{"cloud-init", cloud_init_command},
    LocalLine{"ca", ca_command},
    LocalLine{"store", store_command},
    LocalLine{"upgrade", upgrade_command},
    LocalLine{"version", cli::version_command},
    LocalLine{"completion", completion_command},
    LocalLine{"help", help_command},
};

// Null: there is none.
constexpr LocalCommand find_local(std::string_view word) {
  const auto* found = std::ranges::find(kLocalCommands, word, &LocalLine::word);
  return found == kLocalCommands.end() ? nullptr : found->run;
}

static_assert(std::ranges::all_of(cli::kCommands,
                                  [](const cli::Command& command) {
                                    return (find_local(command.word) == nullptr) ==
                                           (command.with_api != nullptr);
                                  }),
              "a command either works with the API or has a line in kLocalCommands");

// Runs the command of the arguments, which is one that works with the API; gives the exit code.
int run_with_api(const Arguments& arguments, Terminal& terminal);

}  // namespace weir::program
