// A certificate request (PKCS #10, RFC 2986): made by whoever wants a certificate, read by the authority. Of
// what it says only the key counts, and that its sender has it; who that is, the authority decides by other
// means. Pure but for the randomness of a new key; on any core.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_pkey_st;

namespace weir::tls {

inline constexpr std::size_t kRequestBytesMax = 16UL * 1024;  // one with a key of 4096 bits takes 1.7 KiB

struct KeyAndRequest {
  std::string private_key;  // PKCS #8, PEM
  std::string request;      // PEM
};
// With a new ECDSA P-256 key.
Result<KeyAndRequest> make_request();

// The key of a request that is signed with it: ECDSA P-256, Ed25519, or RSA of 2048 to 4096 bits. The error's
// text is a sentence for people.
Result<std::shared_ptr<evp_pkey_st>> key_of_request(std::string_view request_pem);

}  // namespace weir::tls
