// The Log of the program: lines on stderr, by spdlog. Callable from every core.
#pragma once

#include <memory>
#include <string_view>

#include "base/log.h"

namespace weir::cli {

// level: "debug", "info", "warning", "error"; json: one JSON object a line, for machines.
std::unique_ptr<Log> make_log(Level least, bool json);

}  // namespace weir::cli
