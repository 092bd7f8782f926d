#include "tls/pem.h"

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace weir::tls {

std::shared_ptr<evp_pkey_st> make_key() {
  bssl::UniquePtr<EC_KEY> pair(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  std::shared_ptr<EVP_PKEY> key(EVP_PKEY_new(), EVP_PKEY_free);
  if (!pair || !key || EC_KEY_generate_key(pair.get()) != 1) return nullptr;
  return EVP_PKEY_assign_EC_KEY(key.get(), pair.release()) == 1 ? key : nullptr;
}

std::string text_of(bio_st& memory) {
  const std::uint8_t* data = nullptr;
  std::size_t bytes = 0;
  BIO_mem_contents(&memory, &data, &bytes);
  return {reinterpret_cast<const char*>(data), bytes};
}

std::string pem_of(x509_st& certificate) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  return out && PEM_write_bio_X509(out.get(), &certificate) == 1 ? text_of(*out) : std::string();
}

std::string pem_of(evp_pkey_st& key) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  const bool written =
      out && PEM_write_bio_PKCS8PrivateKey(out.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  return written ? text_of(*out) : std::string();
}

}  // namespace weir::tls
