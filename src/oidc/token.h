// An ID token (OpenID Connect Core 1.0 section 2): a signed JSON Web Token (RFC 7515, RFC 7519) as a provider
// of identities makes it. Nothing in it is true before its signature has been compared. Bounded; pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::oidc {

inline constexpr std::size_t kTokenBytesMax = 16 * 1024;
inline constexpr std::size_t kClaimBytesMax = 2048;
inline constexpr std::size_t kAudiencesMax = 16;
inline constexpr int kDepthMax = 8;                      // of JSON
inline constexpr std::chrono::seconds kClockSkew{60};    // by which clocks may differ
inline constexpr std::chrono::seconds kAgeMax{10 * 60};  // of a token that just now was made for us

enum class Algorithm : std::uint8_t { kRs256, kPs256, kEs256, kEdDsa };
std::optional<Algorithm> find_algorithm(std::string_view name);

struct Claims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;
  std::string authorized_party;
  std::string nonce;
  std::string email;
  bool email_verified = false;
  std::string name;
  std::chrono::sys_seconds expires_at;
  std::chrono::sys_seconds issued_at;
  std::optional<std::chrono::sys_seconds> not_before;
};

struct IdToken {
  Algorithm algorithm{};
  std::string key_id;  // empty: it does not say
  Claims claims;
  std::string signed_part;
  std::string signature;

  // The error is a sentence for the log.
  static std::expected<IdToken, std::string> parse(std::string_view text);
};

// What a token must say.
struct Expected {
  std::string issuer;
  std::string client_id;
  std::string nonce;
};
// What is wrong, for the log; empty: nothing (OpenID Connect Core 1.0 section 3.1.3.7).
std::string check(const Claims& claims, const Expected& expected, std::chrono::sys_seconds now);

}  // namespace weir::oidc
