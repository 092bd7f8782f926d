#include "auth/account_token.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/text.h"

namespace weir::auth {
namespace {

// {"alg":"HS256","typ":"JWT"}
constexpr std::string_view kHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
// Between the machines of one weir.
constexpr std::chrono::minutes kClocksDiffer{1};

std::chrono::sys_seconds seconds_of(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

std::string claims_text(std::string_view user_id, std::chrono::sys_seconds issued_at,
                        std::chrono::sys_seconds expires_at) {
  std::string text = "{\"user_id\":\"";
  text.append(user_id).append("\",\"iat\":").append(std::to_string(issued_at.time_since_epoch().count()));
  text.append(",\"exp\":").append(std::to_string(expires_at.time_since_epoch().count()));
  return text + '}';
}

// Takes all up to `end` from the front; empty when there is no end.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return {};
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return taken;
}

bool is_user_id(std::string_view text) {
  return !text.empty() && text.size() <= kUserIdBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

Digest account_key(std::span<const std::byte> key, std::string_view user, std::string_view password_hash) {
  return hmac_sha256(key, {bytes_of(user), bytes_of("\n"), bytes_of(password_hash)});
}

std::string make_account_token(std::string_view user_id, WallTime now, std::span<const std::byte> key) {
  const auto issued_at = seconds_of(now);
  std::string text(kHeader);
  text += to_base64url(bytes_of(claims_text(user_id, issued_at, issued_at + kAccountTokenLife)));
  const Digest signature = hmac_sha256(key, {bytes_of(text)});
  return text + '.' + to_base64url(signature);
}

std::optional<AccountToken> AccountToken::parse(std::string_view text) {
  if (text.size() > kAccountTokenBytesMax || !text.starts_with(kHeader)) return std::nullopt;
  std::string_view rest = text.substr(kHeader.size());
  const std::string_view encoded = take_until(rest, ".");
  const auto claims = from_base64url(encoded);
  const auto signature = from_base64url(rest);
  AccountToken token;
  if (!claims || !signature || signature->size() != token.signature_.size()) return std::nullopt;
  std::memcpy(token.signature_.data(), signature->data(), signature->size());
  token.signed_part_ = text.substr(0, kHeader.size() + encoded.size());

  rest = *claims;
  if (!take_until(rest, "{\"user_id\":\"").empty()) return std::nullopt;
  token.user_id_ = take_until(rest, "\",\"iat\":");
  const auto issued_at = parse_decimal(take_until(rest, ",\"exp\":"));
  const auto expires_at = parse_decimal(take_until(rest, "}"));
  constexpr std::uint64_t kSecondsMax = 253'402'300'799;  // the end of the year 9999
  if (!is_user_id(token.user_id_) || !issued_at || !expires_at) return std::nullopt;
  if (*issued_at > kSecondsMax || *expires_at > kSecondsMax) return std::nullopt;
  token.issued_at_ = std::chrono::sys_seconds(std::chrono::seconds(*issued_at));
  token.expires_at_ = std::chrono::sys_seconds(std::chrono::seconds(*expires_at));
  // There is one way to write each part.
  if (to_base64url(bytes_of(claims_text(token.user_id_, token.issued_at_, token.expires_at_))) != encoded ||
      to_base64url(token.signature_) != text.substr(token.signed_part_.size() + 1)) {
    return std::nullopt;
  }
  return token;
}

bool AccountToken::is_signed_by(std::span<const std::byte> key) const {
  return constant_time_equal(hmac_sha256(key, {bytes_of(signed_part_)}), signature_);
}

bool AccountToken::is_current(WallTime now) const {
  return now < expires_at_ && now + kClocksDiffer >= issued_at_ &&
         expires_at_ - issued_at_ <= kAccountTokenLife;
}

bool looks_like_account_token(std::string_view text) { return text.starts_with("eyJ"); }

}  // namespace weir::auth
