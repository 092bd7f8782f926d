#include "anycast/settings.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::anycast {
namespace {

using namespace std::chrono_literals;

TEST_CASE("addresses and communities come one by one, or with commas") {
  AnycastOptions options;
  CHECK(add_addresses(options, "203.0.113.10,2001:db8::10/48=web").empty());
  CHECK(add_addresses(options, "203.0.113.11").empty());
  REQUIRE(options.wanted.size() == 3);
  CHECK(options.wanted[1].balancer == "web");
  CHECK(add_addresses(options, "203.0.113.12,").starts_with("must be"));
  CHECK(add_communities(options.site, "65000:1,65000:1:2").empty());
  CHECK(add_communities(options.site, "65000:2").empty());
  CHECK(options.site.communities.size() == 3);
  CHECK(add_communities(options.site, "65000").starts_with("must be"));
}

TEST_CASE("there are only so many of them") {
  AnycastOptions options;
  std::string wrong;
  for (std::size_t i = 0; i < kAddressesMax; ++i) {
    CHECK(add_addresses(options, "203.0.113." + std::to_string(i)).empty());
  }
  CHECK(add_addresses(options, "203.0.113.200") == "is given more than 32 addresses");
  for (std::size_t i = 0; i < kCommunitiesMax; ++i) CHECK(add_communities(options.site, "65000:1").empty());
  CHECK(add_communities(options.site, "65000:1") == "is given more than 16 communities");
}

TEST_CASE("numbers, times and words") {
  Site site;
  CHECK(set_as(site, "4200000000").empty());
  CHECK(site.as == 4200000000);
  for (const char* text : {"", "0", "AS65001", "4294967295", "-1"}) CHECK_FALSE(set_as(site, text).empty());
  CHECK(set_prepends(site.prepends, "10").empty());
  CHECK(site.prepends == 10);
  for (const char* text : {"", "11", "x"}) CHECK_FALSE(set_prepends(site.prepends, text).empty());
  Policy policy;
  CHECK(set_hold(policy, "1m").empty());
  CHECK(policy.hold == 60s);
  CHECK(set_hold(policy, "6m") == "must be a duration of at most 5m");
  CHECK(set_drain_wait(policy, "0s").empty());
  CHECK(policy.drain_wait == 0s);
  CHECK_FALSE(set_drain_wait(policy, "5").empty());
  CHECK(set_last(policy, "withdraw").empty());
  CHECK_FALSE(policy.keeps_last);
  CHECK(set_last(policy, "keep").empty());
  CHECK(policy.keeps_last);
  CHECK(set_last(policy, "lose") == "must be keep or withdraw");
  std::string path;
  CHECK(set_path(path, "/run/bird.ctl").empty());
  CHECK(path == "/run/bird.ctl");
  CHECK_FALSE(set_path(path, "").empty());
  CHECK_FALSE(set_path(path, std::string(101, 'x')).empty());
}

TEST_CASE("what does not go together") {
  StationOptions options;
  CHECK(problem_of(options).empty());
  options.anycast.site.as = 65001;
  CHECK(problem_of(options).starts_with("--anycast is missing"));
  CHECK(add_addresses(options.anycast, "203.0.113.10/24").empty());
  CHECK(problem_of(options).empty());
  options.anycast.site.prepends = 1;
  CHECK(problem_of(options).empty());
  options.anycast.site.as = 0;
  CHECK(problem_of(options).starts_with("--anycast-prepend needs --anycast-as"));
  options.anycast.site.as = 65001;
  CHECK(add_addresses(options.anycast, "203.0.113.11/24").empty());
  CHECK(problem_of(options) == "--anycast is given twice for 203.0.113.0/24");
}

}  // namespace
}  // namespace weir::anycast
