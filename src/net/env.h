// Env: the only door to the outside, made in program/ or by a test, and passed by reference. One per loop,
// so that nothing in it needs a lock, but for the log, which takes calls from every core.
#pragma once

#include "base/log.h"
#include "base/random.h"
#include "net/loop.h"
#include "net/network.h"

namespace weir::net {

struct Env {
  Loop& loop;
  Network& network;
  Random& random;
  Log& log;
};

}  // namespace weir::net
