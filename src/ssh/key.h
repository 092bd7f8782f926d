// Keys as SSH writes them: blobs (RFC 4253 section 6.6), host keys. Pure but for make_host_key,
// which takes randomness from the kernel; on any core.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/buffer.h"

namespace weir::ssh {

// The name at the beginning of a key's blob; "" when there is none.
std::string_view type_of_key(net::Slice blob);

// A new Ed25519 key in OpenSSH's format: a secret.
Result<std::string> make_host_key();
// The same of 32 secret bytes: who has them has the same key.
std::string host_key_of(std::span<const std::byte, 32> seed);
// "ssh-ed25519 AAAA...", the public half of a private key: for known_hosts.
Result<std::string> public_line_of(std::string_view host_key);

}  // namespace weir::ssh
