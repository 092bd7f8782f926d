// Bytes from an edge: what is taken for a report stays within the limits, and written again it is the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "report/report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::report;
  const auto report = parse_report({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  WEIR_CHECK(report->endpoints.size() <= kReportEndpointsMax);
  if (report->load && report->load->services) {
    WEIR_CHECK(report->load->services->of.size() <= kReportServicesMax);
    for (const ServiceLoad& one : report->load->services->of) {
      WEIR_CHECK(one.zones.size() <= kReportZonesMax);
    }
  }
  WEIR_CHECK(report->intervals.size() <= kIntervalsMax);
  for (const Interval& one : report->intervals) WEIR_CHECK(one.measured.size() <= kMeasuredMax);
  const auto again = parse_report(serialize(*report));
  WEIR_CHECK(again.has_value() && *again == *report);
  return 0;
}
