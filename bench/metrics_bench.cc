// What a day of metrics costs a controller: so many series that are all busy, from 40 edges, ten seconds
// after ten seconds. Prints bytes for each series, and the CPU of taking, closing, packing, restoring and
// asking.
//
//   metrics_bench [SERIES]      10,000 when absent
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "metrics/history.h"

namespace {

using namespace weir;
using namespace std::chrono_literals;
using metrics::History;

constexpr std::size_t kEdges = 40;
constexpr std::int64_t kBegin = 1'796'040'000;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

WallTime at(std::int64_t second) { return WallTime(std::chrono::seconds(kBegin + second)); }

// A busy endpoint: 30 to 3,000 requests, most of them within a few buckets.
report::Measured busy(std::size_t number, std::int64_t step) {
  report::Measured one{
      .sort = report::Measured::Sort::kEndpoint,
      .name = "service-" + std::to_string(number % 50) + "/10.0.0." + std::to_string(number) + ":8080"};
  one.requests = 30 + (number * 7919 + static_cast<std::size_t>(step) * 104'729) % 2'971;
  one.errors = one.requests / 500;
  one.in_flight = 1 + number % 20;
  for (std::size_t i = 0; i < 7; ++i) one.durations[6 + i] = one.requests >> (i + 1);
  return one;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t series = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000;
  History history(at(0));
  double taking = 0;
  double closing = 0;
  double packing = 0;
  std::size_t packed = 0;
  std::size_t windows = 0;
  std::vector<std::string> kept;
  std::size_t bytes_of_hour = 0;
  for (std::int64_t step = 1; step <= 8640; ++step) {
    for (std::size_t edge = 0; edge < kEdges; ++edge) {
      report::Interval interval{.run = 1, .sequence = static_cast<std::uint64_t>(step), .span = 10s};
      interval.measured.emplace_back();
      for (std::size_t i = 0; i < series / kEdges; ++i) interval.measured.push_back(busy(i, step));
      const double began = cpu_seconds();
      history.take("edges/edge-" + std::to_string(edge), interval, at(step * 10));
      taking += cpu_seconds() - began;
    }
    const double began = cpu_seconds();
    double pack = 0;
    history.tick(at(step * 10), [&](std::int64_t, const metrics::Window& window) {
      const double now = cpu_seconds();
      kept.push_back(metrics::to_bytes(window));
      packed += kept.back().size();
      ++windows;
      pack += cpu_seconds() - now;
    });
    packing += pack;
    closing += cpu_seconds() - began - pack;
    if (step == 360) bytes_of_hour = history.bytes();
  }
  const auto each = static_cast<double>(history.series());
  std::printf("%zu series, a day\n", history.series());
  std::printf("  memory of the first hour's steps: %.0f bytes a series\n",
              static_cast<double>(bytes_of_hour) / each);
  std::printf("  memory of a day:                  %.0f bytes a series, %.1f MiB\n",
              static_cast<double>(history.bytes()) / each, static_cast<double>(history.bytes()) / 1048576);
  std::printf("  disk:                             %.1f bytes a series and window, %.1f MiB a day\n",
              static_cast<double>(packed) / static_cast<double>(windows) / each,
              static_cast<double>(packed) / 1048576);
  std::printf(
      "  CPU: taking %.2f ms each 10 s; closing %.1f ms and packing %.1f ms each 5 min; together %.3f %% of "
      "a core\n",
      taking / 8640 * 1000, closing / static_cast<double>(windows) * 1000,
      packing / static_cast<double>(windows) * 1000, (taking + closing + packing) / 86400 * 100);
  double began = cpu_seconds();
  History again(at(86400));
  for (const std::string& bytes : kept) again.restore(*metrics::parse_window(bytes), at(86400));
  std::printf("  reading a day back: %.2f s of CPU\n", cpu_seconds() - began);
  for (const auto& [what, question] : std::vector<std::pair<const char*, metrics::Question>>{
           {"one endpoint, an hour",
            {.sort = metrics::Sort::kEndpoint,
             .name = "service-1/10.0.0.1:8080",
             .from = kBegin + 82'800,
             .to = kBegin + 86'400}},
           {"all of a service by endpoint, a day",
            {.sort = metrics::Sort::kEndpoint,
             .name = "service-1",
             .by = metrics::Grouping::kName,
             .from = kBegin,
             .to = kBegin + 86'400,
             .step = 300}},
           {"all there is, the last ten seconds", {.from = kBegin + 86'390, .to = kBegin + 86'400}}}) {
    began = cpu_seconds();
    const auto lines = history.ask(question);
    std::printf("  asking for %s: %.2f ms, %zu lines\n", what, (cpu_seconds() - began) * 1000, lines.size());
  }
  return 0;
}
