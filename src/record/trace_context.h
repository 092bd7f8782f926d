// The id of a distributed trace, as a client or a proxy before us says it in traceparent (W3C Trace Context,
// section 3.2). weir passes traceparent and tracestate on as they are and begins no trace itself. Pure.
#pragma once

#include <string_view>

namespace weir::record {

// 32 lower-case hex digits, or nothing when the value is no valid traceparent.
std::string_view trace_id_of(std::string_view traceparent);

}  // namespace weir::record
