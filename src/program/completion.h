// What shells complete, and pages of the manual: both from the tables of commands, flags and kinds.
#pragma once

#include <string>
#include <string_view>

#include "cli/commands.h"

namespace weir::program {

// shell: bash, zsh or fish.
std::string completion_script(std::string_view shell);

// weir(1), or weir-COMMAND(1): roff, as man(7) has it. Null: weir(1).
std::string manual_page(const cli::Command* command);

}  // namespace weir::program
