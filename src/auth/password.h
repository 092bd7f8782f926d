// Passwords: the credentials of HTTP Basic, and hashes: those that weir makes (Argon2id, RFC 9106) and those
// of crypt(3). Slow on purpose (a bcrypt of cost 10 takes 50 ms), so outcomes are worth remembering, and no
// loop waits for it: see password_checker.h. Never logs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::auth {

struct BasicCredentials {
  std::string name;
  std::string password;
};
// Of an Authorization field: "Basic <base64 of name:password>" (RFC 7617 section 2); nothing when it is none.
std::optional<BasicCredentials> parse_basic(std::string_view field);

// Of the hashes made here: the least that OWASP's Password Storage Cheat Sheet advises (2023), about 20 ms of
// one core. The memory is that of the one thread that hashes at a time.
inline constexpr std::uint32_t kArgon2MemoryKib = 19 * 1024;
inline constexpr std::uint32_t kArgon2Passes = 2;
inline constexpr std::uint32_t kArgon2Lanes = 1;

// With a random salt: "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>".
Result<std::string> hash_password(std::string_view password);

// A hash like those that are made here, which no known password fits: what a password is held against when
// there is none, so that it takes as long.
inline constexpr const char* kHashOfNobody =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

// Argon2id ($argon2id$), yescrypt ($y$), bcrypt ($2a$, $2b$, $2y$), SHA-512 ($6$) or SHA-256 ($5$), as
// htpasswd -B and mkpasswd print.
bool is_password_hash(std::string_view text);
bool password_matches(const std::string& hash, const std::string& password);

}  // namespace weir::auth
