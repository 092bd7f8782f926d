#include "tls/authority.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hkdf.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "net/core.h"
#include "net/network.h"
#include "tls/certificate_request.h"
#include "tls/pem.h"
#include "tls/x509.h"

namespace weir::tls {
namespace {

// Machines whose clock is behind accept a certificate at once: those of visitors, and those that join.
constexpr Duration kClockSkew = std::chrono::hours(1);
constexpr Duration kMachineClockSkew = std::chrono::minutes(5);
constexpr std::size_t kUriBytesMax = 2048;       // SPIFFE ID, section 2.3
constexpr std::size_t kCommonNameBytesMax = 64;  // RFC 5280 appendix A, ub-common-name
constexpr std::size_t kNamesMax = 100;

std::unexpected<Error> failed(const char* text, Code code = Code::kInternal) {
  ERR_clear_error();
  return fail(code, text);
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

// 127 random bits: unique without a register, and positive (RFC 5280 section 4.1.2.2).
bool set_serial(X509& certificate) {
  std::array<std::byte, 16> bytes{};
  if (!net::fill_random(bytes)) return false;
  bytes.front() = (bytes.front() & std::byte{0x7f}) | std::byte{0x40};
  const bssl::UniquePtr<BIGNUM> number(
      BN_bin2bn(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

bool set_validity(X509& certificate, WallTime from, WallTime until) {
  return ASN1_TIME_set_posix(X509_getm_notBefore(&certificate), seconds_of(from)) != nullptr &&
         ASN1_TIME_set_posix(X509_getm_notAfter(&certificate), seconds_of(until)) != nullptr;
}

bool set_common_name(X509& certificate, std::string_view name) {
  X509_NAME* subject = X509_get_subject_name(&certificate);
  name = name.substr(0, kCommonNameBytesMax);
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const std::uint8_t*>(name.data()),
                                    static_cast<ossl_ssize_t>(name.size()), -1, 0) == 1;
}

struct Extension {
  int nid;
  const char* value;
};

bool add_extensions(X509& certificate, X509& issuer, std::span<const Extension> extensions) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  return std::ranges::all_of(extensions, [&](const Extension& wanted) {
    const bssl::UniquePtr<X509_EXTENSION> made(
        X509V3_EXT_nconf_nid(nullptr, &context, wanted.nid, wanted.value));
    return made && X509_add_ext(&certificate, made.get(), -1) == 1;
  });
}

bool add_alternative_names(X509& certificate, GENERAL_NAMES& all, bool critical) {
  return X509_add1_ext_i2d(&certificate, NID_subject_alt_name, &all, critical ? 1 : 0, 0) == 1;
}

// The only name that the certificate has: there is no subject, which makes it critical (RFC 5280 section
// 4.2.1.6).
bool add_uri(X509& certificate, const std::string& uri) {
  const bssl::UniquePtr<GENERAL_NAMES> all(sk_GENERAL_NAME_new_null());
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  bssl::UniquePtr<ASN1_IA5STRING> text(ASN1_IA5STRING_new());
  if (!all || !name || !text ||
      ASN1_STRING_set(text.get(), uri.data(), static_cast<ossl_ssize_t>(uri.size())) != 1) {
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), GEN_URI, text.release());
  return bssl::PushToStack(all.get(), std::move(name)) && add_alternative_names(certificate, *all, true);
}

// Built from values, not from text: a name never becomes syntax.
bool add_names(X509& certificate, std::span<const std::string> names) {
  const bssl::UniquePtr<GENERAL_NAMES> all(sk_GENERAL_NAME_new_null());
  for (const std::string& text : names) {
    bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
    if (!name) return false;
    if (const auto address = net::Address::parse_ip(text, 0)) {
      bssl::UniquePtr<ASN1_OCTET_STRING> octets(ASN1_OCTET_STRING_new());
      if (!octets ||
          ASN1_OCTET_STRING_set(octets.get(), address->bytes().data(), address->is_v6() ? 16 : 4) != 1) {
        return false;
      }
      GENERAL_NAME_set0_value(name.get(), GEN_IPADD, octets.release());
    } else {
      bssl::UniquePtr<ASN1_IA5STRING> host(ASN1_IA5STRING_new());
      if (!host || ASN1_STRING_set(host.get(), text.data(), static_cast<ossl_ssize_t>(text.size())) != 1) {
        return false;
      }
      GENERAL_NAME_set0_value(name.get(), GEN_DNS, host.release());
    }
    if (!bssl::PushToStack(all.get(), std::move(name))) return false;
  }
  return add_alternative_names(certificate, *all, false);
}

bool is_name(std::string_view text) {
  if (net::Address::parse_ip(text, 0)) return true;
  if (text.starts_with("*.")) text.remove_prefix(2);
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    c = ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool is_uri(std::string_view text) {
  return text.find("://") != std::string_view::npos && text.size() <= kUriBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f' && c != ','; });
}

const char* usage_text(Usage usage) {
  switch (usage) {
    case Usage::kServer: return "serverAuth";
    case Usage::kClient: return "clientAuth";
    case Usage::kServerAndClient: break;
  }
  return "serverAuth,clientAuth";
}

}  // namespace

Result<PemPair> Authority::create(std::string_view name, WallTime now) {
  const auto key = make_key();
  const bssl::UniquePtr<X509> root(X509_new());
  constexpr std::array kExtensions{
      Extension{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
      Extension{NID_key_usage, "critical,keyCertSign,cRLSign"},
      Extension{NID_subject_key_identifier, "hash"},
  };
  const WallTime from = now - std::chrono::floor<std::chrono::milliseconds>(kClockSkew);
  const WallTime until = now + std::chrono::floor<std::chrono::milliseconds>(kRootValidity);
  if (!key || !root || X509_set_version(root.get(), X509_VERSION_3) != 1 || !set_serial(*root) ||
      !set_validity(*root, from, until) || !set_common_name(*root, name) ||
      X509_set_issuer_name(root.get(), X509_get_subject_name(root.get())) != 1 ||
      X509_set_pubkey(root.get(), key.get()) != 1 || !add_extensions(*root, *root, kExtensions) ||
      X509_sign(root.get(), key.get(), EVP_sha256()) == 0) {
    return failed("the authority's certificate could not be made");
  }
  return PemPair{.certificate = pem_of(*root), .private_key = pem_of(*key)};
}

Result<Authority> Authority::load(const PemPair& root) {
  const auto reader = [](const std::string& pem) {
    return bssl::UniquePtr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  };
  const auto no_password = [](char*, int, int, void*) { return 0; };
  std::shared_ptr<X509> certificate(
      PEM_read_bio_X509(reader(root.certificate).get(), nullptr, nullptr, nullptr), X509_free);
  std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(reader(root.private_key).get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  if (!certificate) return failed("the authority's certificate is not readable", Code::kInvalid);
  if (!key) return failed("the authority's key is not readable", Code::kInvalid);
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return failed("the authority's key does not belong to its certificate", Code::kInvalid);
  }
  const auto until = tls::not_after(*certificate);
  if (X509_check_ca(certificate.get()) == 0 || !until) {
    return failed("the authority's certificate is not one of an authority", Code::kInvalid);
  }
  std::uint8_t* der = nullptr;
  const int bytes = i2d_X509(certificate.get(), &der);
  const bssl::UniquePtr<std::uint8_t> owned(der);
  if (bytes <= 0) return failed("the authority's certificate is not readable", Code::kInvalid);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(der, static_cast<std::size_t>(bytes), digest.data());
  Authority authority(std::move(certificate), std::move(key), root.certificate, *until);
  authority.fingerprint_ = to_hex(std::as_bytes(std::span(digest)));
  return authority;
}

// What all certificates of this authority have in common; `names` fills in whom it is for.
template <class Names>
Result<std::string> Authority::make_leaf(const Leaf& wanted, Names names) const {
  const bssl::UniquePtr<X509> leaf(X509_new());
  const std::array extensions{
      Extension{NID_basic_constraints, "critical,CA:FALSE"},
      Extension{NID_key_usage, "critical,digitalSignature"},
      Extension{NID_ext_key_usage, usage_text(wanted.usage)},
      Extension{NID_subject_key_identifier, "hash"},
      Extension{NID_authority_key_identifier, "keyid:always"},
  };
  if (!leaf || X509_set_version(leaf.get(), X509_VERSION_3) != 1 || !set_serial(*leaf) ||
      !set_validity(*leaf, wanted.from, std::min(wanted.until, not_after_)) ||
      X509_set_issuer_name(leaf.get(), X509_get_subject_name(root_.get())) != 1 ||
      X509_set_pubkey(leaf.get(), &wanted.key) != 1 || !add_extensions(*leaf, *root_, extensions) ||
      !names(*leaf) || X509_sign(leaf.get(), key_.get(), EVP_sha256()) == 0) {
    return failed("the certificate could not be made");
  }
  return pem_of(*leaf) + root_pem_;
}

Result<PemPair> Authority::issue(std::span<const std::string> names, Usage usage, WallTime now,
                                 Duration validity) const {
  if (names.empty() || names.size() > kNamesMax || !std::ranges::all_of(names, is_name)) {
    return failed("a certificate is for 1 to 100 host names or addresses", Code::kInvalid);
  }
  const auto key = make_key();
  if (!key) return failed("no key could be made");
  auto chain = make_leaf(
      {.key = *key,
       .usage = usage,
       .from = now - std::chrono::floor<std::chrono::milliseconds>(kClockSkew),
       .until = now + std::chrono::floor<std::chrono::milliseconds>(validity)},
      [names](X509& leaf) { return set_common_name(leaf, names.front()) && add_names(leaf, names); });
  if (!chain) return fail(chain.error());
  return PemPair{.certificate = std::move(*chain), .private_key = pem_of(*key)};
}

Result<std::string> Authority::certify(std::string_view request_pem, const std::string& uri, WallTime now,
                                       Duration validity) const {
  if (!is_uri(uri)) return failed("a machine is named by a URI of at most 2048 bytes", Code::kInvalid);
  const auto key = key_of_request(request_pem);
  if (!key) return fail(key.error());
  return make_leaf({.key = **key,
                    .usage = Usage::kServerAndClient,
                    .from = now - std::chrono::floor<std::chrono::milliseconds>(kMachineClockSkew),
                    .until = now + std::chrono::floor<std::chrono::milliseconds>(validity)},
                   [&uri](X509& leaf) { return add_uri(leaf, uri); });
}

Result<std::array<std::byte, 32>> Authority::derive_secret(std::string_view purpose) const {
  std::array<std::byte, 32> secret{};
  std::uint8_t* der = nullptr;
  const int bytes = i2d_PrivateKey(key_.get(), &der);
  if (bytes <= 0) return failed("the authority's key can't be written");
  const bool derived = HKDF(reinterpret_cast<std::uint8_t*>(secret.data()), secret.size(), EVP_sha256(), der,
                            static_cast<std::size_t>(bytes), nullptr, 0,
                            reinterpret_cast<const std::uint8_t*>(purpose.data()), purpose.size()) == 1;
  OPENSSL_cleanse(der, static_cast<std::size_t>(bytes));
  OPENSSL_free(der);
  if (!derived) return failed("no secret could be derived from the authority's key");
  return secret;
}

}  // namespace weir::tls
