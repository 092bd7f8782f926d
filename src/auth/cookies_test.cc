#include "auth/cookies.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "http/h1_parser.h"

namespace weir::auth {
namespace {

using http::Known;

struct Asked {
  explicit Asked(const std::string& fields) : text("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n") {
    REQUIRE(http::parse_request_head(text, head).value() == text.size());
  }
  std::string text;
  http::RequestHead head;
  http::Request request{.head = head};
};

TEST_CASE("a cookie is found by its whole name, by TLS with the prefix that no other site can set") {
  Asked it("Cookie: xa=0; a=1;b=2\r\nCookie: __Host-a=3\r\n");
  CHECK(cookie_of(it.request, "a") == "1");
  CHECK(cookie_of(it.request, "b") == "2");
  CHECK(cookie_of(it.request, "c").empty());
  it.request.scheme = "https";
  CHECK(is_secure(it.request));
  CHECK(cookie_of(it.request, "a") == "3");
  CHECK(cookie_of(it.request, "b").empty());
}

TEST_CASE("a cookie that is set is for this host alone, and by TLS for TLS alone") {
  Asked it("");
  CHECK(set_cookie(it.request, "a", "1", std::chrono::minutes(1)) ==
        "a=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
  it.request.scheme = "https";
  CHECK(set_cookie(it.request, "a", "", Duration::zero()) ==
        "__Host-a=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure");
}

TEST_CASE("cookies of ours are taken out, and all others stay") {
  const auto left = [](const std::string& fields) {
    Asked it(fields);
    remove_cookies(it.request, "our_");
    CHECK(it.head.fields.count(Known::kCookie) <= 1);
    return std::string(it.head.fields.value_of(Known::kCookie));
  };
  CHECK(left("Cookie: a=1; our_x=2;  __Host-our_y=3; b=4\r\n") == "a=1; b=4");
  CHECK(left("Cookie: our_x=2\r\n").empty());
  CHECK(left("Cookie: a=1\r\nCookie: our_x=2\r\nCookie: b=3\r\n") == "a=1; b=3");
  CHECK(left("Cookie:  a=1;;b\r\n") == "a=1;;b");  // nothing of ours: as it came
  CHECK(left("").empty());
}

}  // namespace
}  // namespace weir::auth
