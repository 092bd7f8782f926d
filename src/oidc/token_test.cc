#include "oidc/token.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "auth/crypto.h"
#include "oidc/keys.h"
#include "oidc/tokens_fixture.h"

namespace weir::oidc {
namespace {

using std::chrono::seconds;

const Expected kExpected{kIssuer, "weir", "n-1"};

std::string encoded(std::string_view text) { return auth::to_base64url(auth::bytes_of(text)); }
std::string token_of(std::string_view header, std::string_view claims) {
  return encoded(header) + '.' + encoded(claims) + "." + encoded("signature");
}
std::string why(const std::string& text) {
  const auto token = IdToken::parse(text);
  return token ? "" : token.error();
}
std::string with_claims(std::string_view claims) { return why(token_of(R"({"alg":"RS256"})", claims)); }

TEST_CASE("tokens of each algorithm are read and verified by the key of their type") {
  const auto keys = parse_keys(kKeys);
  REQUIRE(keys);
  REQUIRE(keys->size() == 3);
  for (const std::string* text : {&kRs256, &kPs256, &kEs256, &kEdDsa, &kWithoutKid}) {
    const auto token = IdToken::parse(*text);
    REQUIRE(token);
    CHECK(is_signed(*token, *keys) == Signed::kYes);
    CHECK(check(token->claims, kExpected, kMade) == "");
    CHECK(token->claims.subject == "sub-1");
    CHECK(token->claims.email == "bob@host.example");
    CHECK(token->claims.email_verified);
    CHECK(token->claims.name == "Bob");
    // Not a bit of it is another's.
    auto other = *token;
    other.signed_part.back() = other.signed_part.back() == 'A' ? 'B' : 'A';
    CHECK(is_signed(other, *keys) == Signed::kNo);
    other = *token;
    other.signature[5] = static_cast<char>(other.signature[5] ^ 1);
    CHECK(is_signed(other, *keys) == Signed::kNo);
    other = *token;
    other.signature.pop_back();
    CHECK(is_signed(other, *keys) == Signed::kNo);
  }
}

TEST_CASE("no token chooses how it is verified") {
  CHECK(why(kNone) == "its alg is none of RS256, PS256, ES256 and EdDSA");
  CHECK(why(kHs256) == "its alg is none of RS256, PS256, ES256 and EdDSA");
  const auto keys = *parse_keys(kKeys);
  const auto verdict = [&](const std::string& text) { return is_signed(*IdToken::parse(text), keys); };
  CHECK(verdict(kUnknownKid) == Signed::kUnknownKey);
  CHECK(verdict(kMixedType) == Signed::kUnknownKey);
  CHECK(verdict(kOthersKey) == Signed::kNo);
  const Key rsa{.type = Key::Type::kRsa, .id = {}, .only = Algorithm::kRs256, .value = {}, .exponent = {}};
  CHECK(fits(rsa, Algorithm::kRs256));
  CHECK_FALSE(fits(rsa, Algorithm::kPs256));
  CHECK_FALSE(fits(rsa, Algorithm::kEs256));
}

TEST_CASE("what is no ID token is refused, and why is said") {
  CHECK(why("") == "it has not three parts");
  CHECK(why("a.b") == "it has not three parts");
  CHECK(why("a.b.c.d") == "it has not three parts");
  CHECK(why(std::string(kTokenBytesMax + 1, 'a')) == "it is too long");
  CHECK(why("!.e30.e30") == "its header is no JSON object");
  CHECK(why(token_of("[]", "{}")) == "its header is no JSON object");
  CHECK(why(token_of(R"({"alg":"RS256","alg":"none"})", "{}")) == "its header is no JSON object");
  CHECK(why(token_of(R"({"alg":"RS256","crit":["exp"]})", "{}")) == "its header has crit");
  CHECK(why(token_of(R"({"alg":["RS256"]})", "{}")).starts_with("its alg is none of"));
  const std::string deep = std::string(20, '[') + std::string(20, ']');
  CHECK(with_claims("{\"a\":" + deep + "}") == "its claims are no JSON object");
  CHECK(with_claims("{}") == "it has no iss");
  CHECK(with_claims(R"({"iss":"i"})") == "it has no sub");
  CHECK(with_claims(R"({"iss":"i","sub":7})") == "it has no sub");
  CHECK(with_claims(R"({"iss":"i","sub":")" + std::string(256, 's') + R"("})") == "it has no sub");
  CHECK(with_claims(R"({"iss":"i","sub":"s"})") == "it has no aud");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":[]})") == "it has no aud");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":[7]})") == "it has no aud");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":"a"})") == "it has no exp and iat");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":"a","exp":"1","iat":1})") == "it has no exp and iat");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":"a","exp":1e300,"iat":1})") == "it has no exp and iat");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":"a","exp":-1,"iat":1})") == "it has no exp and iat");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":"a","exp":1,"iat":1,"nbf":"x"})") == "its nbf is no time");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":"a","exp":1,"iat":1,"azp":7})") == "its azp is no text");
  CHECK(with_claims(R"({"iss":"i","sub":"s","aud":"a","exp":1,"iat":1})") == "");
  const std::string without = kRs256.substr(0, kRs256.rfind('.') + 1);
  CHECK(why(without) == "its signature is none");
}

TEST_CASE("a token is for us, of now, and of this sign-in") {
  const Claims good = IdToken::parse(kRs256)->claims;
  const auto wrong = [&](auto change, Expected expected = kExpected, std::chrono::sys_seconds now = kMade) {
    Claims claims = good;
    change(claims);
    return check(claims, expected, now);
  };
  CHECK(wrong([](Claims& one) { one.issuer += '/'; }) == "its iss is another");
  CHECK(wrong([](Claims& one) { one.audiences = {"other"}; }) == "it is for somebody else (aud)");
  CHECK(wrong([](Claims& one) { one.audiences = {"other", "weir"}; }) == "it has several aud and no azp");
  CHECK(wrong([](Claims& one) {
          one.audiences = {"other", "weir"};
          one.authorized_party = "weir";
        }) == "");
  CHECK(wrong([](Claims& one) { one.authorized_party = "other"; }) == "it was made for somebody else (azp)");
  CHECK(wrong([](Claims& one) { one.nonce = "n-2"; }) == "its nonce is another");
  CHECK(wrong([](Claims& one) { one.nonce.clear(); }) == "its nonce is another");
  CHECK(wrong([](Claims& one) { one.nonce.clear(); }, {kIssuer, "weir", ""}) == "its nonce is another");
  const auto same = [](Claims&) {};
  CHECK(wrong(same, kExpected, kMade + seconds(600 + 59)) == "");
  CHECK(wrong(same, kExpected, kMade + seconds(600 + 60)) == "it has expired");
  CHECK(wrong(same, kExpected, kMade - seconds(60)) == "");
  CHECK(wrong(same, kExpected, kMade - seconds(61)) == "it was made in the future (iat)");
  const auto long_lived = [](Claims& one) { one.expires_at = kMade + seconds(100'000); };
  CHECK(wrong(long_lived, kExpected, kMade + seconds(661)) == "it was made too long ago (iat)");
  CHECK(wrong([](Claims& one) { one.not_before = kMade + seconds(61); }) == "it is not valid yet (nbf)");
}

TEST_CASE("an address that nobody has verified is none, however it is written") {
  const auto verified = [](std::string_view value) {
    const auto token = IdToken::parse(
        token_of(R"({"alg":"RS256"})",
                 R"({"iss":"i","sub":"s","aud":"a","exp":1,"iat":1,"email":"e","email_verified":)" +
                     std::string(value) + "}"));
    return token && token->claims.email_verified;
  };
  CHECK(verified("true"));
  CHECK(verified("\"true\""));
  CHECK_FALSE(verified("false"));
  CHECK_FALSE(verified("\"yes\""));
  CHECK_FALSE(verified("1"));
}

TEST_CASE("keys that we can't verify with are passed over, and too many are none") {
  CHECK(parse_keys("{}").error() == "its keys are no key set");
  CHECK(parse_keys("[]").error() == "its keys are no key set");
  CHECK(parse_keys(std::string(kKeySetBytesMax + 1, ' ')).error() == "its keys are too many bytes");
  std::string many = R"({"keys":[)";
  for (std::size_t i = 0; i <= kKeysMax; ++i) many += i == 0 ? "{}" : ",{}";
  CHECK(parse_keys(many + "]}").error() == "it has too many keys");
  for (const char* one : {
           R"({"kty":"oct","k":"AAAA"})",
           R"({"kty":"RSA","n":"AAAA"})",
           R"({"kty":"RSA","n":"AAAA","e":"AQAB","use":"enc"})",
           R"({"kty":"RSA","n":"AAAA","e":"AQAB","alg":"RSA-OAEP"})",
           R"({"kty":"RSA","n":"AAAA","e":"AQAB","key_ops":["encrypt"]})",
           R"({"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"})",
           R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})",
           R"({"kty":"OKP","crv":"X25519","x":"AAAA"})",
           R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})",
           "7",
       }) {
    const auto keys = parse_keys(R"({"keys":[)" + std::string(one) + "]}");
    REQUIRE(keys);
    CHECK(keys->empty());
  }
}

}  // namespace
}  // namespace weir::oidc
