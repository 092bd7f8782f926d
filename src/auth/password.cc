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

}  // namespace

std::optional<BasicCredentials> parse_basic(std::string_view field) {
  constexpr std::string_view kScheme = "basic ";
  if (field.size() <= kScheme.size() || field.size() > kCredentialsBytesMax) return std::nullopt;
  if (!equal_ignoring_case(field.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  field.remove_prefix(kScheme.size());
  while (field.starts_with(' ')) field.remove_prefix(1);
  const auto plain = from_base64(field);
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
