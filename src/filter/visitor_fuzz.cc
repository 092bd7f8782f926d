// A visitor's cookie as a stranger makes it: as it comes, and what it would say if it were ours.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "filter/visitor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  using namespace weir::filter;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auth::Digest key{};
  WEIR_CHECK(!read_visitor(key, text, {}));  // nobody signs anything for a fuzzer
  const auto visitor = parse_visitor(text);
  if (!visitor) return 0;
  WEIR_CHECK(visitor->email.find_first_of("\r\n") == std::string::npos);
  const std::string cookie = visitor_cookie(key, *visitor);
  WEIR_CHECK(cookie.size() <= kVisitorCookieBytesMax);
  const auto again = read_visitor(key, cookie, visitor->until - std::chrono::seconds(1));
  WEIR_CHECK(again && again->email == visitor->email && again->until == visitor->until);
  WEIR_CHECK(!read_visitor(key, cookie, visitor->until));
  const std::size_t at = visitor->email.find('@');
  const config::VisitorSignIn nobody{.allow_emails = {"x" + visitor->email},
                                     .allow_domains = {"x" + visitor->email.substr(at + 1)}};
  WEIR_CHECK(!GuestList(nobody).holds(visitor->email));
  return 0;
}
