#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/flags.h"

namespace weir::cli {
namespace {

// What CLI11 found for one flag: it only takes the words apart, so that every sentence about them is ours.
struct Found {
  const Flag* flag;
  std::vector<std::string> values;
  bool on = false;  // of a switch
};

std::vector<Found> declare(CLI::App& app, std::span<const Flag> flags) {
  std::vector<Found> found;
  found.reserve(flags.size());  // CLI11 keeps pointers to the elements
  for (const Flag& flag : flags) {
    Found& one = found.emplace_back(Found{&flag, {}});
    if (flag.value.empty()) {
      app.add_flag(std::string(flag.names), one.on);
    } else {
      app.add_option(std::string(flag.names), one.values)
          ->expected(1)
          ->type_name(std::string(flag.value))
          ->allow_extra_args(false)
          ->multi_option_policy(flag.positional() ? CLI::MultiOptionPolicy::Throw
                                                  : CLI::MultiOptionPolicy::TakeAll);
    }
  }
  return found;
}

struct DeclaredCommand {
  const Command* command;
  CLI::App* app;
  std::vector<Found> found;
};

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

std::string see_help(const Command* command) {
  if (command == nullptr) return "; `weir help` lists the commands";
  return "; see `weir help " + std::string(command->word) + "`";
}

std::string not_expected(const Command* command, std::string_view word) {
  const bool is_flag = word.starts_with('-') && word != "-";
  std::vector<std::string_view> known;
  if (is_flag && command != nullptr) {
    for (const Flag& flag : command->flags) known.push_back(flag.long_name());
    if (command->with_api != nullptr) {
      for (const Flag& flag : kApiFlags) known.push_back(flag.names);
    }
    word = word.substr(0, word.find('='));
  } else if (command == nullptr) {
    for (const Command& one : kCommands) known.push_back(one.word);
  }
  const std::string_view near = nearest(word.substr(0, 64), known);
  std::string text = is_flag              ? "there is no flag "
                     : command == nullptr ? "there is no command "
                                          : "too much is ";
  text.append("\"").append(word.substr(0, 80)).append("\"");
  if (!near.empty()) return text.append("; did you mean ").append(near).append("?");
  return text + see_help(command);
}

// Hands the values over; answers what is wrong, or nothing.
std::string take(std::span<const Found> found, Arguments& to) {
  for (const Found& one : found) {
    const Flag& flag = *one.flag;
    if (flag.required() && one.values.empty()) {
      return std::string(flag.positional() ? flag.value : flag.names) + " is missing";
    }
    if (one.values.size() > 1 && !flag.repeatable()) return std::string(flag.names) + " is given twice";
    if (one.on) flag.set(to, {});
    for (const std::string& value : one.values) {
      if (std::string wrong = flag.set(to, value); !wrong.empty()) {
        return std::string(flag.names).append(" ").append(wrong);
      }
    }
  }
  return {};
}

std::expected<Arguments, std::string> collect(const DeclaredCommand& parsed, std::span<const Found> of_api,
                                              Arguments arguments) {
  const Command& command = *parsed.command;
  arguments.command = &command;
  if (std::string wrong = take(parsed.found, arguments); !wrong.empty()) {
    return refuse(wrong + see_help(&command));
  }
  if (std::string wrong = take(of_api, arguments); !wrong.empty()) return refuse(wrong + see_help(&command));
  if (command.with_api == nullptr && (arguments.api || arguments.token)) {
    return refuse("--api URL and --token go with the commands that call the API; the flags of `weir " +
                  std::string(command.word) + "` go behind that word");
  }
  if (command.check != nullptr) {
    if (std::string wrong = command.check(arguments); !wrong.empty())
      return refuse(wrong + see_help(&command));
  }
  return arguments;
}

Arguments help_on(std::string_view topic) {
  Arguments arguments;
  arguments.command = find_command("help");
  arguments.topic = topic;
  return arguments;
}

}  // namespace

config::Labels labels_of(std::span<const std::string> written) {
  config::Labels labels;
  for (const std::string& label : written) {
    const std::size_t equals = label.find('=');
    labels[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  return labels;
}

std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> words, unsigned cores) {
  // Two words of people for one of ours: what is behind them is another command's.
  if (words.size() >= 2 && words[0] == "controller" && words[1] == "bootstrap") words = words.subspan(1);
  Arguments defaults;
  defaults.up.options.workers = cores;

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.require_subcommand(0, 1);  // words behind the first command are never taken for another one
  bool help = false;
  bool version = false;
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  const std::vector<Found> of_api = declare(app, kApiFlags);
  std::vector<DeclaredCommand> commands;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(std::string(command.word));
    sub->set_help_flag();
    sub->allow_extras();
    sub->add_flag("-h,--help", help);
    sub->fallthrough(command.with_api != nullptr);
    commands.push_back({&command, sub, declare(*sub, command.flags)});
  }

  // What is behind "--" is a command of somebody else.
  const auto dashes = std::ranges::find(words, "--");
  const auto others = words.subspan(static_cast<std::size_t>(dashes - words.begin()));
  words = words.first(words.size() - others.size());
  std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
  std::string problem;
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    problem = error.what();
  }
  const auto parsed = std::ranges::find_if(commands, [](const auto& one) { return one.app->parsed(); });
  const Command* command = parsed == commands.end() ? nullptr : parsed->command;
  if (help) return help_on(command == nullptr ? "" : command->word);
  if (!problem.empty()) return refuse(problem + see_help(command));
  if (const auto extras = app.remaining(true); !extras.empty()) {
    return refuse(not_expected(command, extras.front()));
  }
  if (version) {
    defaults.command = find_command("version");
    return defaults;
  }
  if (command == nullptr) return refuse("what shall it do? `weir help` lists the commands");
  if (!others.empty() && command->with_api != join_command && command->with_api != exec_command) {
    return refuse(not_expected(command, others.front()));
  }
  if (others.size() == 1) return refuse("a command is missing behind \"--\"" + see_help(command));
  if (!others.empty()) defaults.join.command.assign(others.begin() + 1, others.end());
  return collect(*parsed, of_api, std::move(defaults));
}

}  // namespace weir::cli
