// Whatever a client puts into its Authorization field, whatever stands in the store as a hash, whatever is
// given to a machine as its join token, and whatever names a certificate has.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auth/machine.h"
#include "auth/pinned_token.h"
#include "auth/token.h"
#include "auth/token_table.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::auth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto id = token_id(text)) {
    WEIR_CHECK(text.size() == kTokenBytes && text.substr(kTokenPrefix.size()).starts_with(*id));
  }
  if (const auto hash = TokenHash::parse(text)) WEIR_CHECK(hash->to_text() == text);

  for (const std::string_view prefix : {kJoinPrefix, kTunnelPrefix}) {
    if (const auto pinned = parse_pinned_token(prefix, text)) {
      WEIR_CHECK(pinned_text(prefix, pinned->token, pinned->fingerprint) == text);
    }
  }
  if (const auto machine = machine_of(text)) WEIR_CHECK(parse_machine(machine->uri()) == machine);

  const std::string_view bearer = bearer_of(text);
  WEIR_CHECK(bearer.empty() || text.find(bearer) != std::string_view::npos);
  static const TokenTable table({{.name = "zeros", .hash = {.id = "0000000000"}}});
  const Verdict verdict = table.check(bearer, weir::WallTime{});
  WEIR_CHECK(!verdict.identity && verdict.outcome != Outcome::kAccepted);
  return 0;
}
