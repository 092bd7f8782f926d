#include "auth/token.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"
#include "net/core.h"

namespace weir::auth {
namespace {

constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdBytes = 7;
constexpr std::size_t kSecretBytes = 24;
constexpr std::string_view kScheme = "sha256";

bool is_base62(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return kBase62.find(c) != std::string_view::npos; });
}

// The bytes as one number, big-endian, in exactly so many digits: no two values look alike, none is likelier.
std::string to_base62(std::span<const std::byte> bytes, std::size_t digits) {
  std::string number(bytes.size(), '\0');
  std::ranges::transform(bytes, number.begin(), [](std::byte byte) { return static_cast<char>(byte); });
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0;) {
    unsigned remainder = 0;
    for (char& digit : number) {
      const unsigned value = remainder * 256 + static_cast<unsigned char>(digit);
      digit = static_cast<char>(value / kBase62.size());
      remainder = value % static_cast<unsigned>(kBase62.size());
    }
    text[i] = kBase62[remainder];
  }
  return text;
}

// CRC-32 of IEEE 802.3, as zlib has it.
std::string checksum(std::string_view text) {
  std::uint32_t crc = 0xffffffffU;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ (0xedb88320U & (0U - (crc & 1U)));
  }
  crc = ~crc;
  std::array<std::byte, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(crc >> (24 - 8 * i));
  return to_base62(bytes, kTokenChecksumChars);
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

bool from_hex(std::string_view text, std::span<std::byte> bytes) {
  if (text.size() != 2 * bytes.size()) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return false;
    bytes[i] = static_cast<std::byte>(*high * 16 + *low);
  }
  return true;
}

// Up to the next colon, which is taken too.
std::string_view take_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

}  // namespace

std::optional<std::string> token_id(std::string_view token) {
  if (token.size() != kTokenBytes || !token.starts_with(kTokenPrefix)) return std::nullopt;
  const std::string_view id = token.substr(kTokenPrefix.size(), kTokenIdChars);
  const std::string_view rest = token.substr(kTokenPrefix.size() + kTokenIdChars);
  const std::size_t checked = kTokenBytes - kTokenChecksumChars;
  if (!is_base62(id) || rest.front() != '_' || !is_base62(rest.substr(1))) return std::nullopt;
  if (checksum(token.substr(0, checked)) != token.substr(checked)) return std::nullopt;
  return std::string(id);
}

std::string TokenHash::to_text() const {
  return std::string(kScheme) + ":" + id + ":" + to_hex(salt) + ":" + to_hex(digest);
}

std::optional<TokenHash> TokenHash::parse(std::string_view text) {
  TokenHash hash;
  if (take_part(text) != kScheme) return std::nullopt;
  hash.id = take_part(text);
  if (hash.id.size() != kTokenIdChars || !is_base62(hash.id)) return std::nullopt;
  if (!from_hex(take_part(text), hash.salt) || !from_hex(text, hash.digest)) return std::nullopt;
  return hash;
}

Digest token_digest(std::span<const std::byte, 16> salt, std::string_view token) {
  return sha256({salt, bytes_of(token)});
}

IssuedToken make_token(std::span<const std::byte, kTokenEntropyBytes> entropy) {
  IssuedToken issued;
  issued.hash.id = to_base62(entropy.first<kIdBytes>(), kTokenIdChars);
  issued.text = std::string(kTokenPrefix) + issued.hash.id + "_" +
                to_base62(entropy.subspan<kIdBytes, kSecretBytes>(), kTokenSecretChars);
  issued.text += checksum(issued.text);
  std::ranges::copy(entropy.last<16>(), issued.hash.salt.begin());
  issued.hash.digest = token_digest(issued.hash.salt, issued.text);
  return issued;
}

Result<IssuedToken> issue_token() {
  std::array<std::byte, kTokenEntropyBytes> entropy{};
  if (auto filled = net::fill_random(entropy); !filled) return fail(filled.error());
  return make_token(entropy);
}

Result<TokenHash> hash_token(std::string_view token) {
  auto id = token_id(token);
  if (!id) return fail(Code::kInvalid, "not a token");
  TokenHash hash{.id = std::move(*id)};
  if (auto filled = net::fill_random(hash.salt); !filled) return fail(filled.error());
  hash.digest = token_digest(hash.salt, token);
  return hash;
}

std::string_view bearer_of(std::string_view authorization) {
  authorization = trim(authorization);
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos) return {};
  if (!equal_ignoring_case(authorization.substr(0, space), "Bearer")) return {};
  return trim(authorization.substr(space));
}

}  // namespace weir::auth
