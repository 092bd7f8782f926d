#include "ssh/certificate.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "auth/crypto.h"
#include "auth/signature.h"
#include "auth/ssh_wire.h"
#include "base/text.h"
#include "ssh/limits.h"

namespace weir::ssh {
namespace {

constexpr std::string_view kSuffix = "-cert-v01@openssh.com";
constexpr std::uint32_t kUserRole = 1;
constexpr std::string_view kSecurityKeyEd25519 = "sk-ssh-ed25519@openssh.com";
constexpr std::string_view kSecurityKeyP256 = "sk-ecdsa-sha2-nistp256@openssh.com";

// The types that are taken, and how many strings their keys have: ssh-ed25519: the key; ecdsa: curve and
// point; ssh-rsa: exponent and modulus.
struct KeyType {
  std::string_view name;
  unsigned strings;
};
constexpr std::array kKeyTypes{KeyType{"ssh-ed25519", 1}, KeyType{"ecdsa-sha2-nistp256", 2},
                               KeyType{"ecdsa-sha2-nistp384", 2}, KeyType{"ecdsa-sha2-nistp521", 2},
                               KeyType{"ssh-rsa", 2}};

void append_string(std::string& to, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  for (const unsigned shift : {24U, 16U, 8U, 0U}) to += static_cast<char>(size >> shift & 0xffU);
  to += bytes;
}

Result<Certificate> malformed(const char* what) { return fail(Code::kMalformed, what); }

// An option is a name and a string, in which most have another string. In ascending order, none twice.
template <class OnOption>
bool read_options(net::Slice list, OnOption on_option) {
  auth::SshReader reader(list);
  std::string_view last;
  while (reader.good() && !reader.done()) {
    const std::string_view name = reader.text();
    const net::Slice data = reader.string();
    if (!reader.good() || name <= last) return false;
    last = name;
    if (!on_option(name, data)) return false;
  }
  return reader.good();
}

std::optional<std::string_view> text_in(net::Slice data) {
  auth::SshReader reader(data);
  const std::string_view text = reader.text();
  return reader.done() ? std::optional(text) : std::nullopt;
}

bool read_critical(Certificate& certificate, net::Slice list) {
  return read_options(list, [&](std::string_view name, net::Slice data) {
    if (name == "force-command") {
      certificate.force_command = text_in(data);
      return certificate.force_command.has_value();
    }
    if (name == "source-address") {
      certificate.source_address = text_in(data);
      return certificate.source_address.has_value();
    }
    certificate.unknown_critical = true;
    return true;
  });
}

bool read_extensions(Certificate& certificate, net::Slice list) {
  return read_options(list, [&](std::string_view name, net::Slice) {
    if (name == "permit-port-forwarding") certificate.permits_port_forwarding = true;
    if (name == "permit-pty") certificate.permits_pty = true;
    return true;
  });
}

bool read_principals(Certificate& certificate, net::Slice list) {
  auth::SshReader reader(list);
  while (reader.good() && !reader.done()) {
    certificate.principals.push_back(reader.text());
    if (certificate.principals.size() > limits::kPrincipalsMax) return false;
  }
  return reader.good();
}

// --- the authority's signature

std::optional<auth::Curve> curve_of(std::string_view name) {
  if (name == "nistp256") return auth::Curve::kP256;
  if (name == "nistp384") return auth::Curve::kP384;
  if (name == "nistp521") return auth::Curve::kP521;
  return std::nullopt;
}

auth::Hash hash_of(auth::Curve curve) {  // RFC 5656 section 6.2.1
  return curve == auth::Curve::kP256   ? auth::Hash::kSha256
         : curve == auth::Curve::kP384 ? auth::Hash::kSha384
                                       : auth::Hash::kSha512;
}

bool verify_ecdsa(auth::SshReader& key, std::string_view type, net::Slice signature, net::Slice message) {
  const auto curve = curve_of(key.text());
  const net::Slice point = key.string();
  if (!key.done() || !curve) return false;
  constexpr std::string_view kPrefix = "ecdsa-sha2-";
  if (curve_of(type.substr(std::min(type.size(), kPrefix.size()))) != curve) return false;
  auth::SshReader numbers(signature);
  const net::Slice r = numbers.magnitude();
  const net::Slice s = numbers.magnitude();
  return numbers.done() && auth::verify_ecdsa(*curve, point, hash_of(*curve), r, s, message);
}

// RFC 8332. A signature that is shorter than the modulus has lost its zeros; OpenSSH takes it too.
bool verify_rsa(auth::SshReader& key, std::string_view algorithm, net::Slice signature, net::Slice message) {
  const net::Slice exponent = key.magnitude();
  const net::Slice modulus = key.magnitude();
  if (!key.done() || signature.size() > modulus.size()) return false;
  const bool sha512 = algorithm == "rsa-sha2-512";
  if (!sha512 && algorithm != "rsa-sha2-256") return false;  // ssh-rsa is SHA-1
  std::string padded(modulus.size() - signature.size(), '\0');
  padded += net::as_text(signature);
  return auth::verify_rsa(modulus, exponent, sha512 ? auth::Hash::kSha512 : auth::Hash::kSha256,
                          net::as_slice(padded), message);
}

// OpenSSH's PROTOCOL.u2f: it signs digests, with its flags and its counter between them. Whether somebody
// touched it is the authority's matter, as to OpenSSH.
bool verify_security_key(auth::SshReader& key, std::string_view type, net::Slice signature,
                         net::Slice flags_and_counter, net::Slice message) {
  constexpr std::size_t kFlagsAndCounterBytes = 5;
  const bool is_ecdsa = type == kSecurityKeyP256;
  const bool is_curve = !is_ecdsa || key.text() == "nistp256";
  const net::Slice point = key.string();
  const auth::Digest application = auth::sha256({key.string()});
  if (!key.done() || !is_curve || flags_and_counter.size() != kFlagsAndCounterBytes) return false;
  const auth::Digest digest = auth::sha256({message});
  std::string text(net::as_text(application));
  text.append(net::as_text(flags_and_counter)).append(net::as_text(digest));
  if (!is_ecdsa) return auth::verify_ed25519(point, signature, net::as_slice(text));
  auth::SshReader numbers(signature);
  const net::Slice r = numbers.magnitude();
  const net::Slice s = numbers.magnitude();
  return numbers.done() &&
         auth::verify_ecdsa(auth::Curve::kP256, point, auth::Hash::kSha256, r, s, net::as_slice(text));
}

bool is_signed(const Certificate& certificate) {
  auth::SshReader key(certificate.authority);
  const std::string_view type = key.text();
  auth::SshReader wrapped(certificate.signature);
  const std::string_view algorithm = wrapped.text();
  const net::Slice signature = wrapped.string();
  if (!key.good() || !wrapped.good()) return false;
  if (algorithm == type && (type == kSecurityKeyEd25519 || type == kSecurityKeyP256)) {
    return verify_security_key(key, type, signature, wrapped.rest(), certificate.signed_part);
  }
  if (!wrapped.done()) return false;
  if (type == "ssh-rsa") return verify_rsa(key, algorithm, signature, certificate.signed_part);
  if (algorithm != type) return false;
  if (type.starts_with("ecdsa-sha2-")) return verify_ecdsa(key, type, signature, certificate.signed_part);
  if (type != "ssh-ed25519") return false;
  const net::Slice point = key.string();
  return key.done() && auth::verify_ed25519(point, signature, certificate.signed_part);
}

// --- source-address: "192.0.2.0/24,2001:db8::1"

bool network_contains(std::string_view network, const net::Address& peer) {
  const std::size_t slash = network.find('/');
  const auto base = net::Address::parse_ip(network.substr(0, slash), 0);
  if (!base) return false;
  std::uint64_t bits = base->is_v6() ? 128 : 32;
  if (slash != std::string_view::npos) {
    const auto given = parse_decimal(network.substr(slash + 1));
    if (!given || *given > bits) return false;
    bits = *given;
  }
  if (base->is_v6() != peer.is_v6()) return false;
  for (std::size_t i = 0; i < bits; ++i) {
    const unsigned mask = 0x80U >> (i % 8);
    if (((base->bytes()[i / 8] ^ peer.bytes()[i / 8]) & mask) != 0) return false;
  }
  return true;
}

bool is_source(std::string_view networks, const net::Address& peer) {
  for (std::size_t count = 0; count < limits::kSourcesMax && !networks.empty(); ++count) {
    const std::size_t comma = networks.find(',');
    if (network_contains(networks.substr(0, comma), peer)) return true;
    networks = comma == std::string_view::npos ? "" : networks.substr(comma + 1);
  }
  return false;
}

}  // namespace

bool is_certificate_type(std::string_view type) { return type.contains("-cert-v0"); }

Result<Certificate> parse_certificate(net::Slice blob) {
  if (blob.size() > limits::kBlobBytesMax) return malformed("the certificate is too long");
  Certificate certificate;
  auth::SshReader reader(blob);
  certificate.type = reader.text();
  if (!certificate.type.ends_with(kSuffix)) return malformed("not a certificate of version 1");
  certificate.key_type = certificate.type.substr(0, certificate.type.size() - kSuffix.size());
  const auto known = std::ranges::find(kKeyTypes, certificate.key_type, &KeyType::name);
  if (known == kKeyTypes.end()) return malformed("a type of key that is not taken");
  (void)reader.string();  // the nonce
  append_string(certificate.key_blob, certificate.key_type);
  for (unsigned i = 0; i < known->strings; ++i) append_string(certificate.key_blob, reader.text());
  certificate.serial = reader.u64();
  certificate.role = reader.u32();
  certificate.id = reader.text();
  const net::Slice principals = reader.string();
  certificate.valid_after = reader.u64();
  certificate.valid_before = reader.u64();
  const net::Slice critical = reader.string();
  const net::Slice extensions = reader.string();
  (void)reader.string();  // reserved
  certificate.authority = reader.string();
  if (!reader.good()) return malformed("the certificate is cut off");
  certificate.signed_part = blob.first(blob.size() - reader.rest().size());
  certificate.signature = reader.string();
  if (!reader.done()) return malformed("the certificate does not end with its signature");
  if (!read_principals(certificate, principals)) return malformed("its principals are malformed or too many");
  if (!read_critical(certificate, critical)) return malformed("its critical options are malformed");
  if (!read_extensions(certificate, extensions)) return malformed("its extensions are malformed");
  return certificate;
}

Result<void> check_certificate(const Certificate& certificate, const CertificateUse& use) {
  const auto refused = [](const char* why) { return fail(Code::kUnauthenticated, why); };
  if (certificate.role != kUserRole) return refused("it is not a user's certificate");
  // Older versions of sshd take an empty list for everybody.
  if (certificate.principals.empty()) return refused("it names no principal");
  if (certificate.unknown_critical) return refused("it has a critical option that is not known here");
  const auto seconds = std::chrono::floor<std::chrono::seconds>(use.now).time_since_epoch().count();
  const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0));
  if (now < certificate.valid_after) return refused("it is not valid yet");
  if (now >= certificate.valid_before) return refused("it has expired");
  if (certificate.source_address && !is_source(*certificate.source_address, use.peer)) {
    return refused("it is not for this address");
  }
  if (!is_signed(certificate)) return refused("its signature is not its authority's");
  return {};
}

}  // namespace weir::ssh
