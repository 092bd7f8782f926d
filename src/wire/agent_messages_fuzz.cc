// Bytes from an agent or from an edge: what is taken for a message stays within the limits, and written again
// it is the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/agent_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::wire;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto said = parse_from_agent(bytes)) {
    const auto again = parse_from_agent(serialize(*said));
    WEIR_CHECK(again.has_value() && *again == *said);
    if (const auto* wanted = std::get_if<Register>(&*said); wanted != nullptr) {
      WEIR_CHECK(wanted->weight > 0 && wanted->hostname.size() <= kTextBytesMax);
    }
  }
  if (const auto said = parse_from_edge(bytes)) {
    const auto again = parse_from_edge(serialize(*said));
    WEIR_CHECK(again.has_value() && *again == *said);
    if (const auto* answer = std::get_if<Registered>(&*said); answer != nullptr) {
      WEIR_CHECK(answer->urls.size() <= kUrlsMax);
    }
  }
  return 0;
}
