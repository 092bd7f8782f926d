// Bytes of a row of the archive: never a crash; what is taken is the same when it is written again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "metrics/window.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::metrics;
  const auto window = parse_window({reinterpret_cast<const char*>(data), size});
  if (!window) return 0;
  const auto again = parse_window(to_bytes(*window));
  WEIR_CHECK(again.has_value() && *again == *window);
  return 0;
}
