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

TEST_CASE("constant_time_equal is equality") {
  CHECK(constant_time_equal({}, {}));
  CHECK(constant_time_equal(bytes_of("same"), bytes_of("same")));
  CHECK_FALSE(constant_time_equal(bytes_of("same"), bytes_of("samE")));
  CHECK_FALSE(constant_time_equal(bytes_of("Same"), bytes_of("same")));
  CHECK_FALSE(constant_time_equal(bytes_of("same"), bytes_of("same!")));
}

}  // namespace
}  // namespace weir::auth
