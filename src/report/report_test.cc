#include "report/report.h"

#include <doctest/doctest.h>
#include <weir.pb.h>

#include <limits>

#include "xds/resource.h"

namespace weir::report {
namespace {

using namespace std::chrono_literals;

Interval interval() {
  Measured service{.sort = Measured::Sort::kService,
                   .name = "web",
                   .requests = 9,
                   .errors = 1,
                   .bytes_in = 100,
                   .bytes_out = 5000,
                   .in_flight = 3};
  service.durations[2] = 8;
  service.durations[kLatencyBuckets - 1] = 1;
  return {
      .run = 0xfedcba9876543210,
      .sequence = 17,
      .span = 10'001ms,
      .age = 12ms,
      .measured = {{.connections = 4, .queries = 6},
                   service,
                   {.sort = Measured::Sort::kInstance, .name = "w/i", .cpu_milli = 7, .memory_bytes = 8}}};
}

Report full() {
  return {.hello = Hello{.node = "fra-1",
                         .version = "0.1.0",
                         .provider = "hetzner",
                         .region = "eu-central",
                         .city = "fra",
                         .labels = {{"tier", "a"}, {"zone", "2"}},
                         .capabilities = {"tls", "h2"},
                         .address = "192.0.2.1",
                         .relay = "192.0.2.1:8444"},
          .endpoints = {{"web", "10.0.0.1:80", EndpointState::kHealthy, ""},
                        {"web", "10.0.0.2:80", EndpointState::kUnhealthy, "connection refused"},
                        {"db", "10.0.0.3:5432", EndpointState::kGone, ""}},
          .tunnels = {{.service = "web",
                       .instance = "laptop",
                       .session = "7",
                       .user = "ada",
                       .client = "192.0.2.7:5000",
                       .weight = 2,
                       .priority = 1,
                       .hostname = "web.weir.example"},
                      {.service = "web", .instance = "desk", .session = "8", .agent = true},
                      {.service = "web", .instance = "old", .session = "3", .gone = true}},
          .load = Load{.requests = 10,
                       .errors_5xx = 1,
                       .connections = 3,
                       .latency_counts = {7, 2, 0, 1},
                       .applied_revision = 42,
                       .span = 5000ms,
                       .services = ServiceLoads{.of = {{"db", {{"fra", 0, 3}}},
                                                       {"web", {{"ams", 4, 0}, {"fra", 6, 2}}}},
                                                .left_out = true}},
          .refused = {{{"services/web", "no certificate"}}},
          .anycast = {{{"203.0.113.10/32", AnycastRoute::kPrepended, true, "it ends"},
                       {"2001:db8::10/128", AnycastRoute::kAnnounced, false, ""}}},
          .intervals = {interval()}};
}

TEST_CASE("a report goes over the wire as it is") {
  CHECK(*parse_report(serialize(full())) == full());
  CHECK(*parse_report(serialize(Report{})) == Report{});
  Report none_refused;
  none_refused.refused.emplace();
  CHECK(*parse_report(serialize(none_refused)) == none_refused);
  Report none_announced;
  none_announced.anycast.emplace();
  CHECK(*parse_report(serialize(none_announced)) == none_announced);
  Report none_carried{.load = Load{.services = ServiceLoads{}}};
  CHECK(*parse_report(serialize(none_carried)) == none_carried);
  none_carried.load->services.reset();
  CHECK(*parse_report(serialize(none_carried)) == none_carried);
  const Reply reply{
      .seen = 7, .anycast = {{"203.0.113.10/32", 2, true}}, .withdraw = true, .opens = {{"id", "what"}}};
  CHECK(*parse_reply(serialize(reply)) == reply);
  CHECK(*parse_reply(serialize(Reply{})) == Reply{});
  CHECK_FALSE(parse_reply("\xff"));
}

TEST_CASE("the states are those of the message") {
  CHECK(static_cast<int>(EndpointState::kUnknown) == v1::EndpointSeen::UNKNOWN);
  CHECK(static_cast<int>(EndpointState::kHealthy) == v1::EndpointSeen::HEALTHY);
  CHECK(static_cast<int>(EndpointState::kUnhealthy) == v1::EndpointSeen::UNHEALTHY);
  CHECK(static_cast<int>(EndpointState::kGone) == v1::EndpointSeen::GONE);
  v1::Report message;
  message.add_endpoints()->set_state(static_cast<v1::EndpointSeen::State>(99));
  CHECK(parse_report(xds::serialize(message))->endpoints[0].state == EndpointState::kUnknown);
  CHECK(static_cast<int>(AnycastRoute::kWithdrawn) == v1::AnycastSeen::WITHDRAWN);
  CHECK(static_cast<int>(AnycastRoute::kAnnounced) == v1::AnycastSeen::ANNOUNCED);
  CHECK(static_cast<int>(AnycastRoute::kPrepended) == v1::AnycastSeen::PREPENDED);
  message.set_anycast_changed(true);
  message.add_anycast()->set_route(static_cast<v1::AnycastSeen::Route>(99));
  CHECK(parse_report(xds::serialize(message))->anycast->front().route == AnycastRoute::kWithdrawn);
}

bool refused(const Report& report) { return !parse_report(serialize(report)).has_value(); }

TEST_CASE("intervals that say too much are refused, sorts of a later version passed over, ages bounded") {
  Report report;
  report.intervals.assign(kIntervalsMax, interval());
  report.intervals[0].measured.assign(kMeasuredMax, {});
  report.intervals[1].measured[1].name = std::string(kReportTextBytesMax, 'x');
  CHECK_FALSE(refused(report));
  report.intervals[0].measured.emplace_back();
  CHECK(refused(report));
  report.intervals[0].measured.clear();
  report.intervals[1].measured[1].name += 'x';
  CHECK(refused(report));
  report.intervals.assign(kIntervalsMax + 1, interval());
  CHECK(refused(report));

  v1::Report message;
  v1::Interval& one = *message.add_intervals();
  one.set_age_milliseconds(~std::uint64_t{0});
  one.add_measured()->set_sort(static_cast<v1::Measured::Sort>(99));
  one.add_measured()->set_sort(v1::Measured::INSTANCE);
  const auto parsed = parse_report(xds::serialize(message));
  REQUIRE(parsed);
  CHECK(parsed->intervals[0].age == kIntervalAgeMax);
  REQUIRE(parsed->intervals[0].measured.size() == 1);
  CHECK(parsed->intervals[0].measured[0].sort == Measured::Sort::kInstance);
  for (std::size_t i = 0; i <= kLatencyBuckets; ++i) one.mutable_measured(1)->add_durations(1);
  CHECK_FALSE(parse_report(xds::serialize(message)));
}

TEST_CASE("an interval ends at the clock's next multiple of ten seconds") {
  CHECK(until_interval_end(WallTime(20'000ms)) == 10s);
  CHECK(until_interval_end(WallTime(29'999ms)) == 1ms);
}

TEST_CASE("what goes beyond the limits is refused") {
  const std::string longest(kReportTextBytesMax, 'x');
  Report report = full();
  report.hello->node = longest;
  report.endpoints[0].reason = longest;
  CHECK_FALSE(refused(report));
  report.hello->node += 'x';
  CHECK(refused(report));
  report = full();
  report.endpoints[0].reason = longest + 'x';
  CHECK(refused(report));
  report = full();
  report.hello->labels["k"] = longest + 'x';
  CHECK(refused(report));
  report = full();
  for (std::size_t i = 0; i < kReportLabelsMax; ++i) report.hello->labels["k" + std::to_string(i)];
  CHECK(refused(report));
  report = full();
  report.hello->capabilities.assign(kReportCapabilitiesMax + 1, "x");
  CHECK(refused(report));
  report = full();
  report.endpoints.assign(kReportEndpointsMax, {});
  CHECK_FALSE(refused(report));
  report.endpoints.emplace_back();
  CHECK(refused(report));
  report = full();
  report.load->latency_counts.assign(kReportBucketsMax + 1, 1);
  CHECK(refused(report));
  report = full();
  report.refused->front().reason = longest + 'x';
  CHECK(refused(report));
  report = full();
  report.refused->assign(kReportRefusedMax + 1, {});
  CHECK(refused(report));
  report = full();
  report.tunnels.assign(kReportTunnelsMax + 1, {});
  CHECK(refused(report));
  report = full();
  report.tunnels.front().client = longest + 'x';
  CHECK(refused(report));
  report = full();
  report.anycast->front().reason = longest + 'x';
  CHECK(refused(report));
  report = full();
  report.anycast->assign(kReportAnycastMax, {});
  CHECK_FALSE(refused(report));
  report.anycast->emplace_back();
  CHECK(refused(report));
  Reply reply;
  reply.anycast.assign(kReportAnycastMax + 1, {});
  CHECK_FALSE(parse_reply(serialize(reply)));
  for (const channel::Open& wrong :
       {channel::Open{"", "what"}, channel::Open{std::string(kReportTextBytesMax + 1, 'x'), "what"},
        channel::Open{"id", std::string(channel::kOpenBytesMax + 1, 'x')}}) {
    CHECK_FALSE(parse_reply(serialize(Reply{.opens = {wrong}})));
  }
  CHECK(parse_reply(serialize(Reply{.opens = std::vector(channel::kOpensMax, channel::Open{"id", ""})})));
  CHECK_FALSE(
      parse_reply(serialize(Reply{.opens = std::vector(channel::kOpensMax + 1, channel::Open{"id", ""})})));
  v1::Report late;
  late.mutable_load()->set_milliseconds(std::numeric_limits<std::uint64_t>::max());
  CHECK(parse_report(xds::serialize(late))->load->span > 1000h);
  CHECK_FALSE(parse_report("\xff\xff"));
}

TEST_CASE("loads of too many services, or of too many zones, are refused") {
  const std::string longest(kReportTextBytesMax, 'x');
  Report report = full();
  report.load->services->of.assign(kReportServicesMax, {});
  report.load->services->of.front().service = longest;
  report.load->services->of.front().zones.assign(kReportZonesMax, {.zone = longest});
  CHECK_FALSE(refused(report));
  report.load->services->of.front().zones.front().zone += 'x';
  CHECK(refused(report));
  report.load->services->of.front().zones = {};
  report.load->services->of.front().service += 'x';
  CHECK(refused(report));
  report.load->services->of.front() = {};
  report.load->services->of.emplace_back();
  CHECK(refused(report));
  report = full();
  report.load->services->of.front().zones.assign(kReportZonesMax + 1, {});
  CHECK(refused(report));
}

}  // namespace
}  // namespace weir::report
