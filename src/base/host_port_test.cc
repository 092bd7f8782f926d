#include "base/host_port.h"

#include <doctest/doctest.h>

namespace weir {
namespace {

TEST_CASE("an address of IPv6 has brackets once, and nothing else has any") {
  CHECK(in_brackets("::1") == "[::1]");
  CHECK(in_brackets("[::1]") == "[::1]");
  CHECK(in_brackets("10.0.0.1") == "10.0.0.1");
  CHECK(in_brackets("web.example") == "web.example");
  CHECK(in_brackets("").empty());
}

TEST_CASE("brackets are taken away where there are both") {
  CHECK(without_brackets("[::1]") == "::1");
  CHECK(without_brackets("[]").empty());
  for (const auto* host : {"::1", "web.example", "", "[", "]", "[::1", "::1]"}) {
    CAPTURE(host);
    CHECK(without_brackets(host) == host);
  }
}

TEST_CASE("the port follows the host") {
  CHECK(with_port("::1", 80) == "[::1]:80");
  CHECK(with_port("[2001:db8::1]", 65535) == "[2001:db8::1]:65535");
  CHECK(with_port("10.0.0.1", 0) == "10.0.0.1:0");
  CHECK(with_port("web.example", 443) == "web.example:443");
}

}  // namespace
}  // namespace weir
