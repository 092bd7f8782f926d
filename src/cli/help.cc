// weir help and weir version, and docs/cli.md: all from the tables.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "config/kinds.h"
#include "reference/reference.h"

namespace weir::cli {
namespace {

struct Line {
  std::string left;
  std::string right;
};

std::string two_columns(const std::vector<Line>& lines) {
  std::size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.left.size());
  std::string text;
  for (const Line& line : lines) {
    text += "  " + line.left + std::string(width - line.left.size() + 2, ' ') + line.right + '\n';
  }
  return text;
}

// "-o, --output FORMAT"
std::string shown_flag(const Flag& flag) {
  std::string text;
  for (const char c : flag.names) text.append(1, c).append(c == ',' ? " " : "");
  if (!flag.positional() && !flag.value.empty()) text.append(" ").append(flag.value);
  return text;
}

std::string doc_of(const Flag& flag) {
  std::string text(flag.doc);
  if (flag.required()) text += "; required";
  if (!flag.preset.empty()) text.append(" (default ").append(flag.preset).append(")");
  return text;
}

// Every flag of a command.
std::vector<Line> flag_lines(const Command& command) {
  std::vector<Line> lines;
  for (const Flag& flag : command.flags) lines.push_back({shown_flag(flag), doc_of(flag)});
  if (command.with_api == nullptr) return lines;
  for (const Flag& flag : kApiFlags) lines.push_back({shown_flag(flag), doc_of(flag)});
  return lines;
}

std::string usage_of(const Command& command) {
  return "weir " + std::string(command.word) + (command.usage.empty() ? "" : " ") +
         std::string(command.usage);
}

std::string overview() {
  std::vector<Line> commands;
  for (const Command& command : kCommands) commands.push_back({usage_of(command), std::string(command.doc)});
  std::vector<Line> kinds;
  for (const config::KindInfo& kind : config::kKinds) {
    kinds.push_back({std::string(kind.plural), std::string(kind.doc)});
  }
  return "weir: a load balancer with its control plane, in one process\n\n" + two_columns(commands) +
         "\nKinds of objects:\n" + two_columns(kinds) +
         "\n`weir help TOPIC` tells more about a command, a kind, or a field such as service.spec.balance.\n";
}

std::string help_on(const Command& command) {
  std::string text = usage_of(command) + "\n\n  " + std::string(command.doc) + '\n';
  if (const auto lines = flag_lines(command); !lines.empty()) text += '\n' + two_columns(lines);
  return text;
}

constexpr std::string_view kPreface =
    "# The command line\n\n"
    "`weir COMMAND [ARGUMENT...]`. Data goes to stdout, messages to stderr; colour and nothing else depends "
    "on\n"
    "whether stdout is a terminal (`NO_COLOR` turns it off). Written from the tables of the program: `weir "
    "help\n"
    "COMMAND` says the same.\n\n"
    "| exit code | means |\n|---|---|\n"
    "| 0 | done |\n| 1 | refused, or failed |\n| 2 | bad usage or configuration; nothing was tried |\n";

constexpr std::string_view kAboutApi =
    "\n## Which API, which token\n\n"
    "Commands that call the API take the first of these that is there:\n\n"
    "| | API (default `http://127.0.0.1:8480`) | token |\n|---|---|---|\n"
    "| 1 | `--api URL` | `--token TOKEN` (other users of the machine can see it while the command runs) |\n"
    "| 2 | `WEIR_API` | `WEIR_TOKEN` |\n"
    "| 3 | `api:` in `~/.config/weir/config.yaml` | `token:` there; it is sent to the `api:` beside it only "
    "|\n"
    "| 4 | | `./weir-data/admin.token`, for an API on this machine only |\n\n"
    "This version speaks `http://` only, so a token crosses a network in the clear: from another machine, "
    "go\n"
    "through a tunnel, such as `ssh -L 8480:127.0.0.1:8480 HOST`.\n\n"
    "A refusal is printed with one line for each thing that is wrong, with its file and the line where its\n"
    "document begins:\n\n"
    "```\nweb.yaml:12: service/web: spec.endpoints[0].weight: must be between 0 and 1000\n```\n";

}  // namespace

std::string cli_reference() {
  std::string text(kPreface);
  text += kAboutApi;
  for (const Command& command : kCommands) {
    text += "\n## weir " + std::string(command.word) + "\n\n```\n" + usage_of(command) + "\n```\n\n" +
            std::string(command.doc) + ".\n";
    const auto lines = flag_lines(command);
    if (!lines.empty()) text += "\n| | |\n|---|---|\n";
    for (const Line& line : lines) {
      std::string left = line.left;
      text += "| `" + left + "` | " + line.right + " |\n";
    }
  }
  return text;
}

int help_command(const Arguments& arguments, Terminal& terminal) {
  if (arguments.topic.empty()) {
    terminal.print(overview());
    return kDone;
  }
  if (const Command* command = find_command(arguments.topic); command != nullptr) {
    terminal.print(help_on(*command));
    return kDone;
  }
  const auto text = reference::explain(arguments.topic);
  if (text) {
    terminal.print(*text);
    return kDone;
  }
  terminal.say("weir: " + config::to_text(text.error()) + "; `weir help` lists commands and kinds");
  return kBadUsage;
}

int version_command(const Arguments&, Terminal& terminal) {
  terminal.print("weir " WEIR_VERSION "\n");
  return kDone;
}

}  // namespace weir::cli
