// Serving: whether what an address is for can be served: by a way to an endpoint, or without one. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/snapshot.h"

namespace weir::anycast {

enum class Share { kAny, kAll };  // of the routes

// Why nothing of the load balancer can be served, or not all; empty: it can. balancer empty: of any, or of
// all. serves: whether a service has an endpoint that may be used; not asked for more services than it needs.
std::string why_not_served(const config::Snapshot* snapshot, std::string_view balancer, Share share,
                           const std::function<bool(const std::string& service)>& serves);

}  // namespace weir::anycast
