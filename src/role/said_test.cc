#include "role/said.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "testing/fake_env.h"

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

TEST_CASE(
    "of each name it is told what was counted since; who has begun anew loses the beginning, and no more") {
  using report::Measured;
  using Traffic = record::Traffic::Sums;
  record::Traffic::Sum was;
  was.responses = {1, 0, 10, 0, 0, 2};
  was.durations.counts[3] = 10;
  was.bytes_received = 100;
  record::Traffic::Sum is = was;
  is.responses = {2, 0, 15, 0, 1, 3};
  is.durations.counts[3] = 17;
  is.bytes_received = 150;
  is.connections = 9;
  is.connections_ended = 4;
  is.connections_failed = 1;
  is.under_way = 6;
  record::Traffic::Sum less = was;
  less.responses[2] = 1;
  less.under_way = 2;
  record::Traffic::Sum upstream;
  upstream.upstream.counts[5] = 4;
  std::vector<Measured> all;
  add_measured(Measured::Sort::kService, Traffic{{"anew", less}, {"idle", was}, {"web", is}},
               Traffic{{"anew", was}, {"gone", was}, {"idle", was}, {"web", was}}, all);
  REQUIRE(all.size() == 2);
  CHECK(all[0] == Measured{.sort = Measured::Sort::kService, .name = "anew", .in_flight = 2});
  Measured wanted{.sort = Measured::Sort::kService,
                  .name = "web",
                  .requests = 12,
                  .errors = 3,
                  .bytes_in = 50,
                  .in_flight = 6,
                  .connections = 5};
  wanted.durations[3] = 7;
  CHECK(all[1] == wanted);
  all.clear();
  add_measured(Measured::Sort::kEndpoint, Traffic{{"web/a", upstream}}, {}, all);
  CHECK(all.at(0).durations[5] == 4);
}

TEST_CASE("of each node it is told what its instances take, by workload and together") {
  using report::Measured;
  testing::FakeEnv fake;
  workload::Roster roster(fake.env);
  config::Whole objects;
  for (const char* name : {"web-1", "web-2", "db-1"}) {
    config::InstanceSpec spec;
    spec.workload = std::string(name, 2) == "db" ? "db" : "web";
    spec.node = "n1";
    objects.put(std::make_shared<const config::Object>(
        config::Object{.metadata = {.name = name}, .spec = std::move(spec), .status = {}}));
  }
  roster.attach({.node = "n1"});
  nodelink::NodeReport report;
  for (const char* name : {"web-1", "web-2", "db-1", "unknown"}) {
    report.instances.push_back({.name = name, .cpu_milli = 100, .memory_bytes = 1000});
  }
  roster.report("n1", report);
  const NodeMeasures all = measured_of(roster, objects);
  REQUIRE(all.size() == 1);
  const std::vector<Measured>& told = all.at("n1");
  CHECK(told.at(0) == Measured{.cpu_milli = 300, .memory_bytes = 3000});
  CHECK(told.size() == 6);
  CHECK(std::ranges::count(told, Measured{.sort = Measured::Sort::kWorkload,
                                          .name = "web",
                                          .cpu_milli = 200,
                                          .memory_bytes = 2000}) == 1);
  CHECK(std::ranges::count(told, Measured{.sort = Measured::Sort::kInstance,
                                          .name = "db/db-1",
                                          .cpu_milli = 100,
                                          .memory_bytes = 1000}) == 1);
  roster.detach("n1");
  CHECK(measured_of(roster, objects).empty());
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
