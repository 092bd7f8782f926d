// The Token object of the admin token in the data directory: whoever can read that file is the administrator,
// so the object follows the file. On the control loop, at start.
#pragma once

#include <string>

#include "base/error.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::controller {

// Makes Token "admin", or gives it the hash of this token when it has another's. Never logs the token.
net::Task<Result<void>> keep_admin_object(net::Env& env, store::Store& store, std::string token);

}  // namespace weir::controller
