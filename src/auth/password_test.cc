#include "auth/password.h"

#include <doctest/doctest.h>

namespace weir::auth {
namespace {

TEST_CASE("the credentials of Basic") {
  const auto parsed = parse_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 section 2
  REQUIRE(parsed.has_value());
  CHECK(parsed->name == "Aladdin");
  CHECK(parsed->password == "open sesame");
  CHECK(parse_basic("basic dGVzdDoxMjPCow")->password == "123\xc2\xa3");
  CHECK(parse_basic("Basic Og==")->name.empty());
  for (const char* bad : {"", "Basic", "Basic ", "Bearer QTpi", "Basic QQ==", "Basic ?:", "Basic QTpiAA=="}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_basic(bad).has_value());
  }
  CHECK_FALSE(parse_basic("Basic " + std::string(2000, 'A')).has_value());
}

TEST_CASE("a password against what htpasswd and mkpasswd print") {
  struct Case {
    const char* hash;
    const char* password;
  };
  // The vectors of crypt's own specifications.
  for (const Case& one : {Case{"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
                          Case{"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
                               "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                               "Hello world!"},
                          Case{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"}}) {
    CAPTURE(one.hash);
    CHECK(is_password_hash(one.hash));
    CHECK(password_matches(one.hash, one.password));
    CHECK_FALSE(password_matches(one.hash, "hello world!"));
    CHECK_FALSE(password_matches(one.hash, ""));
  }
  for (const char* bad : {"", "plain", "$1$salt$hash", "{SHA}x", "$2y$", "*0"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_password_hash(bad));
    CHECK_FALSE(password_matches(bad, ""));
  }
}

TEST_CASE("a password against a hash of Argon2") {
  // The vectors of the reference implementation's test.c, version 0x13.
  const std::string hash =
      "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  CHECK(is_password_hash(hash));
  CHECK(password_matches(hash, "password"));
  CHECK_FALSE(password_matches(hash, "Password"));
  for (const char* bad :
       {"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$AA", "$argon2id$v=19$m=65537,t=2,p=1$a$b",
        "$argon2id$v=19$m=256,t=11,p=1$a$b", "$argon2id$v=19$m=256,t=2,p=5$a$b",
        "$argon2id$v=19$m=256,t=2,p=1$ab", "$argon2id$v=19$m=,t=2,p=1$a$b"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_password_hash(bad));
    CHECK_FALSE(password_matches(bad, "password"));
  }
}

TEST_CASE("a hash of a password is of that password, and another one each time") {
  const auto hash = hash_password("correct horse");
  REQUIRE(hash.has_value());
  CHECK(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  CHECK(is_password_hash(*hash));
  CHECK(password_matches(*hash, "correct horse"));
  CHECK_FALSE(password_matches(*hash, "correct horse "));
  CHECK(hash_password("correct horse") != hash);
}

}  // namespace
}  // namespace weir::auth
