// SelfCheck: whether this edge's own listener answers at an address, as a client would find it. On the
// control loop.
#pragma once

#include <chrono>
#include <string>

#include "base/time.h"
#include "net/env.h"
#include "net/network.h"
#include "net/task.h"

namespace weir::anycast {

inline constexpr Duration kCheckTimeout = std::chrono::milliseconds(500);

// A request that no load balancer takes, so that it costs no origin anything; whatever is answered is well.
// Why nothing is; empty: it was answered.
net::Task<std::string> check_listener(net::Env& env, net::Address at);

}  // namespace weir::anycast
