// Visitors: who somebody is that has signed in, as the cookie says that shows it, and which of them may come.
// The cookie is all there is: any edge with the same key reads what another wrote, and none keeps anything.
// Immutable, used by every core at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/crypto.h"
#include "base/time.h"
#include "config/specs.h"

namespace weir::filter {

inline constexpr std::size_t kVisitorCookieBytesMax = 512;  // an e-mail address has 254
inline constexpr std::size_t kEmailBytesMax = 254;          // RFC 5321 section 4.5.3.1.3

struct Visitor {
  std::string email;  // config::check_email() has no objection
  std::chrono::sys_seconds until;
};

// What a cookie says, once it is known to be ours: "1790000000:eve@host.example". Nothing: it is no such
// text.
std::optional<Visitor> parse_visitor(std::string_view text);
std::string to_text(const Visitor& visitor);

// Of all visitors of a load balancer, for every edge that knows the client's secret and nobody else; with
// another provider or client it is another one.
auth::Digest visitor_key(const config::VisitorSignIn& spec, std::string_view client_secret,
                         std::string_view load_balancer);
// Load balancers on ports of one host share its cookies, so each has its own.
inline constexpr std::string_view kVisitorCookiePrefix = "weir_visitor_";
std::string visitor_cookie_name(const auth::Digest& key);

std::string visitor_cookie(const auth::Digest& key, const Visitor& visitor);
// Nothing: nobody with the key has made it, or its time is over.
std::optional<Visitor> read_visitor(const auth::Digest& key, std::string_view cookie, WallTime now);

class GuestList {
 public:
  explicit GuestList(const config::VisitorSignIn& spec);
  bool holds(std::string_view email) const;

 private:
  std::vector<std::string> emails_;  // in lower case, sorted
  std::vector<std::string> domains_;
};

}  // namespace weir::filter
