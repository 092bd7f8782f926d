// Names that weir makes up for who brings an origin and gives none: "fluffy-bunny-5697". Easy to say and to
// remember, which is all they are for: they keep nothing secret. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "base/random.h"

namespace weir {

inline constexpr std::size_t kSpokenNameBytesMax = 24;

// One of 40 million.
std::string spoken_name(Random& random);

}  // namespace weir
