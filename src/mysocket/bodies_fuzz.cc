// Whatever somebody sends as the content of one of mysocket's calls, or as its path.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "mysocket/accounts.h"
#include "mysocket/bodies.h"
#include "mysocket/routes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  using namespace weir::mysocket;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static Random random(1);
  if (const auto sign_up = parse_sign_up(text)) {
    WEIR_CHECK(!sign_up->email.empty() && sign_up->name.size() <= kNameBytesMax);
    if (const auto intent = sign_up_intent(*sign_up, random)) {
      WEIR_CHECK(name_of_user(user_id_of(intent->name)) == intent->name);
    } else {
      WEIR_CHECK(!sentence_of(intent.error()).empty());
    }
  }
  if (const auto login = parse_login(text)) WEIR_CHECK(login->password.size() <= 256);
  if (const auto wish = parse_socket(text)) {
    WEIR_CHECK(wish->type == "http" || wish->type == "https" || wish->type == "tcp" || wish->type == "tls");
    WEIR_CHECK(!wish->is_protected || !wish->visitor_name.empty());
    WEIR_CHECK(!wish->asks_sign_in || !wish->allowed_addresses.empty() || !wish->allowed_domains.empty());
  }
  for (const http::Method method : {http::Method::kGet, http::Method::kPost}) {
    const auto call = find_call(text, method);
    if (call && *call) WEIR_CHECK((*call)->id.size() < text.size());
  }
  return 0;
}
