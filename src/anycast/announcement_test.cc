#include "anycast/announcement.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::anycast {
namespace {

Wanted wanted(std::string_view text) {
  const auto parsed = parse_wanted(text);
  REQUIRE(parsed);
  return *parsed;
}

TEST_CASE("an address and what is announced for it") {
  struct Row {
    const char* text;
    const char* network;
    const char* protocol;
    const char* balancer;
  };
  const Row rows[] = {
      {"203.0.113.10", "203.0.113.10/32", "weir_203_0_113_10", ""},
      {"203.0.113.10/24", "203.0.113.0/24", "weir_203_0_113_10", ""},
      {"203.0.113.10/29=web", "203.0.113.8/29", "weir_203_0_113_10", "web"},
      {"198.51.100.255/8", "198.0.0.0/8", "weir_198_51_100_255", ""},
      {"2001:db8::10", "2001:db8::10/128", "weir_2001_db8__10", ""},
      {"2001:DB8:0::10/48", "2001:db8::/48", "weir_2001_db8__10", ""},
      {"2001:db8:0:ff::10/57=b", "2001:db8:0:80::/57", "weir_2001_db8_0_ff__10", "b"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Wanted one = wanted(row.text);
    CHECK(network_of(one) == row.network);
    CHECK(protocol_of(one) == row.protocol);
    CHECK(one.balancer == row.balancer);
  }
}

TEST_CASE("what can't be announced is refused") {
  for (const char* text : {"",
                           "web",
                           "203.0.113.10:80",
                           "203.0.113",
                           "203.0.113.10/",
                           "203.0.113.10/33",
                           "203.0.113.10/7",
                           "203.0.113.10/x",
                           "203.0.113.10/+8",
                           "203.0.113.10=",
                           "2001:db8::1/129",
                           "2001:db8::1/15",
                           "0.0.0.0",
                           "127.0.0.1",
                           "::1",
                           "::",
                           "224.0.0.1",
                           "255.255.255.255",
                           "169.254.1.1",
                           "fe80::1",
                           "ff02::1",
                           "::ffff:203.0.113.1",
                           "0.1.2.3",
                           "[2001:db8::1]",
                           "203.0.113.10 ",
                           "203.0.113.10/24;"}) {
    CAPTURE(text);
    const auto parsed = parse_wanted(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().starts_with("must "));
  }
  CHECK_FALSE(parse_wanted("203.0.113.10=" + std::string(254, 'x')));
}

TEST_CASE("communities") {
  CHECK(parse_community("65000:100")->parts == std::vector<std::uint32_t>{65000, 100});
  CHECK(parse_community("4200000000:1:2")->parts == std::vector<std::uint32_t>{4200000000, 1, 2});
  for (const char* text :
       {"", "1", "1:", ":1", "65536:1", "1:65536", "1:2:3:4", "a:b", "1:2)", "4294967296:1:2"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_community(text));
  }
}

TEST_CASE("what BIRD includes") {
  const Site site{.as = 65001,
                  .communities = {*parse_community("65000:100"), *parse_community("65000:1:2")},
                  .prepends = 1,
                  .drain_prepends = 2};
  const std::vector<Wanted> all{wanted("203.0.113.10"), wanted("2001:db8::10/48"), wanted("203.0.113.12")};
  const std::vector<Route> routes{Route::kAnnounced, Route::kPrepended, Route::kWithdrawn};
  const std::string text = include_text(site, all, routes);
  CHECK(text == R"(# Written by weir, whenever its announcements change. What is changed by hand is lost.
protocol static weir_203_0_113_10 {
  ipv4;
  route 203.0.113.10/32 blackhole {
    bgp_path.prepend(65001);
    bgp_community.add((65000, 100));
    bgp_large_community.add((65000, 1, 2));
  };
}
protocol static weir_2001_db8__10 {  # prepended
  ipv6;
  route 2001:db8::/48 blackhole {
    bgp_path.prepend(65001);
    bgp_path.prepend(65001);
    bgp_path.prepend(65001);
    bgp_community.add((65000, 100));
    bgp_large_community.add((65000, 1, 2));
    bgp_community.add((65535, 0));
  };
}
)");
  CHECK(read_include(text, all) == routes);
}

TEST_CASE("without a number of its own network, nothing is prepended, but it says that it leaves") {
  const std::vector<Wanted> all{wanted("203.0.113.10")};
  const Site site{.prepends = 3};
  const std::vector<Route> announced{Route::kAnnounced};
  CHECK(include_text(site, all, announced).ends_with("  route 203.0.113.10/32 blackhole;\n}\n"));
  const std::vector<Route> prepended{Route::kPrepended};
  const std::string text = include_text(site, all, prepended);
  CHECK_FALSE(text.contains("bgp_path"));
  CHECK(text.contains("bgp_community.add((65535, 0));"));
}

TEST_CASE("what is read of a file is what it announces, and no more") {
  const std::vector<Wanted> all{wanted("203.0.113.1"), wanted("203.0.113.10")};
  const std::vector<Route> none{Route::kWithdrawn, Route::kWithdrawn};
  CHECK(read_include("", all) == none);
  CHECK(read_include("protocol static weir_203_0_113_1", all) == none);
  CHECK(read_include(include_text({}, all, none), all) == none);
  const std::vector<Route> second{Route::kWithdrawn, Route::kAnnounced};
  CHECK(read_include(include_text({}, all, second), all) == second);
}

TEST_CASE("routes have names") {
  CHECK(name_of(Route::kWithdrawn) == "withdrawn");
  CHECK(name_of(Route::kAnnounced) == "announced");
  CHECK(name_of(Route::kPrepended) == "prepended");
}

}  // namespace
}  // namespace weir::anycast
