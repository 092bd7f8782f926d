// OpenSSH user certificates (PROTOCOL.certkeys): libssh checks that the client has the key inside of one and
// nothing else, so everything else is checked here, on the blob. Pure; bounded; on any core.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "net/buffer.h"
#include "net/network.h"

namespace weir::ssh {

// What a certificate says. Views into its blob, but for key_blob.
struct Certificate {
  std::string_view type;      // "ssh-ed25519-cert-v01@openssh.com"
  std::string_view key_type;  // "ssh-ed25519"
  std::string key_blob;       // of the key that was certified, as it stands without a certificate
  std::uint64_t serial = 0;
  std::uint32_t role = 0;  // 1: a user, 2: a host
  std::string_view id;
  std::vector<std::string_view> principals;
  std::uint64_t valid_after = 0;   // seconds since 1970
  std::uint64_t valid_before = 0;  // the first second in which it is not valid any more
  std::optional<std::string_view> force_command;
  std::optional<std::string_view> source_address;  // networks, with commas between
  bool unknown_critical = false;                   // an option that has to be understood and is not
  bool permits_port_forwarding = false;
  bool permits_pty = false;
  net::Slice authority;  // its key's blob
  net::Slice signed_part;
  net::Slice signature;
};

// Whether a key's type is that of a certificate.
bool is_certificate_type(std::string_view type);

// The form alone; kMalformed when it is none.
Result<Certificate> parse_certificate(net::Slice blob);

struct CertificateUse {
  net::Address peer;
  WallTime now;
};

// All but the form, and whether the authority is to be trusted with its principals: a user's certificate, for
// somebody, signed by its authority, at this time, from this address, without an option that is not
// understood here. The error's text says what is wrong, for the log; it names no secret.
Result<void> check_certificate(const Certificate& certificate, const CertificateUse& use);

}  // namespace weir::ssh
