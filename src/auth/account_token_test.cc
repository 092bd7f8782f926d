#include "auth/account_token.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::auth {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{std::chrono::milliseconds(1'700'000'000'250)};
const Digest kKey = account_key(bytes_of("of all accounts"), "eve", "$argon2id$1");

std::string part(std::string_view json) { return to_base64url(bytes_of(json)); }
std::string signed_text(std::string_view header, std::string_view claims, std::span<const std::byte> key) {
  const std::string text = part(header) + '.' + part(claims);
  return text + '.' + to_base64url(hmac_sha256(key, {bytes_of(text)}));
}
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";

TEST_CASE("a token is what RFC 7515 makes of it, and says who, since when and until when") {
  const std::string text = make_account_token("7b2f-eve", kNow, kKey);
  CHECK(text == signed_text(kHeader, R"({"user_id":"7b2f-eve","iat":1700000000,"exp":1700018000})", kKey));
  CHECK(looks_like_account_token(text));
  const auto token = AccountToken::parse(text);
  REQUIRE(token.has_value());
  CHECK(token->user_id() == "7b2f-eve");
  CHECK(token->is_signed_by(kKey));
  CHECK(token->is_current(kNow));
  CHECK(token->is_current(kNow + 300min - 251ms));
  CHECK_FALSE(token->is_current(kNow + 300min));
  CHECK(token->is_current(kNow - 1min));
  CHECK_FALSE(token->is_current(kNow - 2min));
}

TEST_CASE("a token is good for one account and one password of it") {
  const std::string text = make_account_token("eve", kNow, kKey);
  const auto token = AccountToken::parse(text);
  REQUIRE(token.has_value());
  CHECK_FALSE(token->is_signed_by(account_key(bytes_of("of another weir"), "eve", "$argon2id$1")));
  CHECK_FALSE(token->is_signed_by(account_key(bytes_of("of all accounts"), "bob", "$argon2id$1")));
  CHECK_FALSE(token->is_signed_by(account_key(bytes_of("of all accounts"), "eve", "$argon2id$2")));
  CHECK_FALSE(token->is_signed_by({}));
}

TEST_CASE("what is not written just so is none") {
  constexpr std::string_view kClaims = R"({"user_id":"eve","iat":1700000000,"exp":1700018000})";
  const std::string good = signed_text(kHeader, kClaims, kKey);
  REQUIRE(AccountToken::parse(good).has_value());
  const std::string unsigned_part = good.substr(0, good.rfind('.') + 1);
  for (const std::string& bad : {
           std::string(),
           std::string("weir_0000000000_x"),
           unsigned_part,
           unsigned_part + "AAAA",
           good + "A",
           good + ".",
           good + "=",
           part(R"({"alg":"none","typ":"JWT"})") + '.' + part(kClaims) + '.',
           signed_text(R"({"alg":"none","typ":"JWT"})", kClaims, kKey),
           signed_text(R"({"alg":"HS512","typ":"JWT"})", kClaims, kKey),
           signed_text(R"({"typ":"JWT","alg":"HS256"})", kClaims, kKey),
           signed_text(kHeader, "", kKey),
           signed_text(kHeader, "{}", kKey),
           signed_text(kHeader, R"({"user_id":"","iat":1,"exp":2})", kKey),
           signed_text(kHeader, R"({"user_id":"Eve","iat":1,"exp":2})", kKey),
           signed_text(kHeader, R"({"user_id":"e/ve","iat":1,"exp":2})", kKey),
           signed_text(kHeader, R"({"user_id":"eve","iat":-1,"exp":2})", kKey),
           signed_text(kHeader, R"({"user_id":"eve","iat":01,"exp":2})", kKey),
           signed_text(kHeader, R"({"user_id":"eve","iat":1,"exp":99999999999999})", kKey),
           signed_text(kHeader, R"({"user_id":"eve","iat":1,"exp":2,"admin":true})", kKey),
           signed_text(kHeader, R"({"user_id":"eve","iat":1,"exp":2} )", kKey),
           signed_text(kHeader, R"( {"user_id":"eve","iat":1,"exp":2})", kKey),
           signed_text(kHeader, R"({"user_id":")" + std::string(65, 'a') + R"(","iat":1,"exp":2})", kKey),
           std::string(kAccountTokenBytesMax + 1, 'A'),
       }) {
    CAPTURE(bad);
    CHECK_FALSE(AccountToken::parse(bad).has_value());
  }
}

TEST_CASE("every other bit of a token makes it another's or none") {
  const std::string good = make_account_token("eve", kNow, kKey);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    const auto token = AccountToken::parse(bad);
    CAPTURE(i);
    CHECK((!token || !token->is_signed_by(kKey)));
  }
}

TEST_CASE("nobody gets a longer life than there is") {
  const std::string text =
      signed_text(kHeader, R"({"user_id":"eve","iat":1700000000,"exp":1700018001})", kKey);
  CHECK_FALSE(AccountToken::parse(text)->is_current(kNow));
  const std::string last = signed_text(kHeader, R"({"user_id":"eve","iat":0,"exp":253402300799})", kKey);
  CHECK_FALSE(AccountToken::parse(last)->is_current(kNow));
}

}  // namespace
}  // namespace weir::auth
