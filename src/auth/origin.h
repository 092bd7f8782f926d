// An origin that came by a tunnel, as an address: who dials it need not know what a tunnel is. Its number is
// a digest of what it is called, so that nobody finds a name that leads to another one's origin. Pure.
#pragma once

#include <string_view>

#include "net/network.h"

namespace weir::auth {

net::Address origin_address(std::string_view service, std::string_view instance);

}  // namespace weir::auth
