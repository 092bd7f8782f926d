// The head of a request as the origin gets it: what belongs to the client's hop left out, what a proxy adds
// put in (RFC 9110 sections 7.6.1 and 7.6.3). Made once for all tries, on the core of the request.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/random.h"
#include "h2/client.h"
#include "http/service.h"
#include "net/buffer.h"
#include "upstream/planned_service.h"

namespace weir::upstream {

// In the version of HTTP that the service's endpoints speak; views into the request and the room.
struct UpstreamHead {
  net::Slice h1;  // serialised
  std::optional<h2::UpstreamHead> h2;
};

// The errors are about the request. random: for what weir itself says in a WebSocket's handshake.
Result<UpstreamHead> write_upstream_head(http::Request& request, const PlannedService& service,
                                         std::span<std::byte> room, Random& random);

// Prepares the head of an origin's response for the client. version_major: of HTTP, as the origin spoke it.
void clean_response_head(http::ResponseHead& head, unsigned version_major);
// The same for the answer to a client that asked for WebSocket, before that: HTTP/1.1 proves by a hash of the
// client's key that it was understood (RFC 6455 section 4.2.2), HTTP/2 has neither (RFC 8441 section 5). The
// error is that of an endpoint that has not understood.
Result<void> settle_upgrade(http::Request& request, http::ResponseHead& head, unsigned version_major);

}  // namespace weir::upstream
