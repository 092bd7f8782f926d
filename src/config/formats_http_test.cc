#include "config/formats.h"

#include <doctest/doctest.h>

namespace weir::config {
namespace {

TEST_CASE("a network holds the addresses with its prefix") {
  struct Case {
    const char* network;
    std::array<std::uint8_t, 4> address;
    bool held;
  };
  for (const Case& one :
       {Case{"10.0.0.0/8", {10, 255, 0, 1}, true}, Case{"10.0.0.0/8", {11, 0, 0, 1}, false},
        Case{"192.168.4.0/22", {192, 168, 7, 255}, true}, Case{"192.168.4.0/22", {192, 168, 8, 0}, false},
        Case{"0.0.0.0/0", {1, 2, 3, 4}, true}, Case{"1.2.3.4", {1, 2, 3, 4}, true},
        Case{"1.2.3.4/32", {1, 2, 3, 5}, false}, Case{"::/0", {1, 2, 3, 4}, false}}) {
    CAPTURE(one.network);
    CHECK(parse_network(one.network)->contains(false, one.address) == one.held);
  }
  std::array<std::uint8_t, 16> v6{0xfd, 0x12};
  CHECK(parse_network("fd00::/8")->contains(true, v6));
  CHECK_FALSE(parse_network("fe80::/10")->contains(true, v6));
  for (const char* bad : {"", "a", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129", "10.0.0.0/", "/8"}) {
    CAPTURE(bad);
    CHECK_FALSE(check_network(bad).empty());
  }
}

TEST_CASE("a pattern matches whole texts, of any bytes, in bounded memory") {
  const Pattern pattern("/v[0-9]+/.*");
  CHECK(pattern.problem().empty());
  CHECK(pattern.matches("/v12/a"));
  CHECK_FALSE(pattern.matches("/a/v12/a"));
  CHECK(Pattern(".*").matches("\xff\xfe"));
  CHECK_FALSE(Pattern("((a{1000}){1000}){1000}").problem().empty());
  CHECK_FALSE(Pattern("(?<=a)b").problem().empty());
}

TEST_CASE("what may be edited") {
  CHECK(check_editable_field("X-Anything").empty());
  for (const char* own : {"host", "Content-Length", "TRANSFER-ENCODING", "Connection", "a b", "a:"}) {
    CAPTURE(own);
    CHECK_FALSE(check_editable_field(own).empty());
  }
  CHECK(check_field_value("a \"b\"\tc").empty());
  for (const char* bad : {" a", "a ", "a\nb", "\x80"}) CHECK_FALSE(check_field_value(bad).empty());
  CHECK_FALSE(check_realm("a\"b").empty());
}

}  // namespace
}  // namespace weir::config
