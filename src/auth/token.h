// A token as text, and what is kept of it. "weir_<id>_<secret>": the id is public and finds the record; the
// secret has 192 random bits and ends with a checksum, so that slips of the hand and leaked tokens are
// recognised without asking anyone. Kept is only a salted hash. SHA-256 is right for it: argon2 and its like
// slow down guessing of what people choose, and nobody guesses 192 random bits. Pure; on any core; never
// logs.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/crypto.h"
#include "base/error.h"

namespace weir::auth {

inline constexpr std::string_view kTokenPrefix = "weir_";
inline constexpr std::size_t kTokenIdChars = 10;       // base62 of 56 bits
inline constexpr std::size_t kTokenSecretChars = 33;   // base62 of 192 bits
inline constexpr std::size_t kTokenChecksumChars = 6;  // base62 of the CRC-32 of all before it
inline constexpr std::size_t kTokenBytes =
    kTokenPrefix.size() + kTokenIdChars + 1 + kTokenSecretChars + kTokenChecksumChars;

// The id of a token; empty when this is none, or its checksum says that it was not copied right.
std::optional<std::string> token_id(std::string_view token);

// What is kept. As text "sha256:<id>:<salt>:<digest>", the last two in hex; 115 characters.
struct TokenHash {
  std::string id;
  std::array<std::byte, 16> salt{};
  Digest digest{};

  std::string to_text() const;
  static std::optional<TokenHash> parse(std::string_view text);
  friend bool operator==(const TokenHash&, const TokenHash&) = default;
};

// What the digest is of; the id is in the token.
Digest token_digest(std::span<const std::byte, 16> salt, std::string_view token);

struct IssuedToken {
  std::string text;  // the secret: shown once to who asked, and never logged
  TokenHash hash;
};

// Id, secret and salt, in this order, must be random.
inline constexpr std::size_t kTokenEntropyBytes = 7 + 24 + 16;
IssuedToken make_token(std::span<const std::byte, kTokenEntropyBytes> entropy);
// From the kernel's generator.
Result<IssuedToken> issue_token();
// A new hash of a token that is known as text (the admin token, at start); kInvalid when it is none.
Result<TokenHash> hash_token(std::string_view token);

// The token of an Authorization field, "Bearer <token>" (RFC 6750 section 2.1); empty when there is none.
std::string_view bearer_of(std::string_view authorization);

}  // namespace weir::auth
