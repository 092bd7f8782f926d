// The Token object of the admin token in the data directory: whoever can read that file is an administrator,
// so the object follows the file. Several controllers on one store have an object each. On the control loop,
// at start.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::controller {

// Where the file is, when other controllers have files of their own.
struct AdminPlace {
  std::string machine;    // its name; part of the object's
  std::string directory;  // whole path; two on one machine differ in it
};

// Makes the Token, or gives it the hash of this token when it has another's: "admin" without a place,
// "admin-<machine>" with one. A Token that has this token already is taken, whatever its name, so a file that
// was given to several controllers is one object. Never logs the token. Gives the object's name.
net::Task<Result<std::string>> keep_admin_object(net::Env& env, store::Store& store, std::string token,
                                                 std::optional<AdminPlace> place = {});

}  // namespace weir::controller
