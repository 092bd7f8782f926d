// An ID token and a key set as a stranger sends them: the first line is the token, the rest the keys.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "oidc/keys.h"
#include "oidc/token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::oidc;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const auto token = IdToken::parse(text.substr(0, line));
  const auto keys = parse_keys(text.substr(std::min(line + 1, text.size())));
  if (keys) WEIR_CHECK(keys->size() <= kKeysMax);
  if (!token) {
    WEIR_CHECK(!token.error().empty());
    return 0;
  }
  WEIR_CHECK(!token->claims.issuer.empty() && !token->claims.audiences.empty());
  WEIR_CHECK(!check(token->claims, {"https://other.example", "weir", "n"}, {}).empty());
  // Nobody signs anything for a fuzzer.
  if (keys) WEIR_CHECK(is_signed(*token, *keys) != Signed::kYes || token->signature.size() >= 64);
  return 0;
}
