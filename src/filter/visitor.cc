#include "filter/visitor.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "base/text.h"
#include "config/formats.h"

namespace weir::filter {
namespace {

constexpr std::int64_t kLatest = 253'402'300'799;  // the end of the year 9999

std::string signature_of(const auth::Digest& key, std::string_view text) {
  return auth::to_base64url(auth::hmac_sha256(key, {auth::bytes_of("visitor:"), auth::bytes_of(text)}));
}

std::vector<std::string> sorted_in_lower_case(const std::vector<std::string>& texts) {
  std::vector<std::string> sorted;
  sorted.reserve(texts.size());
  for (const std::string& text : texts) sorted.push_back(to_lower(text));
  std::ranges::sort(sorted);
  return sorted;
}

}  // namespace

std::optional<Visitor> parse_visitor(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto seconds = parse_decimal(text.substr(0, colon));
  const std::string_view email = text.substr(colon + 1);
  if (!seconds || *seconds > kLatest) return std::nullopt;
  if (email.size() > kEmailBytesMax || !config::check_email(email).empty()) return std::nullopt;
  const std::chrono::seconds since_epoch(static_cast<std::int64_t>(*seconds));
  return Visitor{std::string(email), std::chrono::sys_seconds(since_epoch)};
}

std::string to_text(const Visitor& visitor) {
  return std::to_string(visitor.until.time_since_epoch().count()) + ':' + visitor.email;
}

auth::Digest visitor_key(const config::VisitorSignIn& spec, std::string_view client_secret,
                         std::string_view load_balancer) {
  using auth::bytes_of;
  return auth::hmac_sha256(bytes_of(client_secret),
                           {bytes_of("weir: visitors of a load balancer\n"), bytes_of(load_balancer),
                            bytes_of("\n"), bytes_of(spec.issuer), bytes_of("\n"), bytes_of(spec.client_id)});
}

std::string visitor_cookie_name(const auth::Digest& key) {
  constexpr std::size_t kMarkBytes = 4;
  const auth::Digest mark = auth::hmac_sha256(key, {auth::bytes_of("name of the cookie")});
  return std::string(kVisitorCookiePrefix) + to_hex(std::span(mark).first(kMarkBytes));
}

std::string visitor_cookie(const auth::Digest& key, const Visitor& visitor) {
  const std::string text = to_text(visitor);
  return auth::to_base64url(auth::bytes_of(text)) + '.' + signature_of(key, text);
}

std::optional<Visitor> read_visitor(const auth::Digest& key, std::string_view cookie, WallTime now) {
  const std::size_t dot = cookie.find('.');
  if (dot == std::string_view::npos || cookie.size() > kVisitorCookieBytesMax) return std::nullopt;
  const auto text = auth::from_base64url(cookie.substr(0, dot));
  if (!text) return std::nullopt;
  const std::string wanted = signature_of(key, *text);
  if (!auth::constant_time_equal(auth::bytes_of(cookie.substr(dot + 1)), auth::bytes_of(wanted))) {
    return std::nullopt;
  }
  auto visitor = parse_visitor(*text);
  if (!visitor || visitor->until <= now) return std::nullopt;
  return visitor;
}

GuestList::GuestList(const config::VisitorSignIn& spec)
    : emails_(sorted_in_lower_case(spec.allow_emails)), domains_(sorted_in_lower_case(spec.allow_domains)) {}

bool GuestList::holds(std::string_view email) const {
  const std::string lower = to_lower(email);
  if (std::ranges::binary_search(emails_, lower)) return true;
  const std::size_t at = lower.find('@');
  if (at == std::string::npos || lower.find('@', at + 1) != std::string::npos) return false;
  return std::ranges::binary_search(domains_, std::string_view(lower).substr(at + 1), std::less<>());
}

}  // namespace weir::filter
