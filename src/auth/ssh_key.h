// SshKey: a public key of somebody's, as a line of authorized_keys has it (sshd(8)) and as it goes over the
// wire (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f). Only keys that are worth something
// today: Ed25519, ECDSA, RSA from 2048 bits, and the two of security keys. SshLine: whom such a line lets in.
// Pure; on any core.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/crypto.h"

namespace weir::auth {

inline constexpr std::size_t kSshKeyLineBytesMax = 8192;  // as sshd has it; an RSA key of 8192 bits has 1,400
inline constexpr std::size_t kRsaBitsMin = 2048;
inline constexpr std::size_t kRsaBitsMax = 8192;  // that auth::verify_rsa() takes
// Of one line, each of which is somebody that others can't be; more than a person has names.
inline constexpr std::size_t kSshPrincipalsMax = 64;

// Of a key in the wire's form, as ssh-keygen -l prints it: "SHA256:" and the digest in base64 without
// padding.
std::string ssh_fingerprint(std::span<const std::byte> blob);

struct SshKey {
  std::string type;     // "ssh-ed25519"
  std::string blob;     // the key in the wire's form, with its type; equal for equal keys
  std::string comment;  // "eve@laptop"

  std::string fingerprint() const { return ssh_fingerprint(bytes_of(blob)); }
  friend bool operator==(const SshKey&, const SshKey&) = default;
};

// One line, without options. The error is a predicate: "is of the type ssh-dss, which ...".
std::expected<SshKey, std::string> parse_ssh_key(std::string_view line);

// A line of a user: a key that is the user's own; or an authority's, which by itself lets nobody in, and
// whoever has a certificate that it has signed for one of these principals.
struct SshLine {
  SshKey key;
  bool is_authority = false;
  std::vector<std::string> principals;  // of an authority, as they are written; none: the user's own name

  // Of an authority, when the line is this user's; of a plain key, none.
  std::vector<std::string> principals_of(std::string_view user) const;
  friend bool operator==(const SshLine&, const SshLine&) = default;
};

// One line, without options or with those of an authority, cert-authority and principals="ada,ada@laptop".
// The error is a predicate.
std::expected<SshLine, std::string> parse_ssh_line(std::string_view line);

}  // namespace weir::auth
