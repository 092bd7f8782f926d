#include "shipping/spans.h"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "cloud/client_fixture.h"
#include "testing/fake_env.h"
#include "testing/memory_log.h"

namespace weir::shipping {
namespace {

using namespace std::chrono_literals;
using cloud::PlayedProvider;
using testing::FakeEnv;

struct Place {
  FakeEnv fake;
  ShipperCounts counts;
  std::deque<SpanPack> waiting;
  std::unique_ptr<SpanShipper> shipper;

  Place() {
    auto collector = Collector::open(
        fake.env, {.url = "http://127.0.0.1:8081/v1/traces", .header_file = {}, .context = nullptr});
    REQUIRE(collector.has_value());
    shipper = std::make_unique<SpanShipper>(
        fake.env, std::move(*collector),
        SpanShipper::Resource{{"service.name", "weir"}, {"cloud.region", ""}, {"host.name", "a \"b\""}},
        [this] { return next(); }, counts);
    shipper->start();
  }
  std::optional<SpanPack> next() {
    if (waiting.empty()) return std::nullopt;
    SpanPack pack = std::move(waiting.front());
    waiting.pop_front();
    return pack;
  }
  void give(std::string spans, std::uint64_t count = 1) {
    waiting.push_back({std::move(spans), count});
    shipper->arrived();
    fake.run_until_idle();
  }
  void stop() { CHECK(fake.run(shipper->stop(), 2s)); }
};

std::string content_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

TEST_CASE("spans are posted together, as one message of OTLP") {
  Place place;
  PlayedProvider collector(place.fake);
  place.give("{1},");
  place.give("{2},{3},", 2);
  CHECK(collector.request() == "");
  place.fake.advance(SpanShipper::kGather);
  const std::string request = collector.request();
  CHECK(request.starts_with("POST /v1/traces HTTP/1.1\r\n"));
  CHECK(request.find("\r\nContent-Type: application/json\r\n") != request.npos);
  CHECK(
      content_of(request) ==
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"weir"}},)"
      R"({"key":"host.name","value":{"stringValue":"a \"b\""}}]},"scopeSpans":[{"scope":{"name":"weir",)"
      R"("version":")" WEIR_VERSION R"("},"spans":[{1},{2},{3}]}]}]})");
  collector.answer("200 OK", "{}");
  place.stop();
  CHECK(place.counts.taken == 3);
  CHECK(place.counts.dropped == 0);
}

TEST_CASE("a message has a bound") {
  Place place;
  PlayedProvider collector(place.fake);
  const std::string large(SpanShipper::kPostBytesMax / 2 + 1, '1');
  for (int i = 0; i < 3; ++i) place.waiting.push_back({large + ',', 1});
  place.give("2,");
  place.fake.advance(SpanShipper::kGather);
  CHECK(content_of(collector.request()).size() < 3 * large.size());
  collector.answer("200 OK", "{}");
  CHECK(content_of(collector.request()).find("2]}]}]}") != std::string::npos);
  collector.answer("200 OK", "{}");
  place.stop();
  CHECK(place.counts.taken == 4);
}

TEST_CASE("who is busy is asked again, some times; then the spans go, and are counted") {
  Place place;
  PlayedProvider collector(place.fake);
  place.give("{1},", 7);
  place.fake.advance(SpanShipper::kGather);
  for (int i = 1; i <= SpanShipper::kTriesMax; ++i) {
    CHECK(content_of(collector.request()).find("{1}") != std::string::npos);
    collector.answer("503 Service Unavailable", "");
    place.fake.advance(20s);
  }
  CHECK(collector.request() == "");
  CHECK(place.counts.dropped == 7);
  CHECK(place.counts.trouble() == "127.0.0.1:8081 answers with status 503");
  CHECK(place.fake.log.count("traces are not taken by their collector") == 1);
  place.give("{2},");
  place.fake.advance(SpanShipper::kGather);
  CHECK(content_of(collector.request()).find("{2}") != std::string::npos);
  collector.answer("200 OK", "{}");
  place.fake.run_until_idle();
  CHECK(place.counts.trouble().empty());
  CHECK(place.fake.log.count("traces are taken by their collector again") == 1);
  place.stop();
}

TEST_CASE("what is refused for what it is, is not sent again") {
  Place place;
  PlayedProvider collector(place.fake);
  place.give("{1},", 2);
  place.fake.advance(SpanShipper::kGather);
  CHECK(collector.request() != "");
  collector.answer("400 Bad Request", "");
  place.fake.advance(1min);
  CHECK(collector.request() == "");
  CHECK(place.counts.dropped == 2);
  place.stop();
}

TEST_CASE("at the end, a collector that does not answer, or is not there, holds up nobody") {
  Place place;
  SUBCASE("it does not answer") {
    PlayedProvider collector(place.fake);
    place.give("{1},");
    place.fake.advance(SpanShipper::kGather);
    place.give("{2},", 2);
    place.stop();
  }
  SUBCASE("it is not there") {
    place.give("{1},");
    place.fake.advance(SpanShipper::kGather);
    place.give("{2},", 2);
    place.stop();
  }
  CHECK(place.counts.taken == 0);
  CHECK(place.counts.dropped == 3);
}

TEST_CASE("as a target of the cores of traffic, with its thread") {
  testing::MemoryLog log;
  auto station = Station::create(log);
  REQUIRE(station.has_value());
  CHECK_FALSE(
      SpanTarget::open("traces", **station, {.url = "nowhere", .header_file = {}, .context = nullptr}, {}));
  auto opened = SpanTarget::open("traces", **station,
                                 {.url = "http://127.0.0.1:1/", .header_file = {}, .context = nullptr}, {});
  REQUIRE(opened.has_value());
  std::string spans = "{1},{2},";
  (*opened)->give(spans, 2);
  CHECK(spans.empty());
  std::string metrics;
  do {
    metrics.clear();
    (*opened)->write_metrics(metrics);
  } while (metrics.find("weir_trace_failing 1\n") == metrics.npos);
  CHECK(metrics.find("weir_trace_spans_total 0\n") != metrics.npos);
  CHECK(metrics.find("weir_trace_dropped_spans_total 0\n") != metrics.npos);
}

}  // namespace
}  // namespace weir::shipping
