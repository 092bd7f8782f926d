// weir cloud-init: what makes a new machine of any cloud a part of weir at its first boot.
// What the machine is told is judged here by what its own command would say of it.
#include "client/cloud_init.h"

#include <algorithm>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/agent_file.h"
#include "auth/pinned_token.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "config/violation.h"
#include "program/commands.h"
#include "role/machine.h"

namespace weir::program {
namespace {

using client::FirstBoot;
template <class T>
using Read = std::expected<T, std::string>;

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

// What a machine that others shall reach listens on, where nothing else is said.
struct Preset {
  std::string_view role;
  std::string_view flag;
  std::string_view value;
};
constexpr Preset kPresets[] = {
    {"edge", "http", "[::]:80"}, {"edge", "https", "[::]:443"}, {"up", "http", "[::]:80"},
    {"up", "https", "[::]:443"}, {"dns", "dns", "[::]:53"},
};

// The units have them.
constexpr std::string_view kOfTheUnit[] = {"data-dir", "join-token", "join-token-file", "config"};

std::vector<std::string> words_of(const cli::CloudInitFlags& flags) {
  std::vector<std::string> words;
  for (const std::string& url : flags.controllers) words.insert(words.end(), {"--controller", url});
  const auto given = [&flags](std::string_view name) {
    return std::ranges::any_of(flags.with,
                               [name](std::string_view one) { return one.substr(0, one.find('=')) == name; });
  };
  const bool listens = flags.role != "agent" && flags.role != "node";
  if (listens && !given("public")) words.emplace_back("--public");
  for (const Preset& preset : kPresets) {
    if (preset.role == flags.role && !given(preset.flag)) {
      words.insert(words.end(), {"--" + std::string(preset.flag), std::string(preset.value)});
    }
  }
  for (const std::string& one : flags.with) {
    const std::size_t equals = one.find('=');
    words.push_back("--" + one.substr(0, equals));
    if (equals != std::string::npos) words.push_back(one.substr(equals + 1));
  }
  return words;
}

// As the machine's own command line.
Read<Arguments> understood(const cli::CloudInitFlags& flags, const std::vector<std::string>& words) {
  for (const std::string_view one : kOfTheUnit) {
    if (std::ranges::find(words, "--" + std::string(one)) != words.end()) {
      return refuse("--with " + std::string(one) + " is what the package's unit says by itself");
    }
  }
  std::vector<std::string> line{flags.role};
  if (flags.role == "agent") line.insert(line.end(), {"--config", std::string(client::kAgentFilePath)});
  line.insert(line.end(), words.begin(), words.end());
  auto parsed = cli::parse_arguments(line, 1);
  if (!parsed) return refuse("of `weir " + flags.role + "` there: " + parsed.error());
  if (parsed->command->word != flags.role) return refuse("--with is for flags of `weir " + flags.role + "`");
  return parsed;
}

Read<std::string> token_of(const cli::CloudInitFlags& flags, std::string_view prefix) {
  std::string token = flags.token;
  if (!flags.token_file.empty()) {
    auto text = role::read_file(flags.token_file, cli::kTokenBytesMax);
    if (!text) return refuse(flags.token_file + ": " + why_not(text.error()));
    token = std::move(*text);
  }
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty() || auth::parse_pinned_token(prefix, token)) return token;
  return refuse("the token is none of the form " + std::string(prefix) + "..., or was not copied right");
}

// The secret of a machine that controllers lead.
Read<void> add_join_token(const cli::CloudInitFlags& flags, const Arguments& machine, FirstBoot& boot) {
  const auto token = token_of(flags, auth::kJoinPrefix);
  if (!token) return refuse(token.error());
  if (machine.edge.controllers.empty()) {
    if (!token->empty()) return refuse("a token goes with --controller");
    return {};
  }
  if (token->empty()) {
    const std::string_view role = flags.role == "node" ? "node" : "edge";
    return refuse("--token-file or --token is missing: `weir token create --join " + std::string(role) +
                  "` makes one");
  }
  boot.files.push_back({std::string(client::kJoinTokenPath), *token + '\n'});
  return {};
}

Read<void> add_agent_file(const Arguments& arguments, FirstBoot& boot) {
  const std::string& path = arguments.agent.config;
  if (path.empty()) return refuse("--config is missing: the file of `weir agent` on that machine");
  auto text = role::read_file(path, agent::kFileBytesMax);
  if (!text) return refuse(path + ": " + why_not(text.error()));
  const auto token = token_of(arguments.cloud_init, auth::kTunnelPrefix);
  if (!token) return refuse(token.error());
  auto file = agent::parse_file(*text);
  if (file && file->token_file.empty() && !token->empty()) {
    if (!text->ends_with('\n')) *text += '\n';
    *text += "token_file: " + std::string(client::kTunnelCredentialPath) + '\n';
    file = agent::parse_file(*text);
  }
  if (!file) return refuse(path + ":\n" + config::to_text(file.error()));
  if (file->token_file == client::kTunnelCredentialPath && token->empty()) {
    return refuse("--token-file or --token is missing: `weir token create --for USER` makes one");
  }
  if (!token->empty() && file->token_file != client::kTunnelCredentialPath) {
    return refuse(path + ": token_file must be " + std::string(client::kTunnelCredentialPath) +
                  ", where the agent's unit has the token, or be left out");
  }
  if (!text->ends_with('\n')) *text += '\n';
  boot.files.push_back({std::string(client::kAgentFilePath), std::move(*text)});
  if (!token->empty()) boot.files.push_back({std::string(client::kTunnelTokenPath), *token + '\n'});
  return {};
}

Read<std::string> user_data(const Arguments& arguments) {
  const cli::CloudInitFlags& flags = arguments.cloud_init;
  FirstBoot boot{
      .role = flags.role,
      .flags = words_of(flags),
      .files = {},
      .package = {.url = flags.package, .sha256 = flags.sha256, .repository = flags.repository, .key = {}}};
  if (!flags.key.empty()) {
    auto key = role::read_file(flags.key, client::kUserDataBytesMax);
    if (!key) return refuse(flags.key + ": " + why_not(key.error()));
    boot.package.key = std::move(*key);
  }
  const auto machine = understood(flags, boot.flags);
  if (!machine) return refuse(machine.error());
  const bool joins = flags.role == "edge" || flags.role == "dns" || flags.role == "node";
  if (!arguments.agent.config.empty() && flags.role != "agent") return refuse("--config goes with agent");
  if (flags.role != "agent" && !joins && !(flags.token + flags.token_file).empty()) {
    return refuse("a token goes with edge, dns, node and agent");
  }
  auto added = joins                   ? add_join_token(flags, *machine, boot)
               : flags.role == "agent" ? add_agent_file(arguments, boot)
                                       : Read<void>();
  if (!added) return refuse(added.error());
  return client::cloud_init(boot);
}

}  // namespace

int cloud_init_command(const Arguments& arguments, Terminal& terminal) {
  const auto text = user_data(arguments);
  if (!text) {
    terminal.say("weir cloud-init: " + text.error());
    return kBadUsage;
  }
  terminal.print(*text);
  return kDone;
}

}  // namespace weir::program
