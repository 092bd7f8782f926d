// Open: what a machine is told by a controller that it is attached to: to make a call of its own about that.
#pragma once

#include <cstddef>
#include <string>

namespace weir::channel {

inline constexpr std::size_t kOpenBytesMax = std::size_t{64} << 10U;  // of Open::what
inline constexpr std::size_t kOpensMax = 64;                          // that a machine has not been told yet

struct Open {
  std::string id;
  std::string what;  // a ChannelOpen
  friend bool operator==(const Open&, const Open&) = default;
};

}  // namespace weir::channel
