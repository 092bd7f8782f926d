#include "filter/filter_fixture.h"

namespace weir::filter {
namespace {

config::Route limited(std::vector<config::RateLimit> limits) {
  config::Route route;
  route.rate_limits = std::move(limits);
  return route;
}

TEST_CASE("one bucket for a route, or one for each address, field value, or both together") {
  struct Case {
    config::RateLimit limit;
    const char* peer;    // of the second request; the first comes from 192.0.2.1 with X-Key: a
    const char* fields;  // likewise
    bool shared;
  };
  const config::RateLimit all{.requests = 1, .per = 10s};
  const config::RateLimit address{.requests = 1, .per = 10s, .by_address = true};
  const config::RateLimit field{.requests = 1, .per = 10s, .by_header = "x-key"};
  const config::RateLimit both{.requests = 1, .per = 10s, .by_address = true, .by_header = "x-key"};
  for (const Case& one :
       {Case{all, "192.0.2.9", "X-Key: b\r\n", true}, Case{address, "192.0.2.1", "X-Key: b\r\n", true},
        Case{address, "192.0.2.2", "X-Key: a\r\n", false}, Case{field, "192.0.2.2", "X-Key: a\r\n", true},
        Case{field, "192.0.2.1", "X-Key: b\r\n", false}, Case{field, "192.0.2.1", "", false},
        Case{both, "192.0.2.1", "X-Key: a\r\n", true}, Case{both, "192.0.2.2", "X-Key: a\r\n", false},
        Case{both, "192.0.2.1", "X-Key: b\r\n", false}}) {
    CAPTURE(one.peer);
    CAPTURE(one.fields);
    World world;
    const ChainPointer chain = world.chain_of(limited({one.limit}));
    CHECK(Call(world, "GET /", "X-Key: a\r\n").status(chain) == 0);
    CHECK(Call(world, "GET /", one.fields, one.peer).status(chain) == (one.shared ? 429 : 0));
  }
}

TEST_CASE("a machine of IPv6 is its /64") {
  World world;
  const ChainPointer chain = world.chain_of(limited({{.requests = 1, .per = 10s, .by_address = true}}));
  CHECK(Call(world, "GET /", "", "2001:db8:0:1::1").status(chain) == 0);
  CHECK(Call(world, "GET /", "", "2001:db8:0:1:ffff::2").status(chain) == 429);
  CHECK(Call(world, "GET /", "", "2001:db8:0:2::1").status(chain) == 0);
}

TEST_CASE("several limits all hold; a refusal says when to come again and what the limit is") {
  World world;
  const ChainPointer chain = world.chain_of(
      limited({{.requests = 10, .per = 1s}, {.requests = 2, .per = 60s, .burst = 3, .by_address = true}}));
  for (int i = 0; i < 3; ++i) CHECK(Call(world, "GET /").status(chain) == 0);
  Call call(world, "GET /");
  const auto response = call.pass(chain);
  REQUIRE(response);
  CHECK(response->head.status == 429);
  CHECK(field_of(*response, "Retry-After") == "30");
  CHECK(field_of(*response, "RateLimit-Policy") == "\"weir\";q=2;w=60");
  CHECK(field_of(*response, "RateLimit") == "\"weir\";r=0;t=30");
  CHECK(field_of(*response, "weir-reason") == "rate_limited");
  CHECK(Call(world, "GET /", "", "192.0.2.2").status(chain) == 0);
  world.fake.advance(30s);
  CHECK(Call(world, "GET /").status(chain) == 0);
  CHECK(Call(world, "GET /").status(chain) == 429);
}

TEST_CASE(
    "buckets belong to the route: filters that are made anew go on with them, another route has its own") {
  World world;
  const config::Route route = limited({{.requests = 1, .per = 10s}});
  CHECK(Call(world, "GET /").status(world.chain_of(route)) == 0);
  CHECK(Call(world, "GET /").status(world.chain_of(route)) == 429);
  const ChainPointer other =
      make_chain(route, {"other path prefix /", "other", false, world.snapshot, world.common}, nullptr);
  CHECK(Call(world, "GET /").status(other) == 0);
}

}  // namespace
}  // namespace weir::filter
