// Passwords: the credentials of HTTP Basic, and hashes as crypt(3) makes them. Pure; slow on purpose (a
// bcrypt of cost 10 takes 50 ms), so outcomes are worth remembering, and no loop waits
// for it: see password_checker.h. Never logs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::auth {

struct BasicCredentials {
  std::string name;
  std::string password;
};
// Of an Authorization field: "Basic <base64 of name:password>" (RFC 7617 section 2); nothing when it is none.
std::optional<BasicCredentials> parse_basic(std::string_view field);

// yescrypt ($y$), bcrypt ($2a$, $2b$, $2y$), SHA-512 ($6$) or SHA-256 ($5$), as htpasswd -B and mkpasswd
// print.
bool is_password_hash(std::string_view text);
bool password_matches(const std::string& hash, const std::string& password);

}  // namespace weir::auth
