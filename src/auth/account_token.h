// The token that somebody gets who logs in to an account: a JSON Web Token (RFC 7519) with the claims
// user_id, iat and exp, signed by HMAC-SHA-256 (RFC 7515). There is one header, one form of the claims and
// one algorithm, so there is nothing to choose for who makes up tokens: all else is refused unread. The key
// is the account's own and follows its password: with a new password all tokens of before are void. Pure; on
// any core. Never logs.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/crypto.h"
#include "base/time.h"

namespace weir::auth {

inline constexpr std::chrono::minutes kAccountTokenLife{300};  // as mysocket had it
inline constexpr std::size_t kAccountTokenBytesMax = 512;
inline constexpr std::size_t kUserIdBytesMax = 64;

// What the key of all accounts is derived from the authority for (tls::Authority::derive_secret).
inline constexpr std::string_view kAccountPurpose = "weir account tokens";

// Of one account. password_hash: as it is kept, with its salt.
Digest account_key(std::span<const std::byte> key, std::string_view user, std::string_view password_hash);

// user_id: letters, digits and "-". Valid for kAccountTokenLife.
std::string make_account_token(std::string_view user_id, WallTime now, std::span<const std::byte> key);

// As it was presented; nothing in it is true before the signature has been compared.
class AccountToken {
 public:
  static std::optional<AccountToken> parse(std::string_view text);  // text outlives it

  const std::string& user_id() const { return user_id_; }
  bool is_signed_by(std::span<const std::byte> key) const;
  // From its exp on it is not, nor before its iat, but for so much as clocks differ.
  bool is_current(WallTime now) const;

 private:
  std::string user_id_;
  std::chrono::sys_seconds issued_at_;
  std::chrono::sys_seconds expires_at_;
  std::string_view signed_part_;
  Digest signature_{};
};

// Whether it looks like one at all: a token of another sort is somebody else's business.
bool looks_like_account_token(std::string_view text);

}  // namespace weir::auth
