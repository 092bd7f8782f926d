// The program that measures docs/scale.md, small: each step reaches those that it is to reach, and no others.
#include "sim/scale.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

#include "testing/manual_time.h"

namespace weir::sim {
namespace {

TEST_CASE("a small world of a size: who is told what") {
  for (const std::size_t controllers : {1, 2}) {
    std::map<std::string, ScaleStep> steps;
    Scale scale({.controllers = controllers,
                 .edges = 13,
                 .whole_edges = 1,
                 .groups = 4,
                 .balancers = 40,
                 .endpoints = 3,
                 .tunnels = 8},
                std::make_shared<const tls::Authority>(
                    *tls::Authority::load(*tls::Authority::create("weir", testing::ManualClock::kWallStart))),
                [&](const ScaleStep& step) { steps[step.what] = step; });
    REQUIRE(scale.run());
    // Ten load balancers with a service each, two tunnels, the revision, and what all edges have.
    constexpr std::uint64_t kOfGroup = 10 + 10 + 2 + 1 + 1;
    CHECK(steps["an edge of each group comes"].edges == 4);
    CHECK(steps["an edge of each group comes"].resources == 4 * kOfGroup);
    CHECK(steps["all other edges come"].edges == 8);
    CHECK(steps["all other edges come"].resources == 8 * kOfGroup);
    CHECK(steps["ten seconds pass"].edges == 0);
    CHECK(steps["an endpoint becomes another"].edges == 3);
    CHECK(steps["an endpoint becomes another"].resources == 3 * 2);  // the service, and the revision
    CHECK(steps["a load balancer more, of one group"].edges == 3);
    CHECK(steps["a load balancer more, of one group"].resources == 3 * 3);
    CHECK(steps["a load balancer more, of every edge"].edges == 12);
    CHECK(steps["a load balancer more, of every edge"].resources == 12 * 3);
    // They have all but what a controller makes anew: the revision, and the certificate of last resort. Who
    // goes to a controller that then starts again is told by that one, too.
    CHECK(steps["controllers start again"].resources >= 12 * 2);
    CHECK(steps["controllers start again"].resources <= controllers * 12 * 2);
  }
}

}  // namespace
}  // namespace weir::sim
