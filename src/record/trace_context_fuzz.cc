// Whatever a client puts into its traceparent field.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "record/trace_context.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::record;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view id = trace_id_of(text);
  if (id.empty()) return 0;
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  WEIR_CHECK(id.size() == 32 && id.data() == text.data() + 3);
  WEIR_CHECK(std::ranges::all_of(id, is_digit));
  WEIR_CHECK(std::ranges::any_of(id, [](char c) { return c != '0'; }));
  // What says nothing of the version that it has must be read the same as version 0.
  WEIR_CHECK(trace_id_of("00" + std::string(text.substr(2, 53))) == id);
  return 0;
}
