// What clients of a simulated world do: one request over a connection of its own, with the admin's token
// where it is to the API.
#pragma once

#include <string>
#include <string_view>

#include "auth/token.h"
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

// Whose object is in the store of every world.
auth::IssuedToken admin_token();
// A request to the API of a controller, by whoever has that.
std::string api_request(std::string_view method, std::string_view path, std::string_view controller,
                        std::string_view body);

}  // namespace weir::sim
