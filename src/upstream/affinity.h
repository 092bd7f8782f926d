// Affinity: what of a request says which endpoint it belongs to: a hash for RING_HASH and MAGLEV, or the
// endpoint that a cookie names. On the core of the request; allocates only when a cookie is to be set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/service.h"
#include "upstream/planned_service.h"

namespace weir::upstream {

struct Affinity {
  std::optional<std::uint64_t> hash;
  std::uint64_t endpoint = 0;  // PlannedHost::cookie, as the client's cookie has it; 0: none
};

Affinity affinity(const PlannedService& service, const http::Request& request);
// Of a connection, of which only the client's address is known.
Affinity affinity(const PlannedService& service, const net::Address& client);

// What the service's sticky cookie says; 0: it has none, or the client brings none that is one of ours.
std::uint64_t sticky_endpoint(const PlannedService& service, const http::Fields& fields);

// The Set-Cookie that keeps a client at an endpoint (RFC 6265).
std::string sticky_cookie(const PlannedService& service, std::uint64_t endpoint, bool secure);

// Of all Cookie fields; nothing: there is none of that name.
std::optional<std::string_view> cookie_value(const http::Fields& fields, std::string_view name);

}  // namespace weir::upstream
