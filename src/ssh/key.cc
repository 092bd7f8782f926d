#include "ssh/key.h"

#include <libssh/libssh.h>

#include <memory>

#include "auth/crypto.h"
#include "ssh/wire.h"

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
  Reader reader(blob);
  const auto type = reader.text();
  return reader.good() ? type : "";
}

std::string fingerprint_of(net::Slice blob) {
  std::string text = "SHA256:" + auth::to_base64(auth::sha256({blob}));
  while (text.ends_with('=')) text.pop_back();
  return text;
}

Result<std::string> make_host_key() {
  ssh_key made = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &made) != SSH_OK) return fail(Code::kInternal, "no key made");
  const Key key(made);
  char* text = nullptr;
  if (ssh_pki_export_privkey_base64(key.get(), nullptr, nullptr, nullptr, &text) != SSH_OK) {
    return fail(Code::kInternal, "the key has no text");
  }
  return text_of(text);
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
