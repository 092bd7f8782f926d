// Whatever a client shows as its key or certificate: before anybody is known.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "ssh/certificate.h"
#include "ssh/key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const net::Slice blob(reinterpret_cast<const std::byte*>(data), size);
  const std::string_view type = ssh::type_of_key(blob);
  WEIR_CHECK(type.size() + 4 <= size || type.empty());
  const auto certificate = ssh::parse_certificate(blob);
  if (!certificate) return 0;
  WEIR_CHECK(ssh::is_certificate_type(type) && certificate->type == type);
  WEIR_CHECK(ssh::type_of_key(net::as_slice(certificate->key_blob)) == certificate->key_type);
  WEIR_CHECK(certificate->signed_part.size() + certificate->signature.size() + 4 == size);
  const WallTime now{std::chrono::seconds(certificate->valid_after & 0xffffffffU)};
  const auto checked = ssh::check_certificate(*certificate, {net::Address::v4({192, 0, 2, 1}, 1), now});
  WEIR_CHECK(!checked || !certificate->principals.empty());
  (void)ssh::check_certificate(*certificate, {net::Address::v6({}, 1), now});
  return 0;
}
