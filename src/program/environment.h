// Environment: what this process was started with beside its arguments; read nowhere else.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "cli/arguments.h"
#include "cli/settings.h"

namespace weir::program {

// Nothing: it is not set, or empty.
std::optional<std::string> variable(const char* name);

// Stdout is a terminal that shows colours, and nobody asked for none (https://no-color.org).
bool wants_colour();

// From the environment and the files of this process. The error: a file that is there and can't be read.
std::expected<cli::SettingSources, std::string> gather_sources(const cli::Arguments& arguments);

// Of a machine that others lead: from its file, when it is in one. Empty: none is given, as to a machine that
// has joined long ago. The error is a sentence.
std::expected<std::string, std::string> join_token_of(const cli::EdgeFlags& flags);

// systemd's notification socket, for whoever runs this as a service.
void tell_service_manager(std::string_view state);
// Whether the process that started this one is to be replaced by it.
bool is_successor();

}  // namespace weir::program
