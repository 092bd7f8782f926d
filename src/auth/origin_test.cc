#include "auth/origin.h"

#include <doctest/doctest.h>

namespace weir::auth {
namespace {

TEST_CASE("an origin has one address, which is nobody else's and no IP address") {
  const net::Address laptop = origin_address("web", "laptop");
  CHECK(laptop == origin_address("web", "laptop"));
  CHECK(laptop.is_tunnel());
  CHECK_FALSE(laptop.is_v6());
  CHECK_FALSE(laptop.is_loopback());
  CHECK_FALSE(laptop.is_any());
  CHECK(laptop.to_string() == "tunnel-f23406e38d37017cb96cbf92d806bb46");
  CHECK_FALSE(laptop == origin_address("web", "desk"));
  CHECK_FALSE(laptop == origin_address("shop", "laptop"));
  CHECK_FALSE(origin_address("a", "bc") == origin_address("ab", "c"));
  CHECK_FALSE(net::Address::parse(laptop.to_string()).has_value());
}

}  // namespace
}  // namespace weir::auth
