// Keys and certificates as PEM (RFC 7468), and new keys. Private to tls/. Functions; on any core.
#pragma once

#include <memory>
#include <string>

struct bio_st;
struct evp_pkey_st;
struct x509_st;

namespace weir::tls {

std::shared_ptr<evp_pkey_st> make_key();  // ECDSA P-256; null: no randomness
// Empty: no memory.
std::string pem_of(x509_st& certificate);
std::string pem_of(evp_pkey_st& key);  // PKCS #8, RFC 5208
std::string text_of(bio_st& memory);

}  // namespace weir::tls
