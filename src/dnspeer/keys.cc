#include "dnspeer/keys.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "auth/crypto.h"
#include "base/text.h"

namespace weir::dnspeer {
namespace {

constexpr std::size_t kSecretBytesMax = 512;  // longer than any hash takes

// In the order of dns::TsigAlgorithm.
auth::HmacHash hash_of(dns::TsigAlgorithm algorithm) { return static_cast<auth::HmacHash>(algorithm); }
static_assert(static_cast<int>(auth::HmacHash::kSha512) == static_cast<int>(dns::TsigAlgorithm::kHmacSha512));

std::string text_of(const dns::Name& name) { return to_lower(name.to_text()); }

}  // namespace

Result<dns::TsigKey> tsig_key_of(std::string_view secret, const config::SecretSpec& spec) {
  const auto value = [&](const char* name, std::string_view otherwise) {
    const auto found = spec.values.find(name);
    return found == spec.values.end() ? std::string(otherwise) : found->second;
  };
  const auto name = dns::Name::parse(value("name", secret), dns::Name());
  if (!name || name->wire().size() > dns::kTsigKeyNameBytesMax) {
    return fail(Code::kInvalid, "its name is no domain name of at most 126 characters");
  }
  const auto algorithm = dns::read_tsig_algorithm(to_lower(value("algorithm", "hmac-sha256")));
  if (!algorithm) {
    return fail(Code::kInvalid, "its algorithm is not hmac-sha256, hmac-sha384, hmac-sha512 or hmac-sha1");
  }
  auto octets = auth::from_base64(value("secret", ""));
  if (!octets || octets->empty() || octets->size() > kSecretBytesMax) {
    return fail(Code::kInvalid, "its secret is not base64 of 1 to 512 octets");
  }
  auto mac = [hash = hash_of(*algorithm), key = std::move(*octets)](dns::Bytes bytes) {
    const std::string made = auth::hmac(hash, key, std::as_bytes(bytes));
    return std::vector<std::uint8_t>(made.begin(), made.end());
  };
  return dns::TsigKey{.name = *name, .algorithm = *algorithm, .mac = std::move(mac)};
}

Result<void> Keys::add(const config::Secret& secret) {
  auto key = tsig_key_of(secret.name, secret.spec);
  if (!key) return fail(key.error());
  std::string name = text_of(key->name);
  if (!keys_.try_emplace(std::move(name), Key{secret.name, std::move(*key)}).second) {
    return fail(Code::kExists, "another Secret has a key of that name");
  }
  return {};
}

const Keys::Key* Keys::find(const dns::Name& name) const {
  const auto found = keys_.find(text_of(name));
  return found == keys_.end() ? nullptr : &found->second;
}

const Keys::Key* Keys::find_secret(std::string_view secret) const {
  const auto found = std::ranges::find(
      keys_, secret, [](const auto& one) -> const std::string& { return one.second.secret; });
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace weir::dnspeer
