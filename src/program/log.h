// The log of the program: lines on stderr, by spdlog, callable from every core.
#pragma once

#include <memory>

#include "base/log.h"

namespace weir::program {

// level: "debug", "info", "warning", "error"; json: one JSON object a line, for machines.
std::unique_ptr<Log> make_log(Level least, bool json);

}  // namespace weir::program
