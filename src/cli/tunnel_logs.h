// The request log of a tunnel, on a terminal: of weir logs.
#pragma once

#include <string>

#include "cli/session.h"
#include "net/task.h"

namespace weir::cli {

// follow: also each request that ends from now on. The exit code.
net::Task<int> show_requests(Session& session, std::string tunnel, bool follow);

}  // namespace weir::cli
