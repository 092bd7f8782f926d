// Certificate: a chain and its private key, as a listener offers them. Immutable and shared by all cores; the
// key is parsed when the first handshake wants it, so that ten thousand of them load fast and stay small.
// Reads no files.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

struct crypto_buffer_st;
struct evp_pkey_st;
struct ssl_st;

namespace weir::tls {

enum class KeyKind : std::uint8_t { kEcdsa, kRsa };

struct CertificateInfo {
  std::vector<std::string> names;  // DNS names (also "*.example.com") and addresses, lower case
  WallTime not_before;
  WallTime not_after;
  std::string subject;  // RFC 2253
  std::string issuer;
  KeyKind key = KeyKind::kEcdsa;
};

// Bounds of what is taken as PEM: a chain or a key.
inline constexpr std::size_t kPemBytesMax = 256UL * 1024;  // a name takes 30 bytes; a thousand are common
inline constexpr std::size_t kChainMax = 10;               // what browsers follow

// The whole check of what a user gives: both parse, belong together, and can serve. The error's text is a
// sentence for people. Takes a millisecond for some RSA keys.
Result<CertificateInfo> inspect(std::string_view chain_pem, std::string_view key_pem);

class Certificate {
 public:
  // The chain is parsed, the key is not: inspect() is for what was not inspected before.
  static Result<std::shared_ptr<const Certificate>> load(std::string_view chain_pem, std::string key_pem);
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate();

  const CertificateInfo& info() const { return info_; }
  // Makes it what a connection shows. False: its key is none.
  bool use_for(ssl_st* connection) const;

 private:
  Certificate() = default;

  CertificateInfo info_;
  std::vector<std::shared_ptr<crypto_buffer_st>> chain_;  // DER, the leaf first
  mutable std::once_flag key_parsed_;
  mutable std::string key_pem_;  // until it is parsed
  mutable std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace weir::tls
