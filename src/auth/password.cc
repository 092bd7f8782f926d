#include "auth/password.h"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "auth/crypto.h"
#include "base/text.h"

namespace weir::auth {
namespace {

constexpr std::size_t kCredentialsBytesMax = 1024;  // as base64
constexpr std::size_t kHashBytesMax = 384;          // CRYPT_OUTPUT_SIZE of libxcrypt

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// RFC 4648 section 4; padding may be left out.
std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>(bits >> static_cast<unsigned>(have));
  }
  return bytes;
}

}  // namespace

std::optional<BasicCredentials> parse_basic(std::string_view field) {
  constexpr std::string_view kScheme = "basic ";
  if (field.size() <= kScheme.size() || field.size() > kCredentialsBytesMax) return std::nullopt;
  if (!equal_ignoring_case(field.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  field.remove_prefix(kScheme.size());
  while (field.starts_with(' ')) field.remove_prefix(1);
  const auto plain = decode_base64(field);
  if (!plain) return std::nullopt;
  const std::size_t colon = plain->find(':');
  if (colon == std::string::npos || plain->contains('\0')) return std::nullopt;
  return BasicCredentials{plain->substr(0, colon), plain->substr(colon + 1)};
}

bool is_password_hash(std::string_view text) {
  constexpr std::array<std::string_view, 6> kPrefixes{"$y$", "$2a$", "$2b$", "$2y$", "$6$", "$5$"};
  const auto begins = [text](std::string_view prefix) { return text.starts_with(prefix); };
  return text.size() < kHashBytesMax && std::ranges::any_of(kPrefixes, begins) &&
         std::ranges::count(text, '$') >= 3;
}

bool password_matches(const std::string& hash, const std::string& password) {
  if (!is_password_hash(hash)) return false;
  const auto data = std::make_unique<crypt_data>();
  const char* made = crypt_r(password.c_str(), hash.c_str(), data.get());
  return made != nullptr && constant_time_equal(bytes_of(made), bytes_of(hash));
}

}  // namespace weir::auth
