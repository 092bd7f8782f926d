#include "auth/crypto.h"

#include <doctest/doctest.h>

#include <string>

#include "base/text.h"

namespace weir::auth {
namespace {

TEST_CASE("sha256: the vectors of FIPS 180-4, in any number of parts") {
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(to_hex(sha256({bytes_of("abc")})) == abc);
  CHECK(to_hex(sha256({bytes_of("a"), bytes_of(""), bytes_of("bc")})) == abc);
  const std::string million(1'000'000, 'a');
  CHECK(to_hex(sha256({bytes_of(million)})) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("hmac_sha256: the vectors of RFC 4231, in any number of parts") {
  CHECK(to_hex(hmac_sha256(bytes_of("Jefe"), {bytes_of("what do ya want "), bytes_of("for nothing?")})) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string long_key(131, '\xaa');
  CHECK(to_hex(hmac_sha256(bytes_of(long_key),
                           {bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")})) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("hmac: the vectors of RFC 2202 and RFC 4231 for each hash") {
  const std::string data = "what do ya want for nothing?";
  const auto by = [&](HmacHash hash) { return to_hex(bytes_of(hmac(hash, "Jefe", bytes_of(data)))); };
  CHECK(by(HmacHash::kSha1) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  CHECK(by(HmacHash::kSha256) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(by(HmacHash::kSha384) ==
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
  CHECK(by(HmacHash::kSha512) ==
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

TEST_CASE("from_base64: the vectors of RFC 4648, with padding and without") {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    std::string coded = to_base64(bytes_of(text));
    CHECK(from_base64(coded) == text);
    while (coded.ends_with('=')) coded.pop_back();
    CHECK(from_base64(coded) == text);
  }
  CHECK_FALSE(from_base64("Zm9v\n"));
  CHECK_FALSE(from_base64("Zm-v"));
}

TEST_CASE("base64: the vectors of RFC 4648 section 10, and its other alphabet") {
  struct Case {
    const char* plain;
    const char* encoded;
  };
  for (const Case& one : {Case{"", ""}, Case{"f", "Zg=="}, Case{"fo", "Zm8="}, Case{"foo", "Zm9v"},
                          Case{"foob", "Zm9vYg=="}, Case{"fooba", "Zm9vYmE="}, Case{"foobar", "Zm9vYmFy"}}) {
    CHECK(to_base64(bytes_of(one.plain)) == one.encoded);
    CHECK(from_base64(one.encoded) == one.plain);
    CHECK(from_base64url(to_base64url(bytes_of(one.plain))) == one.plain);
  }
  CHECK(to_base64url(bytes_of("\xfb\xff")) == "-_8");
  CHECK(from_base64url("-_8") == "\xfb\xff");
  CHECK(from_base64("+/8=") == "\xfb\xff");
  for (const char* bad : {"-_8", "Z g", "Zm9v!"}) CHECK_FALSE(from_base64(bad).has_value());
  for (const char* bad : {"+/8", "-_8=", "!"}) CHECK_FALSE(from_base64url(bad).has_value());
}

TEST_CASE("constant_time_equal is equality") {
  CHECK(constant_time_equal({}, {}));
  CHECK(constant_time_equal(bytes_of("same"), bytes_of("same")));
  CHECK_FALSE(constant_time_equal(bytes_of("same"), bytes_of("samE")));
  CHECK_FALSE(constant_time_equal(bytes_of("Same"), bytes_of("same")));
  CHECK_FALSE(constant_time_equal(bytes_of("same"), bytes_of("same!")));
}

}  // namespace
}  // namespace weir::auth
