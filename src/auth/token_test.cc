#include "auth/token.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

namespace weir::auth {
namespace {

using Entropy = std::array<std::byte, kTokenEntropyBytes>;

Entropy entropy_of(int fill) {
  Entropy entropy;
  entropy.fill(static_cast<std::byte>(fill));
  return entropy;
}

// Computed apart from this code: base62 of the numbers, zlib's CRC-32, SHA-256.
TEST_CASE("a token is its entropy, written down") {
  struct Case {
    int fill;
    const char* token;
    const char* hash;
  };
  for (const Case& expected : {
           Case{0, "weir_0000000000_00000000000000000000000000000000020KPHn",
                "sha256:0000000000:00000000000000000000000000000000:"
                "021fcbf8a63fa2e109cc84dc71fd3ae555343dfbbafdff924bbfaf291b7cbb23"},
           Case{0xff, "weir_5K1WLnfhB1_2lFA6LboL2xx0ldQH2K1TdSrwuqMMiME34aife0",
                "sha256:5K1WLnfhB1:ffffffffffffffffffffffffffffffff:"
                "7779cf2eeee4c9495bcaa5be0e024e8abd39cfed8bbfc816243cc57bb36ca894"},
           Case{0x5a, "weir_1sTiEzIMX4_0yREVPrShtkgi2DugTzlvs2tVjaiMbXNC0jNkXW",
                "sha256:1sTiEzIMX4:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a:"
                "4466a4b56e1c597c156ea6d1d258342991a6c556d2c024e039a91dc2d929e55c"},
       }) {
    const IssuedToken issued = make_token(entropy_of(expected.fill));
    CHECK(issued.text == expected.token);
    CHECK(issued.hash.to_text() == expected.hash);
    CHECK(token_id(issued.text) == issued.hash.id);
  }
}

TEST_CASE("every bit of the entropy matters") {
  std::set<std::string> seen{make_token(entropy_of(0)).text};
  for (std::size_t bit = 0; bit < 8 * (kTokenEntropyBytes - 16); ++bit) {
    Entropy entropy{};
    entropy[bit / 8] = static_cast<std::byte>(1U << (bit % 8));
    CHECK(seen.insert(make_token(entropy).text).second);
  }
  Entropy salted{};
  salted.back() = std::byte{1};
  CHECK(make_token(salted).text == make_token(entropy_of(0)).text);
  CHECK(make_token(salted).hash.digest != make_token(entropy_of(0)).hash.digest);
}

TEST_CASE("issued tokens are all different") {
  std::set<std::string> texts, ids;
  for (int i = 0; i < 100; ++i) {
    const auto issued = issue_token();
    REQUIRE(issued);
    CHECK(token_id(issued->text) == issued->hash.id);
    texts.insert(issued->text);
    ids.insert(issued->hash.id);
  }
  CHECK(texts.size() == 100);
  CHECK(ids.size() == 100);
}

TEST_CASE("a slip of the hand is no token") {
  const std::string token = make_token(entropy_of(0x5a)).text;
  REQUIRE(token.size() == kTokenBytes);
  for (std::size_t i = 0; i < token.size(); ++i) {
    CAPTURE(i);
    std::string changed = token;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    CHECK_FALSE(token_id(changed));
    CHECK_FALSE(token_id(token.substr(0, i)));
    CHECK_FALSE(token_id(token.substr(0, i) + token.substr(i + 1)));
    std::string swapped = token;
    if (i > 0) std::swap(swapped[i], swapped[i - 1]);
    CHECK((swapped == token || !token_id(swapped)));
  }
  for (const std::string& wrong :
       {token + "0", " " + token, std::string(), std::string(kTokenBytes, '\0'), std::string(1 << 20, 'a')}) {
    CHECK_FALSE(token_id(wrong));
  }
}

TEST_CASE("a hash survives its text, and nothing else is one") {
  const TokenHash hash = make_token(entropy_of(0x5a)).hash;
  const std::string text = hash.to_text();
  CHECK(text.size() == 115);
  CHECK(TokenHash::parse(text) == hash);
  for (std::size_t i = 0; i < text.size(); ++i) {
    CHECK_FALSE(TokenHash::parse(text.substr(0, i)));
    std::string changed = text;
    changed[i] = '~';
    CHECK_FALSE(TokenHash::parse(changed));
  }
  CHECK_FALSE(TokenHash::parse(text + "0"));
  CHECK_FALSE(TokenHash::parse(text + ":"));
  CHECK_FALSE(TokenHash::parse("sha512" + text.substr(6)));
  std::string upper = text;
  std::ranges::replace(upper, 'a', 'A');
  CHECK((upper == text || !TokenHash::parse(upper)));
}

TEST_CASE("a known token is hashed anew with its own salt each time") {
  const std::string token = make_token(entropy_of(1)).text;
  const auto first = hash_token(token);
  const auto second = hash_token(token);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->id == *token_id(token));
  CHECK(first->salt != second->salt);
  CHECK(first->digest == token_digest(first->salt, token));
  CHECK(hash_token("weir_no").error().code == Code::kInvalid);
}

TEST_CASE("the token of an Authorization field") {
  struct Case {
    const char* field;
    const char* want;
  };
  for (const Case& expected :
       {Case{"Bearer abc", "abc"}, Case{"bearer abc", "abc"}, Case{"BEARER  abc ", "abc"},
        Case{" Bearer abc", "abc"}, Case{"Basic abc", ""}, Case{"Bearer", ""}, Case{"Bearer ", ""},
        Case{"", ""}, Case{"abc", ""}, Case{"Bearerabc def", ""}, Case{"Bearer a b", "a b"}}) {
    CAPTURE(expected.field);
    CHECK(bearer_of(expected.field) == expected.want);
  }
}

}  // namespace
}  // namespace weir::auth
