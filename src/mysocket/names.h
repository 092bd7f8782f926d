// Names that weir makes up for sockets: "fluffy-bunny-5697". Easy to say and to remember, which is all they
// are for: they keep nothing secret. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "base/random.h"

namespace weir::mysocket {

inline constexpr std::size_t kSocketNameBytesMax = 24;

// One of 40 million.
std::string make_name(Random& random);

}  // namespace weir::mysocket
