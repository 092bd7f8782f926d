// Bytes from a node: what is taken for a report stays within the limits, and written again it is the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "nodelink/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::nodelink;
  const auto report = parse_report({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  WEIR_CHECK(report->instances.size() <= kReportSeenMax && report->gone.size() <= kReportGoneMax);
  const auto again = parse_report(serialize(*report));
  WEIR_CHECK(again.has_value() && *again == *report);
  return 0;
}
