#include "tls/trust_store.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <fstream>
#include <iterator>
#include <string>

namespace weir::tls {

Result<std::shared_ptr<const TrustStore>> TrustStore::parse(std::string_view bundle_pem) {
  if (bundle_pem.size() > kBundleBytesMax) return fail(Code::kInvalid, "the CA bundle is too long");
  const bssl::UniquePtr<BIO> reader(BIO_new_mem_buf(bundle_pem.data(), static_cast<int>(bundle_pem.size())));
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  std::size_t count = 0;
  for (;; ++count) {
    const bssl::UniquePtr<X509> authority(PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
    if (!authority) break;
    X509_STORE_add_cert(store.get(), authority.get());  // one that is there twice is not added again
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0) return fail(Code::kInvalid, "no certificate in the CA bundle");
  if (!at_end) return fail(Code::kInvalid, "a certificate of the CA bundle is not readable");
  Digest digest{};
  SHA256(reinterpret_cast<const std::uint8_t*>(bundle_pem.data()), bundle_pem.size(), digest.data());
  return std::shared_ptr<const TrustStore>(new TrustStore(std::move(store), digest));
}

Result<std::shared_ptr<const TrustStore>> TrustStore::system() {
  std::ifstream file(kSystemBundle, std::ios::binary);
  if (!file) return fail(Code::kNotFound, "no CA bundle of the system: install ca-certificates");
  return parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

stack_st_X509_NAME* TrustStore::subjects() const {
  bssl::UniquePtr<STACK_OF(X509_NAME)> names(sk_X509_NAME_new_null());
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(store_.get());
  for (std::size_t i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509* authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    if (authority == nullptr) continue;
    bssl::UniquePtr<X509_NAME> name(X509_NAME_dup(X509_get_subject_name(authority)));
    if (name) bssl::PushToStack(names.get(), std::move(name));
  }
  return names.release();
}

}  // namespace weir::tls
