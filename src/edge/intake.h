// Intake: what is done to a request before a route is looked up: its path is made normal, so that routes and
// the origin read the same one; what it says about where it comes from is believed or taken out. On the core
// of the request; allocates only for requests that need a change.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "config/formats.h"
#include "http/service.h"

namespace weir::edge {

struct Intake {
  bool valid_path = true;     // else: 400
  bool hidden_slash = false;  // else-where a "/": for load balancers that say so, else 400
};

// trusted: networks of proxies that are believed about the client (X-Forwarded-*): the client is then the
// last address that is not theirs, and request.forwarded_by the proxy.
Intake take_in(http::Request& request, std::span<const config::Network> trusted);

// The part that is about the path; explaining a request needs no more. Texts go to scratch.
Intake take_in_path(http::RequestHead& head, http::Scratch& scratch);

// RFC 9110 section 7.6.2: counts this hop of a TRACE or OPTIONS with Max-Forwards. A response: it ends here.
http::ResponsePtr spend_hop(http::Request& request);

}  // namespace weir::edge
