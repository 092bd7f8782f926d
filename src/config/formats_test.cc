#include "config/formats.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::config {
namespace {

struct Case {
  std::string (*check)(std::string_view);
  std::string text;
  std::string problem;  // empty: fine
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    CAPTURE(one.text);
    CHECK(one.check(one.text) == one.problem);
  }
}

TEST_CASE("paths of routes are written as those of requests are compared") {
  check_all({
      {check_match_path, "/a/b", ""},
      {check_match_path, "/.well-known/", ""},
      {check_match_path, "/caf%C3%A9", ""},
      {check_match_path, "/a%2Fb", ""},
      {check_match_path, "/%61dmin", "must be written as requests' paths are compared: /admin"},
      {check_match_path, "/caf%c3%a9", "must be written as requests' paths are compared: /caf%C3%A9"},
      {check_match_path, "/a%00", "encodes a NUL byte, which no request may have"},
      {check_match_path, "/a//b", "has an empty segment (\"//\")"},
  });
}

TEST_CASE("names of objects and hosts: what is wrong, in one sentence") {
  check_all({
      {check_name, "web-1", ""},
      {check_name, "0", ""},
      {check_name, "web_1", R"(has "_" at character 4; a name is made of a-z, 0-9 and "-")"},
      {check_name, "Web", R"(has "W" at character 1; a name is made of a-z, 0-9 and "-")"},
      {check_name, "wéb", R"(has "é" at character 2; a name is made of a-z, 0-9 and "-")"},
      {check_name, "-web", R"(must not begin or end with "-")"},
      {check_name, "web-", R"(must not begin or end with "-")"},

      {check_hostname_pattern, "web.weir.localhost", ""},
      {check_hostname_pattern, "*.example.com", ""},
      {check_hostname_pattern, "127.0.0.1", ""},
      {check_hostname_pattern, "Web.Example", ""},
      {check_hostname_pattern, "*", "must be a host name; to take every host, leave hostnames out"},
      {check_hostname_pattern, "a.*.example",
       "may have a \"*\" only as the whole first part, such as *.example.com"},
      {check_hostname_pattern, "*.*.example",
       "may have a \"*\" only as the whole first part, such as *.example.com"},
      {check_hostname_pattern, "*.0.0.1", "can't have a \"*\" before an IPv4 address"},
      {check_hostname_pattern, "http://a.example", "is a URL; write only the host name"},
      {check_hostname_pattern, "a.example/b", "has a path; paths belong to routes"},
      {check_hostname_pattern, "a.example:80", "has a port; ports belong to the listener"},
      {check_hostname_pattern, "a..example", "has an empty part between two dots or at an end"},
      {check_hostname_pattern, "a.example.", "has an empty part between two dots or at an end"},
      {check_hostname_pattern, "a b", "has \" \" at character 2, which can't stand in a host name"},
      {check_hostname_pattern, "-a.example", "has a part that begins or ends with \"-\""},
      {check_hostname_pattern, std::string(64, 'a'), "has a part of more than 63 characters"},
      {check_hostname_pattern, "1.2.3", "ends in a number, but is not an IPv4 address"},
  });
}

TEST_CASE("addresses and paths: what is wrong, in one sentence") {
  check_all({
      {check_address, "127.0.0.1:80", ""},
      {check_address, "[::1]:80", ""},
      {check_address, "my_db.internal:5432", ""},
      {check_address, "127.0.0.1", "needs a port at its end, such as :80"},
      {check_address, "127.0.0.1:0", "needs a port from 1 to 65535 after the \":\""},
      {check_address, "127.0.0.1:65536", "needs a port from 1 to 65535 after the \":\""},
      {check_address, "127.0.0.1:http", "needs a port from 1 to 65535 after the \":\""},
      {check_address, "127.0.0.256:80", "ends in a number, but is not an IPv4 address"},
      {check_address, ":80", "needs a host before the \":\""},
      {check_address, "::1:80",
       "has more than one \":\"; an IPv6 address goes in brackets, such as [::1]:80"},
      {check_address, "[::1", "is not like [::1]:80, which is how an IPv6 address is written"},
      {check_address, "[::1]80", "is not like [::1]:80, which is how an IPv6 address is written"},
      {check_address, "[::1]", "needs a port at its end, such as :80"},
      {check_address, "[::g]:80", "has something in the brackets that is no IPv6 address"},
      {check_address, "http://a:80", "is a URL; write only host and port, such as 10.0.0.1:80"},
      {check_address, "a b:80", "has \" \" at character 2, which can't stand in a host name"},

      {check_host_field, "a.example", ""},
      {check_host_field, "a.example:8080", ""},
      {check_host_field, "[::1]", ""},
      {check_host_field, "a.example\r\nX: y", "needs a port from 1 to 65535 after the \":\""},

      {check_path, "/healthz?full=1&x=%20", ""},
      {check_path, "healthz", "must begin with \"/\""},
      {check_path, "/a b", "has \" \" at character 3, which can't stand in a path"},
      {check_path, "/a#b", "has \"#\" at character 3, which can't stand in a path"},
      {check_path, "/a%2", "has \"%\" at character 3 that two hexadecimal digits do not follow"},

      {check_path_prefix, "/", ""},
      {check_path_prefix, "/api/v1/", ""},
      {check_path_prefix, "/api/*", "must not end with \"*\"; a prefix takes what is below it anyway"},
      {check_path_prefix, "/a?b", "has a query; a prefix is compared with the path alone"},
      {check_path_prefix, "/a//b", "has an empty segment (\"//\")"},
      {check_path_prefix, "/a/../b", "has a \".\" or \"..\" segment, which no request keeps"},
      {check_path_prefix, "/a/.", "has a \".\" or \"..\" segment, which no request keeps"},

      {check_label_key, "example.com/team", ""},
      {check_label_key, "", "must be of 1 to 128 characters"},
      {check_label_key, "a b",
       R"(has " " at character 2; a key is made of letters, digits, "-", "_", "." and "/")"},
  });
}

TEST_CASE("addresses have one canonical form") {
  const struct {
    const char* text;
    const char* canonical;
    Address::Family family;
  } cases[] = {
      {"127.0.0.1:080", "127.0.0.1:80", Address::Family::kIpv4},
      {"[0:0:0:0:0:0:0:1]:443", "[::1]:443", Address::Family::kIpv6},
      {"[2001:DB8::00A]:1", "[2001:db8::a]:1", Address::Family::kIpv6},
      {"Web.Example:80", "web.example:80", Address::Family::kName},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    const auto address = parse_address(one.text);
    REQUIRE(address.has_value());
    CHECK(to_text(*address) == one.canonical);
    CHECK(address->family == one.family);
    CHECK(parse_address(one.canonical) == address);
  }
  CHECK_FALSE(parse_address("nowhere").has_value());
}

TEST_CASE("prefixes that match the same are equal") {
  CHECK(normal_prefix("/") == "/");
  CHECK(normal_prefix("/a/") == "/a");
  CHECK(normal_prefix("/a/b") == "/a/b");
}

TEST_CASE("times") {
  const struct {
    const char* text;
    const char* canonical;  // null: refused
  } cases[] = {
      {"2026-11-21T03:11:19Z", "2026-11-21T03:11:19.000Z"},
      {"2026-11-21t03:11:19.25z", "2026-11-21T03:11:19.250Z"},
      {"2026-11-21T03:11:19.2509999Z", "2026-11-21T03:11:19.250Z"},
      {"2026-11-21T00:30:00+01:00", "2026-11-20T23:30:00.000Z"},
      {"2024-02-29T00:00:00-08:30", "2024-02-29T08:30:00.000Z"},
      {"2026-02-29T00:00:00Z", nullptr},
      {"2026-11-21T24:00:00Z", nullptr},
      {"2026-11-21T03:60:00Z", nullptr},
      {"2026-11-21T03:11:19", nullptr},
      {"2026-11-21T03:11:19.Z", nullptr},
      {"2026-11-21T03:11:19+1:00", nullptr},
      {"2026-11-21", nullptr},
      {"+026-11-21T03:11:19Z", nullptr},
      {"tomorrow", nullptr},
      {"", nullptr},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    const auto time = parse_rfc3339(one.text);
    CHECK(time.has_value() == (one.canonical != nullptr));
    if (time && one.canonical != nullptr) CHECK(format_rfc3339(*time) == one.canonical);
  }
}

TEST_CASE("UTF-8 (RFC 3629)") {
  for (const char* good :
       {"", "abc", "é", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    CAPTURE(good);
    CHECK(is_utf8(good));
  }
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "a\xc3z"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace weir::config
