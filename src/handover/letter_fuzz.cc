// Whatever is received: a letter, or none; and one is the same when it is written and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "handover/letter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::handover;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto letter = read_letter(text, {});
  if (!letter) return 0;
  WEIR_CHECK(letter->enclosed.empty());
  const auto again = read_letter(to_text(*letter), {});
  WEIR_CHECK(again.has_value());
  WEIR_CHECK(to_text(*again) == to_text(*letter));
  return 0;
}
