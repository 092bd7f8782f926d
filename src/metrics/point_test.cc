#include "metrics/point.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "metrics/window.h"

namespace weir::metrics {
namespace {

using namespace std::chrono_literals;

Point requests(std::uint64_t count) { return {.requests = count}; }
Point of_first_step(std::uint64_t count) { return {.requests = count, .steps = 1}; }

std::vector<std::pair<std::int64_t, std::uint64_t>> all_of(const Track& track, std::int64_t from,
                                                           std::int64_t to) {
  std::vector<std::pair<std::int64_t, std::uint64_t>> all;
  track.visit(from, to,
              [&](std::int64_t slot, const Point& point) { all.emplace_back(slot, point.requests); });
  return all;
}

TEST_CASE("numbers and points come back as they were put") {
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, ~std::uint64_t{0}}) {
    std::string bytes;
    put_number(bytes, number);
    std::string_view rest = bytes;
    CHECK(take_number(rest) == number);
    CHECK(rest.empty());
    rest = std::string_view(bytes).substr(0, bytes.size() - 1);
    CHECK_FALSE(take_number(rest).has_value());
  }
  Point point{.requests = 1,
              .errors = 2,
              .bytes_in = 300,
              .bytes_out = 1U << 31U,
              .in_flight = 5,
              .connections = 6,
              .cpu_milli = 7,
              .memory_bytes = 8,
              .queries = 10,
              .intervals = 9};
  point.durations[0] = 3;
  point.durations[kLatencyBuckets - 1] = 200;
  std::string bytes;
  put_point(bytes, point);
  std::string_view rest = bytes;
  CHECK(take_point(rest) == point);
  CHECK(rest.empty());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    rest = std::string_view(bytes).substr(0, cut);
    CHECK_FALSE(take_point(rest).has_value());
  }
  bytes.clear();
  put_point(bytes, {});
  CHECK(bytes.size() == 1);  // what was nothing takes no room
}

TEST_CASE("a duration beyond the last bucket is refused") {
  Point point;
  point.durations[0] = 1;
  std::string bytes;
  put_point(bytes, point);
  REQUIRE(bytes.size() == 5);  // that there are durations and no numbers, how many, the first and its count
  bytes.resize(2);
  put_number(bytes, 1);
  put_number(bytes, kLatencyBuckets);
  put_number(bytes, 1);
  std::string_view rest = bytes;
  CHECK_FALSE(take_point(rest).has_value());
}

TEST_CASE("a track tells the points of a span, several of one slot too") {
  Track track;
  CHECK(track.empty());
  for (std::int64_t slot = 100; slot < 300; slot += 2)
    track.add(slot, requests(static_cast<std::uint64_t>(slot)));
  track.add(298, requests(7));
  track.add(50, requests(8));  // of a clock that was put back: counts where the last one does
  CHECK(track.first() == 100);
  CHECK(track.last() == 298);
  CHECK(all_of(track, 0, 104) == std::vector<std::pair<std::int64_t, std::uint64_t>>{{100, 100}, {102, 102}});
  CHECK(all_of(track, 297, 1000) ==
        std::vector<std::pair<std::int64_t, std::uint64_t>>{{298, 298}, {298, 7}, {298, 8}});
  CHECK(all_of(track, 103, 104).empty());
  const std::size_t whole = track.bytes();
  track.drop_before(200);
  CHECK(track.bytes() < whole);
  CHECK(track.first() <= 200);
  CHECK(all_of(track, 200, 203) ==
        std::vector<std::pair<std::int64_t, std::uint64_t>>{{200, 200}, {202, 202}});
  track.drop_before(299);
  CHECK(track.empty());
  CHECK(track.bytes() == 0);
}

TEST_CASE("a window comes back as it was, and a damaged one does not") {
  Window window;
  window.heard["edges/fra"] = {.run = 77, .sequence = 12};
  window.entries = {
      {{Sort::kMachine, "", "edges/fra"}, 1000, {.requests = 4, .intervals = 30, .steps = 0x3fffffff}},
      {{Sort::kEndpoint, "web/10.0.0.1:80", "edges/fra"}, 999, of_first_step(3)},
      {{Sort::kEndpoint, "web/10.0.0.1:80", "edges/ams"}, 1000, of_first_step(1)}};
  const std::string bytes = to_bytes(window);
  CHECK(parse_window(bytes) == window);
  CHECK(bytes.find("web/10.0.0.1:80") == bytes.rfind("web/10.0.0.1:80"));  // once for all edges
  for (const std::string& wrong : {std::string(), "\1" + bytes.substr(1), bytes.substr(0, 20),
                                   bytes.substr(0, bytes.size() - 1), bytes + "\7"}) {
    CHECK_FALSE(parse_window(wrong).has_value());
  }
  for (const std::uint64_t steps : {std::uint64_t{0}, std::uint64_t{1} << 30U}) {
    window.entries[0].point.steps = steps;
    CHECK_FALSE(parse_window(to_bytes(window)).has_value());
  }
}

TEST_CASE("a quantile is read from the counts") {
  LatencyCounts counts{};
  CHECK_FALSE(latency_quantile(counts, 0.5).has_value());
  counts[latency_bucket(3ms)] = 100;  // above 2.8, up to 3.8 ms
  CHECK(latency_quantile(counts, 0.5) == 3300us);
  CHECK(latency_quantile(counts, 1) == 3800us);
  counts[latency_bucket(90ms)] = 100;
  CHECK(latency_quantile(counts, 0.75) == 85ms);
  counts = {};
  counts[kLatencyBuckets - 1] = 1;
  CHECK(latency_quantile(counts, 0.5) == 40s);
  CHECK(latency_bucket(250us) == 0);
  CHECK(latency_bucket(250us + 1ns) == 1);
  CHECK(latency_bucket(1h) == kLatencyBuckets - 1);
}

}  // namespace
}  // namespace weir::metrics
