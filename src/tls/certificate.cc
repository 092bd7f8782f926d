#include "tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "tls/x509.h"

namespace weir::tls {
namespace {

constexpr unsigned kRsaBitsMin = 2048;  // what browsers take
constexpr unsigned kRsaBitsMax = 8192;  // a signature beyond takes tens of milliseconds of a core

std::unexpected<Error> invalid(const char* text) {
  ERR_clear_error();
  return fail(Code::kInvalid, text);
}

bssl::UniquePtr<BIO> reader_of(std::string_view text) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

using Chain = std::vector<std::shared_ptr<CRYPTO_BUFFER>>;

Result<Chain> parse_chain(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return invalid("the certificate chain is too long");
  const auto reader = reader_of(pem);
  Chain chain;
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    std::uint8_t* data = nullptr;
    long bytes = 0;
    if (PEM_read_bio(reader.get(), &name, &header, &data, &bytes) != 1) break;
    const bssl::UniquePtr<char> name_owner(name);
    const bssl::UniquePtr<char> header_owner(header);
    const bssl::UniquePtr<std::uint8_t> data_owner(data);
    if (std::string_view(name).find("PRIVATE KEY") != std::string_view::npos) {
      return invalid("a private key stands among the certificates");
    }
    if (std::string_view(name) != PEM_STRING_X509 && std::string_view(name) != PEM_STRING_X509_OLD) {
      return invalid("something else than certificates stands in the chain");
    }
    if (chain.size() == kChainMax) return invalid("the chain has more than 10 certificates");
    chain.emplace_back(CRYPTO_BUFFER_new(data, static_cast<std::size_t>(bytes), nullptr), CRYPTO_BUFFER_free);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (chain.empty()) return invalid("no certificate in PEM");
  if (!at_end) return invalid("a certificate of the chain is not PEM");
  return chain;
}

Result<KeyKind> kind_of(X509& certificate) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(&certificate));
  switch (key ? EVP_PKEY_id(key.get()) : EVP_PKEY_NONE) {
    case EVP_PKEY_EC: return KeyKind::kEcdsa;
    case EVP_PKEY_RSA: return KeyKind::kRsa;
    default: return invalid("the certificate's key is neither RSA nor ECDSA");
  }
}

Result<CertificateInfo> read_info(X509& leaf) {
  const auto from = not_before(leaf);
  const auto until = not_after(leaf);
  if (!from || !until) return invalid("the certificate's validity is not readable");
  const auto key = kind_of(leaf);
  if (!key) return fail(key.error());
  return CertificateInfo{.names = server_names(leaf),
                         .not_before = *from,
                         .not_after = *until,
                         .subject = subject_text(leaf),
                         .issuer = issuer_text(leaf),
                         .key = *key};
}

bssl::UniquePtr<EVP_PKEY> parse_key(std::string_view pem) {
  const auto reader = reader_of(pem);
  const auto no_password = [](char*, int, int, void*) { return 0; };
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(reader.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  return key;
}

Result<void> check_strength(EVP_PKEY& key) {
  if (EVP_PKEY_id(&key) == EVP_PKEY_RSA) {
    const unsigned bits = RSA_bits(EVP_PKEY_get0_RSA(&key));
    if (bits < kRsaBitsMin) return invalid("the RSA key is shorter than 2048 bits");
    if (bits > kRsaBitsMax) return invalid("the RSA key is longer than 8192 bits");
    return {};
  }
  const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(&key)));
  if (curve != NID_X9_62_prime256v1 && curve != NID_secp384r1 && curve != NID_secp521r1) {
    return invalid("the curve of the ECDSA key is none of P-256, P-384, P-521");
  }
  return {};
}

}  // namespace

Result<CertificateInfo> inspect(std::string_view chain_pem, std::string_view key_pem) {
  const auto chain = parse_chain(chain_pem);
  if (!chain) return fail(chain.error());
  bssl::UniquePtr<X509> leaf;
  for (const auto& der : *chain) {
    bssl::UniquePtr<X509> parsed(X509_parse_from_buffer(der.get()));
    if (!parsed) return invalid("a certificate of the chain is not X.509");
    if (!leaf) leaf = std::move(parsed);
  }
  auto info = read_info(*leaf);
  if (!info) return info;
  if (key_pem.size() > kPemBytesMax) return invalid("the private key is too long");
  const auto key = parse_key(key_pem);
  if (!key) {
    if (key_pem.find("ENCRYPTED") != std::string_view::npos) return invalid("the private key is encrypted");
    return invalid("no private key in PEM");
  }
  if (X509_check_private_key(leaf.get(), key.get()) != 1) {
    return invalid("the private key does not belong to the first certificate");
  }
  if (auto strong = check_strength(*key); !strong) return fail(strong.error());
  if (info->names.empty()) return invalid("the certificate names no host");
  if (info->not_after <= info->not_before) return invalid("the certificate is never valid");
  return info;
}

Result<std::shared_ptr<const Certificate>> Certificate::load(std::string_view chain_pem,
                                                             std::string key_pem) {
  auto chain = parse_chain(chain_pem);
  if (!chain) return fail(chain.error());
  const bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(chain->front().get()));
  if (!leaf) return invalid("the first certificate is not X.509");
  auto info = read_info(*leaf);
  if (!info) return fail(info.error());
  std::shared_ptr<Certificate> made(new Certificate);
  made->info_ = *std::move(info);
  made->chain_ = *std::move(chain);
  made->key_pem_ = std::move(key_pem);
  return made;
}

Certificate::~Certificate() { OPENSSL_cleanse(key_pem_.data(), key_pem_.size()); }

bool Certificate::use_for(ssl_st* connection) const {
  std::call_once(key_parsed_, [this] {
    key_ = std::shared_ptr<EVP_PKEY>(parse_key(key_pem_).release(), EVP_PKEY_free);
    OPENSSL_cleanse(key_pem_.data(), key_pem_.size());
    key_pem_ = std::string();
  });
  std::array<CRYPTO_BUFFER*, kChainMax> chain{};
  for (std::size_t i = 0; i < chain_.size(); ++i) chain.at(i) = chain_[i].get();
  return key_ != nullptr &&
         SSL_set_chain_and_key(connection, chain.data(), chain_.size(), key_.get(), nullptr) == 1;
}

}  // namespace weir::tls
