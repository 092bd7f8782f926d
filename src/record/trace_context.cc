#include "record/trace_context.h"

#include <algorithm>
#include <cstddef>

namespace weir::record {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceBytes = 32;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kParentBytes = 16;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kBytes = 55;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_id(std::string_view text) { return is_hex(text) && text.find_first_not_of('0') != text.npos; }

}  // namespace

std::string_view trace_id_of(std::string_view traceparent) {
  if (traceparent.size() < kBytes) return {};
  const std::string_view version = traceparent.substr(0, 2);
  const std::string_view trace = traceparent.substr(kTraceAt, kTraceBytes);
  const bool dashes = traceparent[kTraceAt - 1] == '-' && traceparent[kParentAt - 1] == '-' &&
                      traceparent[kFlagsAt - 1] == '-';
  // A later version may have more behind the flags.
  const bool ends = traceparent.size() == kBytes || (version != "00" && traceparent[kBytes] == '-');
  const bool valid = dashes && ends && is_hex(version) && version != "ff" && is_id(trace) &&
                     is_id(traceparent.substr(kParentAt, kParentBytes)) &&
                     is_hex(traceparent.substr(kFlagsAt, 2));
  return valid ? trace : std::string_view();
}

}  // namespace weir::record
