// Serving: whether what an address is for can be served: by a way to an endpoint, or without one. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/snapshot.h"

namespace weir::anycast {

enum class Share { kAny, kAll };  // of the routes

// Where an endpoint has to be.
enum class Where { kAnywhere, kNear };  // kNear: in the edge's own region

// Whether a service has such an endpoint that may be used; not asked of more services than is needed.
using Serves = std::function<bool(const std::string& service, Where where)>;

// Why nothing of the load balancer can be served, or not all; empty: it can. balancer empty: of any, or of
// all. One with routes to services for anycast is not served where endpoints for one of these are not near.
std::string why_not_served(const config::Snapshot* snapshot, std::string_view balancer, Share share,
                           const Serves& serves);

}  // namespace weir::anycast
