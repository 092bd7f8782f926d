// Routes: which of mysocket's calls a request is, by its path and method. A constexpr table and a pure
// function.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/problem.h"
#include "http/message.h"

namespace weir::mysocket {

enum class Call : std::uint8_t {
  kSignUp,
  kLogin,
  kShowUser,
  kConnect,  // a socket and its first tunnel at once
  kListSockets,
  kCreateSocket,
  kShowSocket,
  kReplaceSocket,
  kDeleteSocket,
  kCreateTunnel,
  kListTunnels,
  kShowTunnel,
  kDeleteTunnel,
};

struct Asked {
  Call call{};
  std::string_view id;      // of the user or the socket that the path names; a view into the path
  std::string_view tunnel;  // the same of a tunnel
};

// Nothing: the path is none of mysocket's. 405 when it is, and the method is not.
std::optional<api::Answer<Asked>> find_call(std::string_view path, http::Method method);

}  // namespace weir::mysocket
