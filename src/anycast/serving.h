// Serving: whether what an address is for can be served: by a way to an endpoint, or without one. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/snapshot.h"

namespace weir::anycast {

// Why nothing of the load balancer can be served; empty: something can. balancer empty: of any. serves:
// whether a service has an endpoint that may be used; not asked for more services than it needs.
std::string why_not_served(const config::Snapshot* snapshot, std::string_view balancer,
                           const std::function<bool(const std::string& service)>& serves);

}  // namespace weir::anycast
