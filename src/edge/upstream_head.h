// The head of a request as the origin gets it: what belongs to the client's hop left out, what a proxy adds
// put in (RFC 9110 sections 7.6.1 and 7.6.3).
#pragma once

#include <span>
#include <string_view>

#include "http/service.h"

namespace weir::edge {

// authority: of a request that named none (HTTP/1.0).
Result<std::size_t> write_upstream_head(http::Request& request, std::string_view authority,
                                        std::span<std::byte> room);

// Prepares the head of an origin's response for the client.
void clean_response_head(http::ResponseHead& head);

}  // namespace weir::edge
