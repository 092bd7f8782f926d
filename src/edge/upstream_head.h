// The head of a request as the origin gets it: what belongs to the client's hop left out, what a proxy adds
// put in (RFC 9110 sections 7.6.1 and 7.6.3). Made once for all tries, on the core of the request.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "edge/plan.h"
#include "h2/client.h"
#include "http/service.h"
#include "net/buffer.h"

namespace weir::edge {

// In the version of HTTP that the service's endpoints speak; views into the request and the room.
struct UpstreamHead {
  net::Slice h1;  // serialised
  std::optional<h2::UpstreamHead> h2;
};

// The errors are about the request.
Result<UpstreamHead> write_upstream_head(http::Request& request, const PlannedService& service,
                                         std::span<std::byte> room);

// Prepares the head of an origin's response for the client. version_major: of HTTP, as the origin spoke it.
void clean_response_head(http::ResponseHead& head, unsigned version_major);

}  // namespace weir::edge
