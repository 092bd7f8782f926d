#include <doctest/doctest.h>

#include <optional>
#include <string_view>

#include "net/network.h"

namespace weir::net {
namespace {

using namespace std::string_view_literals;

TEST_CASE("an address is an IP and a port, and prints as it is written") {
  struct Case {
    std::string_view text;
    std::string_view printed;  // "" when refused
    bool v6 = false;
    bool loopback = false;
  };
  constexpr Case kCases[] = {
      {"127.0.0.1:80", "127.0.0.1:80", false, true},
      {"127.255.0.9:1", "127.255.0.9:1", false, true},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"10.1.2.3:65535", "10.1.2.3:65535"},
      {"[::1]:80", "[::1]:80", true, true},
      {"[::]:8080", "[::]:8080", true},
      {"[2001:DB8:0:0::1]:443", "[2001:db8::1]:443", true},
      {"[::2]:1", "[::2]:1", true},
      {"", ""},
      {":", ""},
      {":80", ""},
      {"127.0.0.1", ""},
      {"127.0.0.1:", ""},
      {"127.0.0.1:65536", ""},
      {"127.0.0.1:-1", ""},
      {"127.0.0.1:+1", ""},
      {"127.0.0.1: 80", ""},
      {"127.0.0.1:80 ", ""},
      {" 127.0.0.1:80", ""},
      {"127.0.0.1:0x50", ""},
      {"127.0.0.1:99999999999999999999", ""},
      {"127.0.0:80", ""},
      {"127.0.0.256:80", ""},
      {"127.1:80", ""},
      {"0177.0.0.1:80", ""},
      {"[127.0.0.1]:80", ""},
      {"::1:80", ""},
      {"[::1]80", ""},
      {"[::1:80", ""},
      {"[]:80", ""},
      {"[::1%lo]:80", ""},
      {"localhost:80", ""},
      {"127.0.0.1\0.example:80"sv, ""},
  };
  for (const Case& test : kCases) {
    CAPTURE(test.text);
    const auto address = Address::parse(test.text);
    REQUIRE(address.has_value() == !test.printed.empty());
    if (!address) {
      CHECK(address.error().code == Code::kInvalid);
      continue;
    }
    CHECK(address->to_string() == test.printed);
    CHECK(address->is_v6() == test.v6);
    CHECK(address->is_loopback() == test.loopback);
    CHECK(*Address::parse(address->to_string()) == *address);
  }
}

TEST_CASE("an IP alone, and equality") {
  CHECK(Address::parse_ip("::1", 9)->to_string() == "[::1]:9");
  CHECK(Address::parse_ip("::1", 9)->ip() == "::1");
  CHECK(*Address::parse_ip("10.0.0.1", 9) == Address::v4({10, 0, 0, 1}, 9));
  CHECK(*Address::parse_ip("10.0.0.1", 9) != Address::v4({10, 0, 0, 1}, 8));
  CHECK(Address::v4({}, 1) != Address::v6({}, 1));
  CHECK_FALSE(Address::parse_ip("[::1]", 9).has_value());
  CHECK_FALSE(Address::parse_ip("", 9).has_value());
  CHECK_FALSE(Address::parse_ip("10.0.0.1:80", 9).has_value());
}

}  // namespace
}  // namespace weir::net
