// The keys of a provider of identities (RFC 7517): what it signs tokens with. What is none that we verify
// with is passed over. Bounded; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oidc/token.h"

namespace weir::oidc {

inline constexpr std::size_t kKeySetBytesMax = 256 * 1024;
inline constexpr std::size_t kKeysMax = 64;

struct Key {
  enum class Type : std::uint8_t { kRsa, kP256, kEd25519 };
  Type type{};
  std::string id;
  std::optional<Algorithm> only;  // that it is for
  std::string value;              // modulus, point, or key
  std::string exponent;           // of kRsa
};

// The error is a sentence for the log.
std::expected<std::vector<Key>, std::string> parse_keys(std::string_view json);

// Whether a key of this type signs so: the token has no say in it.
bool fits(const Key& key, Algorithm algorithm);

enum class Signed : std::uint8_t {
  kYes,
  kNo,
  kUnknownKey,  // none of them could have: they may be others by now
};
// A token with a kid is of that key, others of any that fits.
Signed is_signed(const IdToken& token, const std::vector<Key>& keys);

}  // namespace weir::oidc
