#include "auth/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/check.h"

namespace weir::auth {
namespace {

struct FreeHmacContext {
  void operator()(HMAC_CTX* context) const { HMAC_CTX_free(context); }
};

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

void Sha256::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

// The calls can fail for want of memory only, which nothing here survives.
Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  WEIR_CHECK(context_ != nullptr);
  WEIR_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::span<const std::byte> piece) {
  WEIR_CHECK(EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest{};
  unsigned size = 0;
  WEIR_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &size) == 1);
  WEIR_CHECK(size == digest.size());
  return digest;
}

Digest sha256(std::initializer_list<std::span<const std::byte>> parts) {
  Sha256 hash;
  for (const auto part : parts) hash.add(part);
  return hash.finish();
}

std::array<std::byte, 20> sha1(std::span<const std::byte> bytes) {
  std::array<std::byte, 20> digest{};
  SHA1(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
       reinterpret_cast<std::uint8_t*>(digest.data()));
  return digest;
}

Digest hmac_sha256(std::span<const std::byte> key, std::initializer_list<std::span<const std::byte>> parts) {
  const std::unique_ptr<HMAC_CTX, FreeHmacContext> context(HMAC_CTX_new());
  WEIR_CHECK(context != nullptr);
  WEIR_CHECK(HMAC_Init_ex(context.get(), key.data(), key.size(), EVP_sha256(), nullptr) == 1);
  for (const auto part : parts) {
    WEIR_CHECK(HMAC_Update(context.get(), reinterpret_cast<const std::uint8_t*>(part.data()), part.size()) ==
               1);
  }
  Digest digest{};
  unsigned size = 0;
  WEIR_CHECK(HMAC_Final(context.get(), reinterpret_cast<std::uint8_t*>(digest.data()), &size) == 1);
  WEIR_CHECK(size == digest.size());
  return digest;
}

std::string hmac(HmacHash hash, std::string_view key, std::span<const std::byte> bytes) {
  constexpr std::array kHashes{&EVP_sha1, &EVP_sha256, &EVP_sha384, &EVP_sha512};
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  WEIR_CHECK(HMAC(kHashes[static_cast<std::size_t>(hash)](), key.data(), key.size(),
                  reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                  reinterpret_cast<std::uint8_t*>(digest.data()), &size) != nullptr);
  digest.resize(size);
  return digest;
}

bool constant_time_equal(std::span<const std::byte> left, std::span<const std::byte> right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // and the NUL that is written behind
  const auto written = EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(text.data()),
                                       reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  text.resize(static_cast<std::size_t>(written));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
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

std::string to_base64url(std::span<const std::byte> bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string usual(text);
  std::ranges::replace(usual, '-', '+');
  std::ranges::replace(usual, '_', '/');
  return from_base64(usual);
}

}  // namespace weir::auth
