#include "auth/cookies.h"

#include <chrono>
#include <utility>

#include "base/cookies.h"

namespace weir::auth {
namespace {

using http::Known;

constexpr std::string_view kHostPrefix = "__Host-";

std::string name_here(const http::Request& request, std::string_view name) {
  return std::string(is_secure(request) ? kHostPrefix : std::string_view()).append(name);
}

bool begins_so(std::string_view pair, std::string_view name_prefix) {
  if (pair.starts_with(kHostPrefix)) pair.remove_prefix(kHostPrefix.size());
  return pair.starts_with(name_prefix);
}

}  // namespace

bool is_secure(const http::Request& request) { return request.tls != nullptr || request.scheme == "https"; }

std::string_view cookie_of(const http::Request& request, std::string_view name) {
  const std::string wanted = name_here(request, name);
  for (const http::Field& field : request.head.fields) {
    if (field.known != Known::kCookie) continue;
    if (const auto value = cookie_in(field.value, wanted); value && !value->empty()) return *value;
  }
  return {};
}

std::string set_cookie(const http::Request& request, std::string_view name, std::string_view value,
                       Duration life) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(life).count();
  std::string text = name_here(request, name);
  text.append("=").append(value).append("; Path=/; HttpOnly; SameSite=Lax; Max-Age=");
  text.append(std::to_string(seconds));
  if (is_secure(request)) text += "; Secure";
  return text;
}

void remove_cookies(http::Request& request, std::string_view name_prefix) {
  http::Fields& fields = request.head.fields;
  if (!fields.has(Known::kCookie)) return;
  std::string others;
  bool has_some = false;
  for (const http::Field& field : fields) {
    if (field.known != Known::kCookie) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::string_view pair = take_cookie(rest);
      if (begins_so(pair, name_prefix)) {
        has_some = true;
      } else if (!pair.empty()) {
        others.append(others.empty() ? "" : "; ").append(pair);
      }
    }
  }
  if (!has_some) return;
  if (others.empty()) {
    fields.remove(Known::kCookie);
  } else {
    (void)fields.set(Known::kCookie,
                     request.scratch.keep(std::move(others)));  // it takes a place that was there
  }
}

}  // namespace weir::auth
