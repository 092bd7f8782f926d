// The cookie of a session, and what shows that the page of another site is behind a request that brings it.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "auth/cookies.h"
#include "http/service.h"

namespace weir::session {

inline constexpr std::string_view kSessionCookie = "weir_session";
using auth::cookie_of;
using auth::is_secure;
using auth::set_cookie;

// That a page of another site has sent this, in a sentence; empty: nothing says so. Browsers say which (Fetch
// Metadata, RFC 6454), and other programs have no cookies of ours.
std::string foreign_page(const http::Request& request);

}  // namespace weir::session
