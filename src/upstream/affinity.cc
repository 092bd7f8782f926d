#include "upstream/affinity.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/cookies.h"
#include "lb/hash.h"

namespace weir::upstream {
namespace {

constexpr std::size_t kDigits = 16;  // of an endpoint, in hexadecimal

std::uint64_t hash_of(const net::Address& client) {
  const auto bytes = std::as_bytes(std::span(client.bytes()));
  return lb::hash_bytes(net::as_text(bytes.first(client.is_v6() ? 16 : 4)));
}

std::optional<std::uint64_t> hash_of(const config::HashOn& hash_on, const http::Request& request) {
  const http::Fields& fields = request.head.fields;
  if (!hash_on.header.empty()) {
    if (const http::Field* field = fields.find(hash_on.header)) return lb::hash_bytes(field->value);
  }
  if (!hash_on.cookie.empty()) {
    if (const auto value = cookie_value(fields, hash_on.cookie)) return lb::hash_bytes(*value);
  }
  return hash_on.source ? std::optional(hash_of(request.peer)) : std::nullopt;
}

}  // namespace

std::optional<std::string_view> cookie_value(const http::Fields& fields, std::string_view name) {
  if (!fields.has(http::Known::kCookie)) return std::nullopt;
  for (const http::Field& field : fields) {
    if (field.known != http::Known::kCookie) continue;
    if (const auto value = cookie_in(field.value, name)) return value;
  }
  return std::nullopt;
}

std::uint64_t sticky_endpoint(const PlannedService& service, const http::Fields& fields) {
  if (service.sticky_name.empty()) return 0;
  const auto value = cookie_value(fields, service.sticky_name);
  std::uint64_t endpoint = 0;
  if (!value || value->size() != kDigits) return 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + kDigits, endpoint, 16);
  return error == std::errc() && end == value->data() + kDigits ? endpoint : 0;
}

Affinity affinity(const PlannedService& service, const http::Request& request) {
  Affinity found;
  if (service.spec.hash_on) found.hash = hash_of(*service.spec.hash_on, request);
  found.endpoint = sticky_endpoint(service, request.head.fields);
  return found;
}

Affinity affinity(const PlannedService& service, const net::Address& client) {
  const bool by_source = service.spec.hash_on && service.spec.hash_on->source;
  return {.hash = by_source ? std::optional(hash_of(client)) : std::nullopt};
}

std::string sticky_cookie(const PlannedService& service, std::uint64_t endpoint, bool secure) {
  std::array<char, kDigits> digits{};
  digits.fill('0');
  std::array<char, kDigits> significant{};
  const auto end = std::to_chars(significant.data(), significant.data() + kDigits, endpoint, 16).ptr;
  std::copy_backward(significant.data(), end, digits.end());
  std::string cookie = service.sticky_name + '=';
  cookie.append(digits.data(), kDigits).append("; Path=/; HttpOnly; SameSite=Lax");
  if (secure) cookie += "; Secure";
  if (const auto max_age = service.spec.sticky->max_age) {
    cookie +=
        "; Max-Age=" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*max_age).count());
  }
  return cookie;
}

}  // namespace weir::upstream
