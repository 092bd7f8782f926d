// Any bytes as each message: read without fault, and what was read as a request is written and read the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "xds/discovery.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::xds;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)decode_request(Variant::kWhole, bytes);
  if (const auto response = decode_response(bytes)) {
    const auto again = decode_response(encode(Variant::kDelta, *response));
    WEIR_CHECK(again.has_value());
    WEIR_CHECK(again->resources.size() == response->resources.size());
    WEIR_CHECK(again->removed == response->removed);
  }
  if (const auto request = decode_request(Variant::kDelta, bytes)) {
    const std::string written = encode(*request);
    const auto again = decode_request(Variant::kDelta, written);
    WEIR_CHECK(again.has_value());
    WEIR_CHECK(again->names == request->names);
    WEIR_CHECK(again->initial_versions == request->initial_versions);
    WEIR_CHECK(again->error == request->error);
  }
  return 0;
}
