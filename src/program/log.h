// The logs of the program: lines on stderr, by spdlog, callable from every core; and the access log.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "base/log.h"
#include "record/access_log.h"

namespace weir::program {

// level: "debug", "info", "warning", "error"; json: one JSON object a line, for machines.
std::unique_ptr<Log> make_log(Level least, bool json);

// Null: none is wanted. The error is a sentence. log: outlives it.
std::expected<std::unique_ptr<record::AccessLog>, std::string> open_access_log(
    const record::AccessLogTarget& target, Log& log);

}  // namespace weir::program
