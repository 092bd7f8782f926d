#include "session/secret.h"

#include <variant>

#include "base/text.h"
#include "config/specs.h"

namespace weir::session {
namespace {

constexpr std::size_t kMarkBytes = 16;
constexpr std::size_t kCsrfBytes = 24;

}  // namespace

std::string Kept::to_text() const { return hash.to_text() + ':' + mark; }

std::optional<Kept> Kept::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto hash = auth::TokenHash::parse(text.substr(0, colon));
  if (!hash) return std::nullopt;
  return Kept{*hash, std::string(text.substr(colon + 1))};
}

std::string mark_of(const config::Object& user_or_token) {
  const auto* user = std::get_if<config::UserSpec>(&user_or_token.spec);
  const std::string& secret =
      user != nullptr ? user->password : std::get<config::TokenSpec>(user_or_token.spec).hash;
  const auth::Digest digest =
      auth::sha256({auth::bytes_of(user_or_token.metadata.uid), auth::bytes_of(":"), auth::bytes_of(secret)});
  return to_hex(std::span(digest).first(kMarkBytes));
}

std::string code_hash(std::span<const std::byte> key, std::string_view code) {
  return to_hex(auth::hmac_sha256(key, {auth::bytes_of("device code:"), auth::bytes_of(code)}));
}

std::string csrf_of(std::string_view secret) {
  const auth::Digest digest = auth::hmac_sha256(auth::bytes_of(secret), {auth::bytes_of("weir csrf")});
  return auth::to_base64url(std::span(digest).first(kCsrfBytes));
}

}  // namespace weir::session
