// Whatever SmartOS answers: a value, that there is none, or a sentence; and of whatever it says of networks
// only addresses are taken.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cloud/smartos.h"
#include "net/network.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  constexpr std::uint32_t kId = 0xdc4fae17;  // as in the seeds
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = cloud::read_smartos_answer(kId, text);
  if (value && *value) WEIR_CHECK((*value)->size() < text.size());
  if (!value) WEIR_CHECK(value.error().starts_with("SmartOS answers with "));
  cloud::Machine machine;
  cloud::put_smartos_addresses(value && *value ? std::string_view(**value) : text, machine);
  for (const std::string& address : {machine.private_address, machine.public_address}) {
    WEIR_CHECK(address.empty() || net::Address::parse_ip(address, 0).has_value());
  }
  return 0;
}
