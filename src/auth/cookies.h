// Cookies by which a browser shows again who it is (RFC 6265bis): read, set, and kept from whom they are not
// for. Pure; on any core.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "http/service.h"

namespace weir::auth {

// Whether the client came by TLS, to us or to a proxy that is trusted to say so.
bool is_secure(const http::Request& request);

// Of a cookie by this name; by TLS, of "__Host-" and the name, which no other site can have set (RFC 6265bis
// section 4.1.3.2). Empty: it is not there.
std::string_view cookie_of(const http::Request& request, std::string_view name);

// A Set-Cookie field. SameSite is Lax: a strict one would not come along when a provider of identities sends
// somebody back. life: zero ends it.
std::string set_cookie(const http::Request& request, std::string_view name, std::string_view value,
                       Duration life);

// Takes out the cookies whose names begin so, with "__Host-" or without; the others are one field then.
void remove_cookies(http::Request& request, std::string_view name_prefix);

}  // namespace weir::auth
