#include "ssh/key.h"

#include <libssh/libssh.h>

#include <array>
#include <memory>

#include "auth/crypto.h"
#include "auth/signature.h"
#include "auth/ssh_wire.h"
#include "net/core.h"

namespace weir::ssh {
namespace {

struct FreeKey {
  void operator()(ssh_key_struct* key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, FreeKey>;

// Frees what libssh returned.
std::string text_of(char* text) {
  std::string copy = text == nullptr ? "" : text;
  ssh_string_free_char(text);
  return copy;
}

}  // namespace

std::string_view type_of_key(net::Slice blob) {
  auth::SshReader reader(blob);
  const auto type = reader.text();
  return reader.good() ? type : "";
}

namespace {

// What goes into keys and messages (RFC 4251 section 5).
void put_number(std::string& to, std::uint32_t number) {
  for (unsigned shift = 32; shift > 0; shift -= 8) to += static_cast<char>(number >> (shift - 8) & 0xffU);
}
void put_string(std::string& to, std::string_view text) {
  put_number(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}

}  // namespace

// OpenSSH's PROTOCOL.key, unencrypted; libssh signs with no Ed25519 key in PEM.
std::string host_key_of(std::span<const std::byte, 32> seed) {
  constexpr std::string_view kType = "ssh-ed25519";
  constexpr std::size_t kBlockBytes = 8;
  constexpr std::size_t kLineBytes = 70;
  const auto public_bytes = auth::ed25519_public_key(seed);
  const std::string_view public_key = net::as_text(public_bytes);
  std::string blob;
  put_string(blob, kType);
  put_string(blob, public_key);
  std::string secret;
  for (int twice = 0; twice < 2; ++twice) put_number(secret, 0);  // equal: it was decrypted rightly
  put_string(secret, kType);
  put_string(secret, public_key);
  put_string(secret, std::string(net::as_text(seed)).append(public_key));
  put_string(secret, "");  // no comment
  for (char pad = 1; secret.size() % kBlockBytes != 0; ++pad) secret += pad;
  std::string key(std::string_view("openssh-key-v1\0", 15));
  for (const std::string_view none : {"none", "none", ""}) put_string(key, none);  // cipher, KDF, its options
  put_number(key, 1);
  put_string(key, blob);
  put_string(key, secret);
  const std::string base64 = auth::to_base64(auth::bytes_of(key));
  std::string text = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  for (std::size_t at = 0; at < base64.size(); at += kLineBytes) text += base64.substr(at, kLineBytes) + '\n';
  return text + "-----END OPENSSH PRIVATE KEY-----\n";
}

Result<std::string> make_host_key() {
  std::array<std::byte, 32> seed{};
  if (auto drawn = net::fill_random(seed); !drawn) return fail(drawn.error());
  return host_key_of(seed);
}

Result<std::string> public_line_of(std::string_view host_key) {
  ssh_key read = nullptr;
  if (ssh_pki_import_privkey_base64(std::string(host_key).c_str(), nullptr, nullptr, nullptr, &read) !=
      SSH_OK) {
    return fail(Code::kInvalid, "not a private key without a passphrase");
  }
  const Key key(read);
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key.get(), &text) != SSH_OK) return fail(Code::kInvalid, "no public half");
  return std::string(ssh_key_type_to_char(ssh_key_type(key.get()))) + " " + text_of(text);
}

}  // namespace weir::ssh
