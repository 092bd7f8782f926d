#include "auth/ssh_key.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "auth/crypto.h"
#include "auth/ssh_wire.h"
#include "base/text.h"

namespace weir::auth {
namespace {

// Each answers what is wrong with the key's own part, or nothing.
using Check = std::string_view (*)(SshReader& reader);

constexpr std::string_view kTorn = "is damaged: it is not the whole key, or more than that";

std::string_view check_ed25519(SshReader& reader) {
  constexpr std::size_t kKeyBytes = 32;
  return reader.text().size() == kKeyBytes ? std::string_view() : kTorn;
}

// A point in SEC 1's uncompressed form, which is the only one that OpenSSH writes.
template <std::size_t kFieldBytes>
bool is_point(std::string_view point) {
  return point.size() == 1 + 2 * kFieldBytes && point.front() == '\x04';
}
std::string_view check_p256(SshReader& reader) {
  return reader.text() == "nistp256" && is_point<32>(reader.text()) ? std::string_view() : kTorn;
}
std::string_view check_p384(SshReader& reader) {
  return reader.text() == "nistp384" && is_point<48>(reader.text()) ? std::string_view() : kTorn;
}
std::string_view check_p521(SshReader& reader) {
  return reader.text() == "nistp521" && is_point<66>(reader.text()) ? std::string_view() : kTorn;
}

// Positive and in its shortest form; 0: it is not.
std::size_t bits_of(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const bool is_negative = (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0;
  if (is_negative) return 0;
  if (bytes[0] == '\0') {
    bytes.remove_prefix(1);
    if (bytes.empty() || (static_cast<unsigned char>(bytes[0]) & 0x80U) == 0) return 0;
  }
  return bytes.size() * 8 - static_cast<std::size_t>(std::countl_zero(static_cast<std::uint8_t>(bytes[0])));
}

std::string_view check_rsa(SshReader& reader) {
  const std::string_view exponent = reader.text();
  const std::string_view modulus = reader.text();
  const std::size_t bits = bits_of(modulus);
  if (bits_of(exponent) < 2 || bits == 0) return kTorn;
  if (bits < kRsaBitsMin) return "is an RSA key of fewer than 2048 bits, which can be broken";
  if (bits > kRsaBitsMax) return "is an RSA key of more than 8192 bits";
  return {};
}

// The application is what the key was made for: "ssh:", or "ssh:" and a name.
bool has_application(SshReader& reader) { return !reader.text().empty(); }
std::string_view check_security_ed25519(SshReader& reader) {
  const std::string_view wrong = check_ed25519(reader);
  return wrong.empty() && !has_application(reader) ? kTorn : wrong;
}
std::string_view check_security_p256(SshReader& reader) {
  const std::string_view wrong = check_p256(reader);
  return wrong.empty() && !has_application(reader) ? kTorn : wrong;
}

struct KeyType {
  std::string_view name;
  Check check;
};
constexpr std::array kKeyTypes{
    KeyType{"ssh-ed25519", check_ed25519},
    KeyType{"ecdsa-sha2-nistp256", check_p256},
    KeyType{"ecdsa-sha2-nistp384", check_p384},
    KeyType{"ecdsa-sha2-nistp521", check_p521},
    KeyType{"ssh-rsa", check_rsa},
    KeyType{"sk-ssh-ed25519@openssh.com", check_security_ed25519},
    KeyType{"sk-ecdsa-sha2-nistp256@openssh.com", check_security_p256},
};

constexpr std::string_view kNotALine =
    "must be a public key as in authorized_keys or a .pub file: \"ssh-ed25519 AAAA... comment\"";

std::string refuse_type(std::string_view type, std::string_view line) {
  if (line.starts_with("-----BEGIN") || line.starts_with("---- BEGIN SSH2")) {
    return line.find("PRIVATE") != std::string_view::npos
               ? "is a private key, which nobody else may see; make a new one, and give its .pub file here"
               : "is not in OpenSSH's form; ssh-keygen -i -f FILE prints it so";
  }
  if (type.ends_with("-cert-v01@openssh.com")) return "is a certificate; give the key itself";
  const bool is_type = type == "ssh-dss" || type.starts_with("ssh-") || type.starts_with("ecdsa-");
  if (is_type) {
    return "is of the type " + std::string(type.substr(0, 64)) +
           ", which is not taken; ssh-keygen -t ed25519 makes one that is";
  }
  const bool has_options = std::ranges::any_of(kKeyTypes, [line](const KeyType& one) {
    return line.find(std::string(one.name) + ' ') != std::string_view::npos;
  });
  return has_options ? "has options before the key; only the key itself is taken" : std::string(kNotALine);
}

}  // namespace

std::string ssh_fingerprint(std::span<const std::byte> blob) {
  std::string text = to_base64(sha256({blob}));
  while (text.ends_with('=')) text.pop_back();
  return "SHA256:" + text;
}

std::expected<SshKey, std::string> parse_ssh_key(std::string_view line) {
  if (line.size() > kSshKeyLineBytesMax) return std::unexpected("is longer than any public key");
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  line = trim(line);
  const std::string_view type = line.substr(0, line.find_first_of(" \t"));
  const auto* known = std::ranges::find(kKeyTypes, type, &KeyType::name);
  if (known == kKeyTypes.end()) return std::unexpected(refuse_type(type, line));
  if (line.find_first_of("\r\n") != std::string_view::npos) {
    return std::unexpected("has more than one line; one key each");
  }
  const std::string_view rest = trim(line.substr(type.size()));
  const std::string_view encoded = rest.substr(0, rest.find_first_of(" \t"));
  auto blob = from_base64(encoded);
  // In one form only, so that equal keys are equal texts.
  if (!blob || blob->empty() || to_base64(bytes_of(*blob)) != encoded)
    return std::unexpected(std::string(kTorn));
  SshReader reader(bytes_of(*blob));
  if (reader.text() != type) return std::unexpected("says one type and is of another");
  if (const std::string_view wrong = known->check(reader); !wrong.empty()) {
    return std::unexpected(std::string(wrong));
  }
  if (!reader.done()) return std::unexpected(std::string(kTorn));
  return SshKey{std::string(type), std::move(*blob), std::string(trim(rest.substr(encoded.size())))};
}

}  // namespace weir::auth
