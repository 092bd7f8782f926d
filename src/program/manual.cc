// weir help --man: pages of the manual, from the tables of commands and flags.
#include <string>
#include <string_view>

#include "cli/commands.h"
#include "config/kinds.h"
#include "program/commands.h"
#include "program/completion.h"

namespace weir::program {
namespace {

using cli::Command;
using cli::Flag;

// Text as roff takes it: nothing in it is a request or an escape, and a dash is the one that can be copied.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '-': out += "\\-"; break;
      case '\\': out += "\\e"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      default: out += c;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string head(std::string_view name, std::string_view doc) {
  std::string capitals(name);
  for (char& c : capitals) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return ".TH " + roff(capitals) + " 1 \"\" \"weir " WEIR_VERSION "\" \"User Commands\"\n.SH NAME\n" +
         roff(name) + " \\- " + roff(doc) + "\n";
}

std::string flag_lines(const Flag& flag) {
  std::string text = ".TP\n\\fB";
  for (const char c : flag.names) text += c == ',' ? "\\fR, \\fB" : roff(std::string_view(&c, 1));
  text += "\\fR";
  if (!flag.positional() && !flag.value.empty()) text += " \\fI" + roff(flag.value) + "\\fR";
  text += "\n" + roff(flag.doc);
  if (flag.required()) text += "; required";
  if (!flag.preset.empty()) text += " (default " + roff(flag.preset) + ")";
  return text + "\n";
}

constexpr std::string_view kStatus =
    ".SH EXIT STATUS\n0 done, 1 refused or failed, 2 bad usage or configuration.\n";
constexpr std::string_view kEnvironment =
    ".SH ENVIRONMENT\n.TP\n.BR WEIR_API \", \" WEIR_TOKEN \", \" WEIR_CA\n"
    "which API, by which token, and whose certificate it has; "
    "\n.I ~/.config/weir/config.yaml\nhas them in their place\n";

std::string page_of(const Command& command) {
  const std::string name = "weir-" + std::string(command.word);
  std::string text = head(name, command.doc) + ".SH SYNOPSIS\n.B weir " + roff(command.word) + "\n";
  if (!command.usage.empty()) text += roff(command.usage) + "\n";
  const bool with_api = command.with_api != nullptr;
  if (!command.flags.empty() || with_api) text += ".SH OPTIONS\n";
  for (const Flag& flag : command.flags) text += flag_lines(flag);
  if (with_api) {
    for (const Flag& flag : cli::kApiFlags) text += flag_lines(flag);
  }
  text += kStatus;
  if (with_api) text += kEnvironment;
  return text + ".SH SEE ALSO\n.BR weir (1)\n";
}

std::string page_of_all() {
  std::string text = head("weir", "load balancer, tunnels, name server and control plane in one program") +
                     ".SH SYNOPSIS\n.B weir\n.I COMMAND\n.RI [ ARGUMENT ...]\n.SH DESCRIPTION\n"
                     "Each command has a page of its own, such as\n.BR weir\\-get (1).\n.B weir help\n"
                     "lists all commands and kinds of objects,\n.BI \"weir help \" TOPIC\n"
                     "explains one of them, or a field.\n.SH COMMANDS\n";
  for (const Command& command : cli::kCommands) {
    text += ".TP\n.B weir " + roff(command.word) + "\n" + roff(command.doc) + "\n";
  }
  text += ".SH KINDS\n";
  for (const config::KindInfo& kind : config::kKinds) {
    text += ".TP\n.B " + roff(kind.plural) + "\n" + roff(kind.doc) + "\n";
  }
  return text + std::string(kStatus) + std::string(kEnvironment);
}

}  // namespace

int help_command(const Arguments& arguments, Terminal& terminal) {
  if (!arguments.manual) return cli::help_command(arguments, terminal);
  const Command* command = cli::find_command(arguments.topic);
  if (command == nullptr && !arguments.topic.empty()) {
    terminal.say("weir: there is no page of the manual about \"" + cli::printable(arguments.topic) +
                 "\"; `weir help` lists the commands, which have one each");
    return kBadUsage;
  }
  terminal.print(manual_page(command));
  return kDone;
}

std::string manual_page(const Command* command) {
  return command == nullptr ? page_of_all() : page_of(*command);
}

}  // namespace weir::program
