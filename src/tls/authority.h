// Authority: a certificate authority of one's own, made at first use: for names that no public one certifies
// (weir.localhost) and for the links between machines. Its caller keeps the two PEM texts; here are no files.
// RFC 5280. Immutable; on any core.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

struct evp_pkey_st;
struct x509_st;

namespace weir::tls {

struct PemPair {
  std::string certificate;
  std::string private_key;  // PKCS #8
  friend bool operator==(const PemPair&, const PemPair&) = default;
};

enum class Usage { kServer, kClient, kServerAndClient };

class Authority {
 public:
  static constexpr Duration kRootValidity = std::chrono::days(3650);
  // Browsers take no server certificate of more than 398 days, Apple's none of a private authority over 825.
  static constexpr Duration kLeafValidity = std::chrono::days(90);
  // Short, so that a machine that is taken out is out soon without a list of revoked certificates.
  static constexpr Duration kMachineValidity = std::chrono::hours(24);

  // A new root with an ECDSA P-256 key; `name` is what people see in their browser's list.
  static Result<PemPair> create(std::string_view name, WallTime now);
  static Result<Authority> load(const PemPair& root);

  // A certificate for DNS names ("*.example.com" too) and addresses, followed by the root, and its key.
  Result<PemPair> issue(std::span<const std::string> names, Usage usage, WallTime now,
                        Duration validity = kLeafValidity) const;
  // A certificate for the key of a request (see certificate_request.h), followed by the root. uri: whom it is
  // for, such as spiffe://weir.localhost/edge/fra-1; whatever else the request names is left out. For both
  // ends of a connection; valid from five minutes ago.
  Result<std::string> certify(std::string_view request_pem, const std::string& uri, WallTime now,
                              Duration validity = kMachineValidity) const;
  // SHA-256 of the root, lower-case hex: by which it is recognised.
  const std::string& fingerprint() const { return fingerprint_; }
  // A secret for one purpose, the same wherever this authority is (HKDF-SHA-256, RFC 5869); it gives neither
  // the authority's key away nor the secret of another purpose.
  Result<std::array<std::byte, 32>> derive_secret(std::string_view purpose) const;
  const std::string& root_pem() const { return root_pem_; }
  WallTime not_after() const { return not_after_; }

 private:
  Authority(std::shared_ptr<x509_st> root, std::shared_ptr<evp_pkey_st> key, std::string root_pem,
            WallTime not_after)
      : root_(std::move(root)), key_(std::move(key)), root_pem_(std::move(root_pem)), not_after_(not_after) {}

  struct Leaf {
    evp_pkey_st& key;
    Usage usage;
    WallTime from;
    WallTime until;
  };
  template <class Names>
  Result<std::string> make_leaf(const Leaf& wanted, Names names) const;

  std::shared_ptr<x509_st> root_;
  std::shared_ptr<evp_pkey_st> key_;
  std::string root_pem_;
  std::string fingerprint_;
  WallTime not_after_;
};

}  // namespace weir::tls
