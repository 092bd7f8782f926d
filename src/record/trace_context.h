// Trace context (W3C, level 1): traceparent, as a client or a proxy before us says it, and as weir says it to
// an endpoint. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::record {

inline constexpr std::size_t kTraceIdBytes = 32;  // hex digits
inline constexpr std::size_t kSpanIdBytes = 16;
inline constexpr std::size_t kTraceparentBytes = 55;

struct Traceparent {
  std::string_view trace_id;   // 32 lower-case hex digits
  std::string_view parent_id;  // 16
  bool sampled = false;
};

// All empty when the value is no valid traceparent (section 3.2).
Traceparent parse_traceparent(std::string_view value);
// 32 lower-case hex digits, or nothing when the value is no valid traceparent.
inline std::string_view trace_id_of(std::string_view traceparent) {
  return parse_traceparent(traceparent).trace_id;
}

// 16 lower-case hex digits.
std::array<char, kSpanIdBytes> hex_of(std::uint64_t number);

// What is known of a request's place in its trace, beside the trace's id. Its span is weir's own, of the
// whole request; each try has one of its own below it, whose id follows from that.
struct RequestTrace {
  std::uint64_t span = 0;  // 0: none was begun here, and traceparent goes on as it came
  bool sampled = false;    // the spans are told
  bool has_parent = false;
  std::array<char, kSpanIdBytes> parent;     // with has_parent
  std::array<char, kTraceparentBytes> sent;  // with a span: what the endpoint is told; of the last try

  // number: from 1. Never 0.
  std::uint64_t span_of_try(std::uint32_t number) const;
  // Makes `sent` that of a try of this trace.
  void set_try(std::string_view trace_id, std::uint32_t number);
  std::string_view sent_view() const { return {sent.data(), sent.size()}; }
};

}  // namespace weir::record
