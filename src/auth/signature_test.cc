#include "auth/signature.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::auth {
namespace {

std::vector<std::byte> from_hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(text[i]) << 4U | digit(text[i + 1])));
  }
  return bytes;
}

TEST_CASE("verify_ed25519: test 2 of RFC 8032, and nothing else") {
  const auto key = from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  auto signature = from_hex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  const auto message = from_hex("72");
  CHECK(verify_ed25519(key, signature, message));
  CHECK_FALSE(verify_ed25519(key, signature, from_hex("73")));
  CHECK_FALSE(verify_ed25519(key, Bytes(signature).first(63), message));
  CHECK_FALSE(verify_ed25519(Bytes(key).first(31), signature, message));
  signature[0] ^= std::byte{1};
  CHECK_FALSE(verify_ed25519(key, signature, message));
}

TEST_CASE("verify_ecdsa: P-256 with SHA-256 of RFC 6979 A.2.5, and nothing else") {
  const auto point = from_hex(
      "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
      "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
  const auto r = from_hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
  const auto s = from_hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
  const auto message = from_hex("73616d706c65");
  CHECK(verify_ecdsa(Curve::kP256, point, Hash::kSha256, r, s, message));
  CHECK_FALSE(verify_ecdsa(Curve::kP256, point, Hash::kSha512, r, s, message));
  CHECK_FALSE(verify_ecdsa(Curve::kP384, point, Hash::kSha256, r, s, message));
  CHECK_FALSE(verify_ecdsa(Curve::kP256, point, Hash::kSha256, s, r, message));
  CHECK_FALSE(verify_ecdsa(Curve::kP256, point, Hash::kSha256, {}, s, message));
  CHECK_FALSE(verify_ecdsa(Curve::kP256, {}, Hash::kSha256, r, s, message));
  const std::vector<std::byte> long_number(100, std::byte{1});
  CHECK_FALSE(verify_ecdsa(Curve::kP256, point, Hash::kSha256, long_number, s, message));
}

// That good ones pass is shown by the certificates of ssh/certificate_test.cc.
TEST_CASE("verify_rsa: keys of the wrong size are none") {
  const std::vector<std::byte> exponent = from_hex("010001");
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{128}, std::size_t{2048}}) {
    const std::vector<std::byte> modulus(bytes, std::byte{0xff});
    CHECK_FALSE(verify_rsa(modulus, exponent, Hash::kSha256, modulus, exponent));
  }
  const std::vector<std::byte> modulus(256, std::byte{0xff});
  CHECK_FALSE(verify_rsa(modulus, {}, Hash::kSha256, modulus, exponent));
  CHECK_FALSE(verify_rsa(modulus, exponent, Hash::kSha256, modulus, exponent));
}

}  // namespace
}  // namespace weir::auth
