// What people and programs want to know of an X.509 certificate (RFC 5280), as text. Private to tls/. Pure;
// on any core.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

struct x509_st;
struct crypto_buffer_st;
struct stack_st_CRYPTO_BUFFER;

namespace weir::tls {

// The names and addresses that a server certificate stands for, in lower case and without repetition: its
// subject alternative names (DNS and IP), or the common name when it has none.
std::vector<std::string> server_names(const x509_st& certificate);
std::string subject_text(const x509_st& certificate);  // RFC 2253
std::string issuer_text(const x509_st& certificate);
std::optional<WallTime> not_before(const x509_st& certificate);
std::optional<WallTime> not_after(const x509_st& certificate);

// Whom a verified certificate names.
struct Identity {
  std::string subject;      // RFC 2253
  std::string names;        // "DNS:a.example, URI:spiffe://b/c"; what is not plain ASCII is left out
  std::string fingerprint;  // SHA-256 of the certificate, lower-case hex
};
std::optional<Identity> identity_of(crypto_buffer_st* certificate);

}  // namespace weir::tls
