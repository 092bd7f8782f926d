// Whatever is sent as a certificate request: refused with a sentence, or a key that a certificate is made
// for.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "testing/manual_time.h"
#include "tls/authority.h"
#include "tls/certificate_request.h"

namespace {

using namespace weir;

const tls::Authority& authority() {
  static const tls::Authority made =
      *tls::Authority::load(*tls::Authority::create("fuzz", testing::ManualClock::kWallStart));
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view request(reinterpret_cast<const char*>(data), size);
  const auto key = tls::key_of_request(request);
  const auto chain =
      authority().certify(request, "spiffe://weir.localhost/edge/fuzz", testing::ManualClock::kWallStart);
  WEIR_CHECK(key.has_value() == chain.has_value());
  if (!key) WEIR_CHECK(std::string_view(key.error().text).size() > 10);
  if (chain) WEIR_CHECK(chain->find("BEGIN CERTIFICATE") != std::string::npos);
  return 0;
}
