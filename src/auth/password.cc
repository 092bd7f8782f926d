#include "auth/password.h"

#include <argon2.h>
#include <crypt.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "auth/crypto.h"
#include "base/text.h"
#include "net/core.h"

namespace weir::auth {
namespace {

constexpr std::size_t kCredentialsBytesMax = 1024;  // as base64
constexpr std::size_t kHashBytesMax = 384;          // CRYPT_OUTPUT_SIZE of libxcrypt

// What a hash may cost to compare, whoever wrote it: three times what this file makes.
constexpr std::uint64_t kMemoryKibMax = 64 * 1024;
constexpr std::uint64_t kPassesMax = 10;
constexpr std::uint64_t kLanesMax = 4;
constexpr std::size_t kSaltBytes = 16;  // RFC 9106 section 3.1
constexpr std::size_t kTagBytes = 32;
constexpr std::string_view kArgon2Prefix = "$argon2id$v=19$";

// Takes "m=19456" from the front, up to the character that ends it; nothing when it is not that.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view name, char end) {
  if (!text.starts_with(name)) return std::nullopt;
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const auto number = parse_decimal(text.substr(name.size(), at - name.size()));
  text.remove_prefix(at + 1);
  return number;
}

bool is_argon2_hash(std::string_view text) {
  if (!text.starts_with(kArgon2Prefix) || text.size() >= kHashBytesMax) return false;
  text.remove_prefix(kArgon2Prefix.size());
  const auto memory = take_number(text, "m=", ',');
  const auto passes = take_number(text, "t=", ',');
  const auto lanes = take_number(text, "p=", '$');
  if (!memory || !passes || !lanes) return false;
  if (*memory > kMemoryKibMax || *passes > kPassesMax || *lanes > kLanesMax) return false;
  return std::ranges::count(text, '$') == 1;
}

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
  if (text.starts_with("$argon2")) return is_argon2_hash(text);
  constexpr std::array<std::string_view, 6> kPrefixes{"$y$", "$2a$", "$2b$", "$2y$", "$6$", "$5$"};
  const auto begins = [text](std::string_view prefix) { return text.starts_with(prefix); };
  return text.size() < kHashBytesMax && std::ranges::any_of(kPrefixes, begins) &&
         std::ranges::count(text, '$') >= 3;
}

bool password_matches(const std::string& hash, const std::string& password) {
  if (!is_password_hash(hash)) return false;
  if (is_argon2_hash(hash)) {
    return argon2id_verify(hash.c_str(), password.data(), password.size()) == ARGON2_OK;
  }
  const auto data = std::make_unique<crypt_data>();
  const char* made = crypt_r(password.c_str(), hash.c_str(), data.get());
  return made != nullptr && constant_time_equal(bytes_of(made), bytes_of(hash));
}

Result<std::string> hash_password(std::string_view password) {
  std::array<std::byte, kSaltBytes> salt{};
  if (!net::fill_random(salt)) return fail(Code::kInternal, "there is no randomness for a salt");
  std::array<char, kHashBytesMax> encoded{};
  const int made =
      argon2id_hash_encoded(kArgon2Passes, kArgon2MemoryKib, kArgon2Lanes, password.data(), password.size(),
                            salt.data(), salt.size(), kTagBytes, encoded.data(), encoded.size());
  if (made != ARGON2_OK) return fail(Code::kOverloaded, "there is no memory to hash a password");
  return std::string(encoded.data());
}

}  // namespace weir::auth
