// Registration: this machine's Edge object: made at the first start, brought up to date at every other. What
// people wrote on it (labels, annotations) stays. On the control loop.
#pragma once

#include <string>

#include "config/object.h"
#include "config/specs.h"
#include "net/env.h"
#include "net/task.h"
#include "store/store.h"

namespace weir::controller {

// Tries until it is done or cancelled.
net::Task<void> keep_registered(net::Env& env, store::Store& store, std::string name, config::EdgeSpec spec);

}  // namespace weir::controller
