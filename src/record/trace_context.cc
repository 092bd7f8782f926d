#include "record/trace_context.h"

#include <algorithm>
#include <cstddef>

#include "base/random.h"

namespace weir::record {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kFlagsAt = 53;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_id(std::string_view text) { return is_hex(text) && text.find_first_not_of('0') != text.npos; }

}  // namespace

Traceparent parse_traceparent(std::string_view value) {
  if (value.size() < kTraceparentBytes) return {};
  const std::string_view version = value.substr(0, 2);
  const std::string_view trace = value.substr(kTraceAt, kTraceIdBytes);
  const std::string_view parent = value.substr(kParentAt, kSpanIdBytes);
  const std::string_view flags = value.substr(kFlagsAt, 2);
  const bool dashes = value[kTraceAt - 1] == '-' && value[kParentAt - 1] == '-' && value[kFlagsAt - 1] == '-';
  // A later version may have more behind the flags.
  const bool ends = value.size() == kTraceparentBytes || (version != "00" && value[kTraceparentBytes] == '-');
  const bool valid =
      dashes && ends && is_hex(version) && version != "ff" && is_id(trace) && is_id(parent) && is_hex(flags);
  if (!valid) return {};
  const char last = flags[1];
  const int digit = last >= 'a' ? last - 'a' + 10 : last - '0';
  return {.trace_id = trace, .parent_id = parent, .sampled = (digit & 1) != 0};
}

std::array<char, kSpanIdBytes> hex_of(std::uint64_t number) {
  std::array<char, kSpanIdBytes> text;
  for (std::size_t i = kSpanIdBytes; i-- > 0; number >>= 4U) text[i] = "0123456789abcdef"[number & 15U];
  return text;
}

std::uint64_t RequestTrace::span_of_try(std::uint32_t number) const {
  const std::uint64_t id = Random(span + number).next();
  return id == 0 ? span : id;
}

void RequestTrace::set_try(std::string_view trace_id, std::uint32_t number) {
  const auto id = hex_of(span_of_try(number));
  char* next = sent.data();
  const auto put = [&next](std::string_view text) { next = std::ranges::copy(text, next).out; };
  put("00-");
  put(trace_id);
  put("-");
  put({id.data(), id.size()});
  put(sampled ? "-01" : "-00");
}

}  // namespace weir::record
