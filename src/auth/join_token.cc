#include "auth/join_token.h"

#include <algorithm>

#include "auth/token.h"
#include "base/check.h"

namespace weir::auth {

std::string join_text(std::string_view token, std::string_view fingerprint) {
  WEIR_CHECK(token.starts_with(kTokenPrefix) && fingerprint.size() >= kFingerprintChars);
  return std::string(kJoinPrefix)
      .append(token.substr(kTokenPrefix.size()))
      .append(".")
      .append(fingerprint.substr(0, kFingerprintChars));
}

std::optional<JoinToken> parse_join_token(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (!text.starts_with(kJoinPrefix) || dot == std::string_view::npos) return std::nullopt;
  const std::string_view fingerprint = text.substr(dot + 1);
  const bool is_hex = std::ranges::all_of(
      fingerprint, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (fingerprint.size() != kFingerprintChars || !is_hex) return std::nullopt;
  JoinToken join{.token = std::string(kTokenPrefix), .fingerprint = std::string(fingerprint)};
  join.token.append(text.substr(kJoinPrefix.size(), dot - kJoinPrefix.size()));
  if (!token_id(join.token)) return std::nullopt;
  return join;
}

}  // namespace weir::auth
