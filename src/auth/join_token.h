// A join token as text: what the operator of a new machine gives it, once. "weirjoin_<id>_<secret>.<CA>": the
// token of a Token object of the role join, and the front of the SHA-256 of the controller's authority, so
// that the machine knows whom it talks to before it says anything, without a file of certificates. Pure;
// never logs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir::auth {

inline constexpr std::string_view kJoinPrefix = "weirjoin_";
// 128 bits: nobody makes another authority that has them in common.
inline constexpr std::size_t kFingerprintChars = 32;

struct JoinToken {
  std::string token;        // "weir_<id>_<secret>", for the controller alone
  std::string fingerprint;  // kFingerprintChars lower-case hex digits
};

// fingerprint: of the authority, at least kFingerprintChars.
std::string join_text(std::string_view token, std::string_view fingerprint);
// Empty when this is none, or was not copied right.
std::optional<JoinToken> parse_join_token(std::string_view text);

}  // namespace weir::auth
