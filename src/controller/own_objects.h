// The objects that a process has of itself: its Edge object, made at the first start and brought up to date
// at every other, where what people wrote on it (labels, annotations) stays; and the Token object of the
// admin token in the data directory, which follows the file, because whoever can read that is an
// administrator. On the control loop.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "config/object.h"
#include "config/specs.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::controller {

// Its Edge object. Tries until it is done or cancelled.
net::Task<void> keep_registered(net::Env& env, store::Store& store, std::string name, config::EdgeSpec spec);

// Where the file is, when other controllers have files of their own.
struct AdminPlace {
  std::string machine;    // its name; part of the object's
  std::string directory;  // whole path; two on one machine differ in it
};

// Makes the Token, or gives it the hash of this token when it has another's: "admin" without a place,
// "admin-<machine>" with one, since several controllers on one store have an object each. A Token that has
// this token already is taken, whatever its name, so a file that was given to several controllers is one
// object. Never logs the token. Gives the object's name.
net::Task<Result<std::string>> keep_admin_object(net::Env& env, store::Store& store, std::string token,
                                                 std::optional<AdminPlace> place = {});

}  // namespace weir::controller
