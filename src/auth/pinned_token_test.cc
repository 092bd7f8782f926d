#include "auth/pinned_token.h"

#include <doctest/doctest.h>

#include "auth/token.h"

namespace weir::auth {
namespace {

TEST_CASE("a pinned token carries a token and the front of the authority's fingerprint") {
  const std::string token = issue_token()->text;
  const std::string fingerprint(64, 'a');
  const std::string text = pinned_text(kJoinPrefix, token, fingerprint);
  CHECK(text == "weirjoin_" + token.substr(5) + "." + fingerprint.substr(0, 32));
  const auto join = parse_pinned_token(kJoinPrefix, text);
  REQUIRE(join.has_value());
  CHECK(join->token == token);
  CHECK(join->fingerprint == fingerprint.substr(0, 32));
}

TEST_CASE("what was not copied right is no pinned token") {
  const std::string token = issue_token()->text;
  const std::string good = pinned_text(kJoinPrefix, token, std::string(64, '0'));
  CHECK_FALSE(parse_pinned_token(kJoinPrefix, "").has_value());
  CHECK_FALSE(parse_pinned_token(kJoinPrefix, token).has_value());
  CHECK_FALSE(parse_pinned_token(kJoinPrefix, good.substr(0, good.find('.'))).has_value());
  CHECK_FALSE(parse_pinned_token(kJoinPrefix, good.substr(0, good.size() - 1)).has_value());
  CHECK_FALSE(parse_pinned_token(kJoinPrefix, good + "0").has_value());
  CHECK_FALSE(parse_pinned_token(kJoinPrefix, good.substr(0, good.size() - 1) + "G").has_value());
  std::string slip = good;
  slip[12] = slip[12] == 'a' ? 'b' : 'a';
  CHECK_FALSE(parse_pinned_token(kJoinPrefix, slip).has_value());
  CHECK_FALSE(parse_pinned_token(kTunnelPrefix, good).has_value());
}

}  // namespace
}  // namespace weir::auth
