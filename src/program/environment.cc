#include "program/environment.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "handover/child.h"
#include "role/machine.h"
#include "role/service_manager.h"

namespace weir::program {
std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

bool wants_colour() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && !variable("NO_COLOR") && kind != nullptr &&
         std::string_view(kind) != "dumb";
}

std::expected<cli::SettingSources, std::string> gather_sources(const cli::Arguments& arguments) {
  cli::SettingSources sources;
  sources.api_flag = arguments.api;
  sources.token_flag = arguments.token;
  sources.api_variable = variable("WEIR_API");
  sources.token_variable = variable("WEIR_TOKEN");
  sources.ca_variable = variable("WEIR_CA");
  if (const auto home = variable("HOME")) {
    sources.config_path = *home + "/.config/weir/config.yaml";
    auto text = role::read_file(sources.config_path, cli::kConfigBytesMax);
    if (text) {
      sources.config = std::move(*text);
    } else if (text.error().os_errno != ENOENT && text.error().os_errno != ENOTDIR) {
      return std::unexpected(sources.config_path + ": " + why_not(text.error()));
    }
  }
  if (auto token = role::read_file(std::string(cli::kAdminTokenPath), cli::kTokenBytesMax)) {
    sources.admin_token = std::move(*token);
  }
  return sources;
}

std::expected<std::string, std::string> join_token_of(const cli::EdgeFlags& flags) {
  constexpr std::size_t kBytesMax = 4096;
  if (flags.join_token_file.empty()) return flags.join_token;
  auto text = role::read_file(flags.join_token_file, kBytesMax);
  if (!text) return std::unexpected(flags.join_token_file + ": " + why_not(text.error()));
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return std::move(*text);
}

void tell_service_manager(std::string_view state) {
  if (const auto socket = variable("NOTIFY_SOCKET")) role::tell_service_manager(*socket, state);
}

// Its parent is whoever started that process; a variable that was handed on to others is not meant for them.
bool is_successor() {
  const auto by = variable(handover::kChildVariable);
  return by && ::unsetenv(handover::kChildVariable) == 0;
}

}  // namespace weir::program
