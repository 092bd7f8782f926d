#include "auth/pinned_token.h"

#include <algorithm>

#include "auth/token.h"
#include "base/check.h"

namespace weir::auth {

std::string pinned_text(std::string_view prefix, std::string_view token, std::string_view fingerprint) {
  WEIR_CHECK(token.starts_with(kTokenPrefix) && fingerprint.size() >= kFingerprintChars);
  return std::string(prefix)
      .append(token.substr(kTokenPrefix.size()))
      .append(".")
      .append(fingerprint.substr(0, kFingerprintChars));
}

std::optional<PinnedToken> parse_pinned_token(std::string_view prefix, std::string_view text) {
  const std::size_t dot = text.find('.');
  if (!text.starts_with(prefix) || dot == std::string_view::npos) return std::nullopt;
  const std::string_view fingerprint = text.substr(dot + 1);
  const bool is_hex = std::ranges::all_of(
      fingerprint, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (fingerprint.size() != kFingerprintChars || !is_hex) return std::nullopt;
  PinnedToken pinned{.token = std::string(kTokenPrefix), .fingerprint = std::string(fingerprint)};
  pinned.token.append(text.substr(prefix.size(), dot - prefix.size()));
  if (!token_id(pinned.token)) return std::nullopt;
  return pinned;
}

}  // namespace weir::auth
