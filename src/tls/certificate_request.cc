#include "tls/certificate_request.h"

#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tls/pem.h"

namespace weir::tls {
namespace {

// What is strong enough, and cheap enough to verify for whoever serves a stranger.
constexpr unsigned kRsaBitsMin = 2048;
constexpr unsigned kRsaBitsMax = 4096;

std::unexpected<Error> refuse(const char* text, Code code = Code::kInvalid) {
  ERR_clear_error();
  return fail(code, text);
}

bool is_taken(EVP_PKEY& key) {
  switch (EVP_PKEY_id(&key)) {
    case EVP_PKEY_ED25519: return true;
    case EVP_PKEY_EC: {
      const EC_GROUP* curve = EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(&key));
      return curve != nullptr && EC_GROUP_get_curve_name(curve) == NID_X9_62_prime256v1;
    }
    case EVP_PKEY_RSA: {
      const unsigned bits = RSA_bits(EVP_PKEY_get0_RSA(&key));
      return bits >= kRsaBitsMin && bits <= kRsaBitsMax;
    }
    default: return false;
  }
}

}  // namespace

Result<KeyAndRequest> make_request() {
  const auto key = make_key();
  const bssl::UniquePtr<X509_REQ> request(X509_REQ_new());
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!key || !request || !out || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(out.get(), request.get()) != 1) {
    return refuse("no key could be made", Code::kInternal);
  }
  return KeyAndRequest{.private_key = pem_of(*key), .request = text_of(*out)};
}

Result<std::shared_ptr<evp_pkey_st>> key_of_request(std::string_view request_pem) {
  if (request_pem.size() > kRequestBytesMax) return refuse("the certificate request is longer than 16 KiB");
  const bssl::UniquePtr<BIO> reader(
      BIO_new_mem_buf(request_pem.data(), static_cast<ossl_ssize_t>(request_pem.size())));
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const bssl::UniquePtr<X509_REQ> request(PEM_read_bio_X509_REQ(reader.get(), nullptr, no_password, nullptr));
  if (!request) return refuse("not a certificate request in PEM");
  std::shared_ptr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()), EVP_PKEY_free);
  if (!key || !is_taken(*key)) {
    return refuse(
        "the key of the certificate request is none of ECDSA P-256, Ed25519 and RSA of 2048 to 4096 bits");
  }
  if (X509_REQ_verify(request.get(), key.get()) != 1) {
    return refuse("the certificate request is not signed with its own key");
  }
  ERR_clear_error();
  return key;
}

}  // namespace weir::tls
