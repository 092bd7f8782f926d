#include "auth/signature.h"

#include <openssl/bn.h>
#include <openssl/curve25519.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>

namespace weir::auth {
namespace {

constexpr std::size_t kModulusBytesMin = 2048 / 8;
constexpr std::size_t kModulusBytesMax = 8192 / 8;

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using EcKey = std::unique_ptr<EC_KEY, Free<EC_KEY_free>>;
using EcPoint = std::unique_ptr<EC_POINT, Free<EC_POINT_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;
using RsaKey = std::unique_ptr<RSA, Free<RSA_free>>;

const std::uint8_t* raw(Bytes bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

Number number_of(Bytes bytes) { return Number(BN_bin2bn(raw(bytes), bytes.size(), nullptr)); }

struct Digested {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  int nid = NID_undef;
};

const EVP_MD* type_of(Hash hash) {
  return hash == Hash::kSha256 ? EVP_sha256() : hash == Hash::kSha384 ? EVP_sha384() : EVP_sha512();
}

// Null: it is none that is taken.
RsaKey rsa_key(Bytes modulus, Bytes exponent) {
  if (modulus.size() < kModulusBytesMin || modulus.size() > kModulusBytesMax) return nullptr;
  if (exponent.empty() || exponent.size() > 8) return nullptr;
  const Number n = number_of(modulus);
  const Number e = number_of(exponent);
  return RsaKey(RSA_new_public_key(n.get(), e.get()));
}

Digested digest(Hash hash, Bytes message) {
  Digested result;
  const EVP_MD* md = type_of(hash);
  result.nid = hash == Hash::kSha256 ? NID_sha256 : hash == Hash::kSha384 ? NID_sha384 : NID_sha512;
  if (EVP_Digest(message.data(), message.size(), result.bytes.data(), &result.size, md, nullptr) != 1) {
    result.size = 0;
  }
  return result;
}

// The library keeps errors for whoever asks next on this thread: TLS must not find these.
bool settled(bool valid) {
  ERR_clear_error();
  return valid;
}

}  // namespace

std::array<std::byte, 32> ed25519_public_key(std::span<const std::byte, 32> seed) {
  std::array<std::uint8_t, ED25519_PRIVATE_KEY_LEN> private_key{};
  std::array<std::byte, ED25519_PUBLIC_KEY_LEN> public_key{};
  ED25519_keypair_from_seed(reinterpret_cast<std::uint8_t*>(public_key.data()), private_key.data(),
                            raw(seed));
  OPENSSL_cleanse(private_key.data(), private_key.size());
  return public_key;
}

bool verify_ed25519(Bytes key, Bytes signature, Bytes message) {
  if (key.size() != ED25519_PUBLIC_KEY_LEN || signature.size() != ED25519_SIGNATURE_LEN) return false;
  return settled(ED25519_verify(raw(message), message.size(), raw(signature), raw(key)) == 1);
}

bool verify_ecdsa(Curve curve, Bytes point, Hash hash, Bytes r, Bytes s, Bytes message) {
  const int nid = curve == Curve::kP256   ? NID_X9_62_prime256v1
                  : curve == Curve::kP384 ? NID_secp384r1
                                          : NID_secp521r1;
  const EcKey key(EC_KEY_new_by_curve_name(nid));
  if (key == nullptr) return settled(false);
  const EC_GROUP* group = EC_KEY_get0_group(key.get());
  const EcPoint public_point(EC_POINT_new(group));
  if (public_point == nullptr ||
      EC_POINT_oct2point(group, public_point.get(), raw(point), point.size(), nullptr) != 1 ||
      EC_KEY_set_public_key(key.get(), public_point.get()) != 1) {
    return settled(false);
  }
  constexpr std::size_t kNumberBytesMax = 66;  // of P-521
  if (r.size() > kNumberBytesMax || s.size() > kNumberBytesMax) return false;
  const EcdsaSignature signature(ECDSA_SIG_new());
  Number r_number = number_of(r);
  Number s_number = number_of(s);
  if (signature == nullptr || ECDSA_SIG_set0(signature.get(), r_number.get(), s_number.get()) != 1) {
    return settled(false);
  }
  (void)r_number.release();
  (void)s_number.release();
  const Digested digested = digest(hash, message);
  return settled(ECDSA_do_verify(digested.bytes.data(), digested.size, signature.get(), key.get()) == 1);
}

bool verify_rsa(Bytes modulus, Bytes exponent, Hash hash, Bytes signature, Bytes message) {
  const RsaKey key = rsa_key(modulus, exponent);
  if (key == nullptr) return settled(false);
  const Digested digested = digest(hash, message);
  return settled(RSA_verify(digested.nid, digested.bytes.data(), digested.size, raw(signature),
                            signature.size(), key.get()) == 1);
}

bool verify_rsa_pss(Bytes modulus, Bytes exponent, Hash hash, Bytes signature, Bytes message) {
  const RsaKey key = rsa_key(modulus, exponent);
  if (key == nullptr) return settled(false);
  const Digested digested = digest(hash, message);
  const EVP_MD* md = type_of(hash);
  return settled(RSA_verify_pss_mgf1(key.get(), digested.bytes.data(), digested.size, md, md,
                                     static_cast<int>(digested.size), raw(signature), signature.size()) == 1);
}

}  // namespace weir::auth
