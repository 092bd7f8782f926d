// TrustStore: the authorities whose certificates are believed. Immutable; shared by all cores.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"

struct stack_st_X509_NAME;
struct x509_store_st;

namespace weir::tls {

class TrustStore {
 public:
  static constexpr const char* kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";
  static constexpr std::size_t kBundleBytesMax = 4UL * 1024 * 1024;  // the system's has 200 KiB

  static Result<std::shared_ptr<const TrustStore>> parse(std::string_view bundle_pem);
  // Reads the system's bundle; takes about 10 ms.
  static Result<std::shared_ptr<const TrustStore>> system();

  x509_store_st* store() const { return store_.get(); }
  using Digest = std::array<std::uint8_t, 32>;
  const Digest& digest() const { return digest_; }  // of the bundle: other authorities, another digest
  // The subjects of the authorities, which a server names to its clients. The caller owns the copy.
  stack_st_X509_NAME* subjects() const;

 private:
  TrustStore(std::shared_ptr<x509_store_st> store, const Digest& digest)
      : store_(std::move(store)), digest_(digest) {}

  std::shared_ptr<x509_store_st> store_;
  Digest digest_;
};

}  // namespace weir::tls
