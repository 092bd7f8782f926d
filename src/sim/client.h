// What clients of a simulated world do: one request over a connection of its own.
#pragma once

#include <string>

#include "base/error.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::sim {

struct Reply {
  int status = 0;
  std::string text;  // all of it
};

// `text` must make the server end the connection after its answer. The error: it is not known what became of
// it.
net::Task<Result<Reply>> request(net::Env& env, net::Address to, std::string text, Duration timeout);

}  // namespace weir::sim
