#include "session/cookies.h"

#include "base/text.h"

namespace weir::session {
namespace {

using http::Known;

std::string_view value_of(const http::Request& request, std::string_view name) {
  const http::Field* field = request.head.fields.find(name);
  return field == nullptr ? std::string_view() : field->value;
}

}  // namespace

std::string foreign_page(const http::Request& request) {
  if (const std::string_view site = value_of(request, "sec-fetch-site"); !site.empty()) {
    if (site == "same-origin" || site == "none") return {};
    // Somebody follows a link: reading shows nothing to the page that has it.
    const bool visits = http::is_safe(request.head.method) && request.upgrade == nullptr &&
                        value_of(request, "sec-fetch-mode") == "navigate";
    return visits ? std::string() : "the page of another site asks this, in whose name nothing is done";
  }
  const std::string_view origin = request.head.fields.value_of(Known::kOrigin);
  if (origin.empty()) return {};
  const std::size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos &&
      equal_ignoring_case(origin.substr(scheme + 3), request.head.authority)) {
    return {};
  }
  return "the page of another site asks this, in whose name nothing is done";
}

}  // namespace weir::session
