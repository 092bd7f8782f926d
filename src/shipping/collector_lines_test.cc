// A collector as a target of the access log, with its thread, on real sockets: nobody is there to take them.
#include "shipping/collector_lines.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "record/access_log.h"
#include "record/log_file.h"
#include "store/temporary_directory.h"
#include "testing/memory_log.h"

namespace weir::shipping {
namespace {

TEST_CASE(
    "lines for a collector that is away are on disk when the process ends, and there again for the next") {
  const store::TemporaryDirectory directory;
  testing::MemoryLog log;
  auto station = Station::create(log);
  REQUIRE(station.has_value());
  const auto open = [&] {
    // Nobody listens on port 1.
    auto opened = CollectorLines::open(
        "name", **station,
        {.collector = {.url = "http://127.0.0.1:1/", .header_file = {}, .context = nullptr},
         .folder = directory.path(),
         .spool_bytes_max = Spool::kBytesMin});
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
    return std::move(*opened);
  };
  {
    record::AccessLog access_log;
    auto file = record::LogFile::open(record::AccessLogTarget::parse(directory.file("log")), log);
    REQUIRE(file.has_value());
    record::LogFile& first = **file;
    access_log.add(std::move(*file));
    access_log.add(open());
    std::string lines = "{1}\n{2}\n";
    access_log.give(lines, 2);
    CHECK(lines.empty());
    while (first.written() < 2) std::this_thread::yield();
    std::string metrics;
    do {
      metrics.clear();
      access_log.write_metrics(metrics);
    } while (metrics.find("weir_access_log_spooled_bytes{target=\"name\"} 8\n") == metrics.npos ||
             metrics.find("weir_access_log_failing{target=\"name\",error=\"127.0.0.1:1: ") == metrics.npos);
    CHECK(metrics.find("weir_access_log_lines_total{target=\"name\"} 0\n") != metrics.npos);
    CHECK(metrics.find("weir_access_log_dropped_lines_total{target=\"name\"} 0\n") != metrics.npos);
    CHECK(metrics.find("weir_access_log_lines_total{target=\"" + directory.file("log") + "\"} 2\n") !=
          metrics.npos);
    CHECK(metrics.find("weir_access_log_lag_seconds{target=\"name\"} ") != metrics.npos);
    lines = "{3}\n";
    access_log.give(lines, 1);
  }
  const auto next = open();
  CHECK(next->waiting()->bytes == 12);
  CHECK(next->written() == 0);
  CHECK(next->dropped() == 0);
}

}  // namespace
}  // namespace weir::shipping
