#include "dns/cookie.h"

#include <algorithm>

namespace weir::dns {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeadBytes =
    kClientCookieBytes + 8;  // what is hashed of the cookie: all before the hash

// head: the client's cookie, version, reserved octets and time
std::uint64_t hash_of(Bytes head, const Ip& client, const SipKey& secret) {
  std::array<std::uint8_t, kHeadBytes + 16> message;
  std::ranges::copy(head, message.begin());
  std::ranges::copy(client.bytes(), message.begin() + kHeadBytes);
  return siphash_2_4(secret, Bytes(message).first(kHeadBytes + client.size));
}

bool has_hash(Bytes cookie, const Ip& client, const SipKey& secret) {
  std::uint64_t hash = 0;
  std::memcpy(&hash, cookie.data() + kHeadBytes, 8);
  return hash == hash_of(cookie.first(kHeadBytes), client, secret);  // a word: in constant time
}

}  // namespace

Cookie make_cookie(Bytes client_cookie, const Ip& client, std::uint32_t now_seconds, const SipKey& secret) {
  Cookie cookie{};  // the reserved octets are zero
  std::ranges::copy(client_cookie.first(kClientCookieBytes), cookie.begin());
  cookie[kClientCookieBytes] = kVersion;
  store_u32(cookie.data() + kClientCookieBytes + 4, now_seconds);
  const std::uint64_t hash = hash_of(Bytes(cookie).first(kHeadBytes), client, secret);
  std::memcpy(cookie.data() + kHeadBytes, &hash, 8);
  return cookie;
}

CookieCheck check_cookie(Bytes cookie, const Ip& client, std::uint32_t now_seconds,
                         const CookieSecrets& secrets) {
  if (cookie.size() == kClientCookieBytes) return CookieCheck::kAbsent;
  if (cookie.size() != kCookieBytes || cookie[kClientCookieBytes] != kVersion) return CookieCheck::kInvalid;
  const std::uint32_t made = load_u32(cookie.data() + kClientCookieBytes + 4);
  const auto age = static_cast<std::int32_t>(now_seconds - made);
  if (age > kCookieAgeMax || age < -kCookieAheadMax) return CookieCheck::kInvalid;
  if (has_hash(cookie, client, secrets.current))
    return age > kCookieRenewAge ? CookieCheck::kRenew : CookieCheck::kFresh;
  if (secrets.previous && has_hash(cookie, client, *secrets.previous)) return CookieCheck::kRenew;
  return CookieCheck::kInvalid;
}

}  // namespace weir::dns
