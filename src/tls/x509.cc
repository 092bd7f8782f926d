#include "tls/x509.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/pool.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "net/network.h"

namespace weir::tls {
namespace {

// Of Identity::names: what fits a header field that an origin is ready to take.
constexpr std::size_t kNamesBytesMax = 4096;

bssl::UniquePtr<GENERAL_NAMES> alternative_names(const X509& certificate) {
  return bssl::UniquePtr<GENERAL_NAMES>(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
}

std::string_view text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string ip_text(const ASN1_OCTET_STRING* octets) {
  const std::string_view bytes = text_of(octets);
  if (bytes.size() == 4) {
    std::array<std::uint8_t, 4> v4{};
    std::copy(bytes.begin(), bytes.end(), v4.begin());
    return net::Address::v4(v4, 0).ip();
  }
  if (bytes.size() == 16) {
    std::array<std::uint8_t, 16> v6{};
    std::copy(bytes.begin(), bytes.end(), v6.begin());
    return net::Address::v6(v6, 0).ip();
  }
  return {};
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

std::string common_name(const X509& certificate) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  return std::string(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

std::string name_text(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  const std::uint8_t* data = nullptr;
  std::size_t bytes = 0;
  BIO_mem_contents(out.get(), &data, &bytes);
  return {reinterpret_cast<const char*>(data), bytes};
}

std::optional<WallTime> wall_time(const ASN1_TIME* time) {
  std::int64_t seconds = 0;
  if (ASN1_TIME_to_posix(time, &seconds) != 1) return std::nullopt;
  return WallTime(std::chrono::seconds(seconds));
}

}  // namespace

std::vector<std::string> server_names(const x509_st& certificate) {
  std::vector<std::string> names;
  const auto add = [&names](std::string name) {
    if (is_plain(name) && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  };
  const auto alternatives = alternative_names(certificate);
  for (std::size_t i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) add(to_lower(text_of(name->d.dNSName)));
    if (name->type == GEN_IPADD) add(ip_text(name->d.iPAddress));
  }
  if (!alternatives) add(to_lower(common_name(certificate)));
  return names;
}

std::string subject_text(const x509_st& certificate) {
  return name_text(X509_get_subject_name(&certificate));
}

std::string issuer_text(const x509_st& certificate) { return name_text(X509_get_issuer_name(&certificate)); }

std::optional<WallTime> not_before(const x509_st& certificate) {
  return wall_time(X509_get0_notBefore(&certificate));
}

std::optional<WallTime> not_after(const x509_st& certificate) {
  return wall_time(X509_get0_notAfter(&certificate));
}

std::optional<Identity> identity_of(crypto_buffer_st* certificate) {
  const bssl::UniquePtr<X509> parsed(X509_parse_from_buffer(certificate));
  if (!parsed) return std::nullopt;
  Identity identity{.subject = subject_text(*parsed)};
  const auto alternatives = alternative_names(*parsed);
  for (std::size_t i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    std::string text;
    std::string_view kind;
    switch (name->type) {
      case GEN_DNS: kind = "DNS:", text = text_of(name->d.dNSName); break;
      case GEN_URI: kind = "URI:", text = text_of(name->d.uniformResourceIdentifier); break;
      case GEN_EMAIL: kind = "email:", text = text_of(name->d.rfc822Name); break;
      case GEN_IPADD: kind = "IP:", text = ip_text(name->d.iPAddress); break;
      default: break;
    }
    if (kind.empty() || !is_plain(text)) continue;
    if (identity.names.size() + kind.size() + text.size() + 2 > kNamesBytesMax) break;
    if (!identity.names.empty()) identity.names += ", ";
    identity.names.append(kind).append(text);
  }
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate), digest.data());
  identity.fingerprint = to_hex(std::as_bytes(std::span(digest)));
  return identity;
}

}  // namespace weir::tls
