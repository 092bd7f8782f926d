#include "oidc/keys.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth/crypto.h"
#include "auth/signature.h"
#include "oidc/json.h"

namespace weir::oidc {
namespace {

using nlohmann::json;

constexpr std::size_t kNumberCharsMax = 2048;  // of an RSA modulus of 8192 bits, in base64
constexpr std::size_t kCoordinateBytes = 32;

std::string bytes_at(const json& tree, const char* name) {
  const auto text = text_at(tree, name, kNumberCharsMax);
  const auto bytes = text ? auth::from_base64url(*text) : std::nullopt;
  return bytes.value_or(std::string());
}

// Its use and key_ops, where it has some, let it verify.
bool verifies(const json& tree) {
  if (tree.contains("use") && text_at(tree, "use", 16) != "sig") return false;
  const auto operations = tree.find("key_ops");
  if (operations == tree.end()) return true;
  return operations->is_array() && std::ranges::find(*operations, json("verify")) != operations->end();
}

std::optional<Key> read_key(const json& tree) {
  if (!tree.is_object() || !verifies(tree)) return std::nullopt;
  Key key;
  key.id = text_at(tree, "kid", kClaimBytesMax).value_or("");
  const std::string type = text_at(tree, "kty", 16).value_or("");
  const std::string curve = text_at(tree, "crv", 16).value_or("");
  if (type == "RSA") {
    key.type = Key::Type::kRsa;
    key.value = bytes_at(tree, "n");
    key.exponent = bytes_at(tree, "e");
    if (key.value.empty() || key.exponent.empty()) return std::nullopt;
  } else if (type == "EC" && curve == "P-256") {
    key.type = Key::Type::kP256;
    const std::string x = bytes_at(tree, "x");
    const std::string y = bytes_at(tree, "y");
    if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return std::nullopt;
    key.value = '\x04' + x + y;
  } else if (type == "OKP" && curve == "Ed25519") {
    key.type = Key::Type::kEd25519;
    key.value = bytes_at(tree, "x");
    if (key.value.size() != kCoordinateBytes) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (!tree.contains("alg")) return key;
  key.only = find_algorithm(text_at(tree, "alg", 16).value_or(""));
  if (!key.only) return std::nullopt;
  return key;
}

bool is_signed_by(const IdToken& token, const Key& key) {
  const auto message = auth::bytes_of(token.signed_part);
  const auto signature = auth::bytes_of(token.signature);
  const auto value = auth::bytes_of(key.value);
  switch (token.algorithm) {
    case Algorithm::kRs256:
      return auth::verify_rsa(value, auth::bytes_of(key.exponent), auth::Hash::kSha256, signature, message);
    case Algorithm::kPs256:
      return auth::verify_rsa_pss(value, auth::bytes_of(key.exponent), auth::Hash::kSha256, signature,
                                  message);
    case Algorithm::kEs256:  // RFC 7518 section 3.4: r and s one behind the other
      return signature.size() == 2 * kCoordinateBytes &&
             auth::verify_ecdsa(auth::Curve::kP256, value, auth::Hash::kSha256,
                                signature.first(kCoordinateBytes), signature.subspan(kCoordinateBytes),
                                message);
    case Algorithm::kEdDsa: return auth::verify_ed25519(value, signature, message);
  }
  return false;
}

}  // namespace

std::expected<std::vector<Key>, std::string> parse_keys(std::string_view text) {
  if (text.size() > kKeySetBytesMax) return std::unexpected("its keys are too many bytes");
  const auto tree = parse_object(text);
  const auto list = tree ? tree->find("keys") : json::const_iterator();
  if (!tree || list == tree->end() || !list->is_array()) return std::unexpected("its keys are no key set");
  if (list->size() > kKeysMax) return std::unexpected("it has too many keys");
  std::vector<Key> keys;
  for (const json& one : *list) {
    if (auto key = read_key(one)) keys.push_back(std::move(*key));
  }
  return keys;
}

bool fits(const Key& key, Algorithm algorithm) {
  if (key.only && *key.only != algorithm) return false;
  switch (algorithm) {
    case Algorithm::kRs256:
    case Algorithm::kPs256: return key.type == Key::Type::kRsa;
    case Algorithm::kEs256: return key.type == Key::Type::kP256;
    case Algorithm::kEdDsa: return key.type == Key::Type::kEd25519;
  }
  return false;
}

Signed is_signed(const IdToken& token, const std::vector<Key>& keys) {
  bool any = false;
  for (const Key& key : keys) {
    if (!token.key_id.empty() && key.id != token.key_id) continue;
    if (!fits(key, token.algorithm)) continue;
    any = true;
    if (is_signed_by(token, key)) return Signed::kYes;
  }
  return any ? Signed::kNo : Signed::kUnknownKey;
}

}  // namespace weir::oidc
