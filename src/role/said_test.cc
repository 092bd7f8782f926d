#include "role/said.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::role {
namespace {

using Sums = record::ServiceLoads::Sums;

TEST_CASE("of each service it is told what was carried since, in each zone, and what is in flight") {
  const Sums before{.of = {{{"back", "fra"}, {100, 0}},
                           {{"gone", "fra"}, {5, 1}},
                           {{"idle", "fra"}, {7, 0}},
                           {{"web", "ams"}, {10, 2}}},
                    .all = true};
  const Sums now{.of = {{{"back", "fra"}, {3, 0}},
                        {{"idle", "fra"}, {7, 0}},
                        {{"long", "fra"}, {0, 4}},
                        {{"web", "ams"}, {15, 0}},
                        {{"web", "fra"}, {2, 1}}},
                 .all = true};
  CHECK(services_since(now, before) == report::ServiceLoads{.of = {{"back", {{"fra", 3, 0}}},
                                                                   {"long", {{"fra", 0, 4}}},
                                                                   {"web", {{"ams", 5, 0}, {"fra", 2, 1}}}},
                                                            .left_out = false});
  CHECK(services_since(Sums{.of = {}, .all = false}, {}) == report::ServiceLoads{.of = {}, .left_out = true});
}

TEST_CASE("beyond what a report holds, those that carry the most are told") {
  Sums now;
  for (std::size_t i = 0; i < report::kReportServicesMax + 2; ++i) {
    now.of[{"s" + std::to_string(i), "fra"}] = {.requests = i < 2 ? 1U : 5U, .in_flight = 0};
  }
  const report::ServiceLoads most = services_since(now, {});
  CHECK(most.left_out);
  CHECK(most.of.size() == report::kReportServicesMax);
  for (const report::ServiceLoad& one : most.of) CHECK(one.zones.front().requests == 5);

  now.of.clear();
  for (std::size_t i = 0; i <= report::kReportZonesMax; ++i) {
    now.of[{"web", "zone" + std::to_string(i)}] = {.requests = 1, .in_flight = 0};
  }
  const report::ServiceLoads zones = services_since(now, {});
  CHECK(zones.left_out);
  REQUIRE(zones.of.size() == 1);
  CHECK(zones.of.front().zones.size() == report::kReportZonesMax);
  CHECK(report::parse_report(report::serialize({.load = report::Load{.services = zones}})).has_value());
}

TEST_CASE("what is rarely in flight is not nothing") {
  using Rate = report::ServiceRates::Rate;
  CHECK(scaled_by(Rate{}).in_flight == 0);
  CHECK(scaled_by(Rate{.requests_per_second = 0.1}).in_flight > 0);
  CHECK(scaled_by(Rate{.requests_per_second = 0.1}).requests_per_second == 0.1);
  CHECK(scaled_by(Rate{.requests_per_second = 9, .in_flight = 4}).in_flight == 4);
  CHECK(scaled_by(Rate{.unknown = "the edge a has gone"}).unknown == "the edge a has gone");
}

}  // namespace
}  // namespace weir::role
