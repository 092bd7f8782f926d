// Whether a signature is somebody's, over the libcrypto of AWS-LC. Keys and signatures as bare numbers: what
// is around them is the protocol's that asks. What is not a key or not a signature is no valid signature.
// Pure; on any core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::auth {

using Bytes = std::span<const std::byte>;

enum class Curve : std::uint8_t { kP256, kP384, kP521 };
enum class Hash : std::uint8_t { kSha256, kSha384, kSha512 };

// RFC 8032: a key of 32 bytes, a signature of 64.
// The public half of the private key that this seed is.
std::array<std::byte, 32> ed25519_public_key(std::span<const std::byte, 32> seed);
bool verify_ed25519(Bytes key, Bytes signature, Bytes message);

// FIPS 186-5: the point uncompressed (SEC 1), r and s big-endian.
bool verify_ecdsa(Curve curve, Bytes point, Hash hash, Bytes r, Bytes s, Bytes message);

// RFC 8017 RSASSA-PKCS1-v1_5; modulus and exponent big-endian. Keys of 2048 to 8192 bits.
bool verify_rsa(Bytes modulus, Bytes exponent, Hash hash, Bytes signature, Bytes message);
// RSASSA-PSS of the same keys, with a salt as long as the hash and MGF1 of the same hash (RFC 7518
// section 3.5).
bool verify_rsa_pss(Bytes modulus, Bytes exponent, Hash hash, Bytes signature, Bytes message);

}  // namespace weir::auth
