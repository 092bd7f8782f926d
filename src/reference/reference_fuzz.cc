// A path to explain: never a crash; what leads somewhere has a text, and what does not is refused in UTF-8.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "config/formats.h"
#include "reference/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto explained = weir::reference::explain({reinterpret_cast<const char*>(data), size});
  if (explained) {
    WEIR_CHECK(!explained->empty());
    return 0;
  }
  WEIR_CHECK(!explained.error().empty());
  for (const weir::config::Violation& violation : explained.error()) {
    WEIR_CHECK(!violation.message.empty());
    WEIR_CHECK(weir::config::is_utf8(violation.message));
  }
  return 0;
}
