#include "auth/ssh_key.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
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

// Of a key, that is taken or not.
bool is_type(std::string_view word) {
  return word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
}

bool has_key_inside(std::string_view line) {
  return std::ranges::any_of(kKeyTypes, [line](const KeyType& one) {
    return line.find(std::string(one.name) + ' ') != std::string_view::npos;
  });
}

std::string refuse_type(std::string_view type, std::string_view line) {
  if (line.starts_with("-----BEGIN") || line.starts_with("---- BEGIN SSH2")) {
    return line.find("PRIVATE") != std::string_view::npos
               ? "is a private key, which nobody else may see; make a new one, and give its .pub file here"
               : "is not in OpenSSH's form; ssh-keygen -i -f FILE prints it so";
  }
  if (type.ends_with("-cert-v01@openssh.com")) return "is a certificate; give the key itself";
  if (is_type(type)) {
    return "is of the type " + std::string(type.substr(0, 64)) +
           ", which is not taken; ssh-keygen -t ed25519 makes one that is";
  }
  return has_key_inside(line) ? "has options before the key; only the key itself is taken"
                              : std::string(kNotALine);
}

std::string_view without_ends(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return trim(line);
}

// --- the options of an authority

constexpr std::string_view kAuthorityOption = "cert-authority";
constexpr std::string_view kPrincipalsOption = "principals";
constexpr std::size_t kShownBytesMax = 64;  // of what is refused

std::string shown(std::string_view text) { return '"' + std::string(text.substr(0, kShownBytesMax)) + '"'; }

bool has_options(std::string_view line) {
  const std::string_view name = line.substr(0, line.find_first_of("=, \t\r\n\""));
  if (is_type(name)) return false;
  return equal_ignoring_case(name, kAuthorityOption) || equal_ignoring_case(name, kPrincipalsOption) ||
         has_key_inside(line);
}

// Principals are compared byte by byte, so what only looks like one, or like a pattern, would let nobody in.
std::expected<std::vector<std::string>, std::string> parse_principals(std::string_view list) {
  if (list.empty()) return std::unexpected("has no principals between the quotes; name one at least");
  std::vector<std::string> principals;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view principal = list.substr(begin, end - begin);
    begin = end + 1;
    const bool has_control = std::ranges::any_of(
        principal, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
    if (principal.empty()) return std::unexpected("has a principal without a name, between two commas");
    if (has_control || trim(principal) != principal) {
      return std::unexpected("has the principal " + shown(principal) +
                             ", with a blank before or behind it, or with a control character");
    }
    if (principal.find_first_of("*?") != std::string_view::npos) {
      return std::unexpected("has the principal " + shown(principal) + "; patterns are not taken");
    }
    if (std::ranges::count(principals, principal) > 0) {
      return std::unexpected("has the principal " + shown(principal) + " twice");
    }
    if (principals.size() == kSshPrincipalsMax) {
      return std::unexpected("has more than " + std::to_string(kSshPrincipalsMax) + " principals");
    }
    principals.emplace_back(principal);
  }
  return principals;
}

// What stands in the quotes that the line begins with, which is taken off it; \" in them is a quote. Nothing:
// it is not so.
std::optional<std::string> take_quoted(std::string_view& line) {
  if (!line.starts_with('"')) return std::nullopt;
  std::string text;
  for (std::size_t at = 1; at < line.size(); ++at) {
    if (line[at] == '"') {
      line.remove_prefix(at + 1);
      return text;
    }
    if (line.substr(at).starts_with("\\\"")) ++at;
    text += line[at];
  }
  return std::nullopt;
}

struct Options {
  bool is_authority = false;
  std::vector<std::string> principals;
};

// Takes one option off the line. The error: what is wrong with it; empty: nothing.
std::string take_option(std::string_view& line, Options& options) {
  const std::string_view name = line.substr(0, line.find_first_of("=, \t\r\n\""));
  line.remove_prefix(name.size());
  if (equal_ignoring_case(name, kAuthorityOption)) {
    if (line.starts_with('=')) return "has a value of the option cert-authority, which takes none";
    return std::exchange(options.is_authority, true) ? "has the option cert-authority twice" : "";
  }
  if (!equal_ignoring_case(name, kPrincipalsOption)) {
    return "has the option " + shown(name) + ", which is not taken; only cert-authority and principals are";
  }
  if (!options.principals.empty()) return "has the option principals twice";
  const bool has_value = line.starts_with('=');
  line.remove_prefix(has_value ? 1 : 0);
  const auto list = take_quoted(line);
  if (!has_value || !list) return R"(must have its principals in quotes, as in principals="ada,ada@laptop")";
  auto principals = parse_principals(*list);
  if (!principals) return std::move(principals.error());
  options.principals = *std::move(principals);
  return {};
}

// Takes all of them off the line, as sshd does: they end with the first blank that is in no quotes.
std::expected<Options, std::string> take_options(std::string_view& line) {
  Options options;
  for (;;) {
    if (std::string wrong = take_option(line, options); !wrong.empty()) return std::unexpected(wrong);
    if (line.empty() || line.front() == ' ' || line.front() == '\t') break;
    if (line.front() != ',') return std::unexpected("has options that have no comma or blank behind them");
    line.remove_prefix(1);
  }
  if (options.is_authority) return options;
  return std::unexpected("has principals, but is no authority; write cert-authority,principals=\"...\"");
}

}  // namespace

std::string ssh_fingerprint(std::span<const std::byte> blob) {
  std::string text = to_base64(sha256({blob}));
  while (text.ends_with('=')) text.pop_back();
  return "SHA256:" + text;
}

std::expected<SshKey, std::string> parse_ssh_key(std::string_view line) {
  if (line.size() > kSshKeyLineBytesMax) return std::unexpected("is longer than any public key");
  line = without_ends(line);
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

std::vector<std::string> SshLine::principals_of(std::string_view user) const {
  if (is_authority && principals.empty()) return {std::string(user)};
  return principals;
}

std::expected<SshLine, std::string> parse_ssh_line(std::string_view line) {
  line = without_ends(line);
  const bool is_plain = line.size() > kSshKeyLineBytesMax || !has_options(line);
  Options options;
  if (!is_plain) {
    auto taken = take_options(line);
    if (!taken) return std::unexpected(std::move(taken.error()));
    options = *std::move(taken);
  }
  auto key = parse_ssh_key(line);
  if (!key) return std::unexpected(std::move(key.error()));
  return SshLine{*std::move(key), options.is_authority, std::move(options.principals)};
}

}  // namespace weir::auth
