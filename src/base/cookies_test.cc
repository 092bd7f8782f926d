#include "base/cookies.h"

#include <doctest/doctest.h>

namespace weir {
namespace {

TEST_CASE("a cookie is found by its whole name, the first of them") {
  CHECK(cookie_in("a=1", "a") == "1");
  CHECK(cookie_in("a=1; b=2; a=3", "b") == "2");
  CHECK(cookie_in("a=1;b=2;\ta=3 ;", "a") == "1");
  CHECK(cookie_in(" a=1 \t; b=2", "a") == "1");
  CHECK(cookie_in("b=a=1; a==2=", "a") == "=2=");
  CHECK(cookie_in("a=", "a") == "");
  CHECK(cookie_in("a=\"1\"", "a") == "\"1\"");
  CHECK(cookie_in("xa=1; ax=2; a=3", "a") == "3");
  for (const char* without : {"", ";", ";;;", "a", "a;", "A=1", "b=1", " ", "=1", "a ; =a"}) {
    CAPTURE(without);
    CHECK_FALSE(cookie_in(without, "a"));
  }
}

TEST_CASE("cookies are taken off a field one by one") {
  std::string_view field = "a=1; b ;;c=2";
  CHECK(take_cookie(field) == "a=1");
  CHECK(take_cookie(field) == "b");
  CHECK(take_cookie(field).empty());
  CHECK(take_cookie(field) == "c=2");
  CHECK(field.empty());
}

}  // namespace
}  // namespace weir
