// The few cryptographic primitives that auth needs, over the libcrypto of AWS-LC. Pure; on any core.
// Randomness for secrets comes from net::fill_random.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct env_md_ctx_st;

namespace weir::auth {

using Digest = std::array<std::byte, 32>;

// SHA-256 (FIPS 180-4) of the parts, one after the other.
Digest sha256(std::initializer_list<std::span<const std::byte>> parts);

// The same of what comes piece by piece.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> piece);
  Digest finish();  // once; nothing is added any more

 private:
  struct Free {
    void operator()(env_md_ctx_st* context) const;
  };
  std::unique_ptr<env_md_ctx_st, Free> context_;
};

// SHA-1 (FIPS 180-4), for protocols that ask for it (RFC 6455). It protects nothing.
std::array<std::byte, 20> sha1(std::span<const std::byte> bytes);

// HMAC-SHA-256 (RFC 2104) of the parts, one after the other.
Digest hmac_sha256(std::span<const std::byte> key, std::initializer_list<std::span<const std::byte>> parts);

// HMAC (RFC 2104) by a hash that others chose (RFC 8945): what a key of theirs signs.
enum class HmacHash : std::uint8_t { kSha1, kSha256, kSha384, kSha512 };
std::string hmac(HmacHash hash, std::string_view key, std::span<const std::byte> bytes);

// The time depends on the sizes only, which are no secret.
bool constant_time_equal(std::span<const std::byte> left, std::span<const std::byte> right);

// RFC 4648 section 4, padded.
std::string to_base64(std::span<const std::byte> bytes);
// The same; padding may be left out. Nothing when it is none.
std::optional<std::string> from_base64(std::string_view text);
// RFC 4648 section 5, not padded (RFC 7515 section 2).
std::string to_base64url(std::span<const std::byte> bytes);
std::optional<std::string> from_base64url(std::string_view text);

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace weir::auth
