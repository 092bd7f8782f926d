#include "auth/origin.h"

#include <algorithm>
#include <array>

#include "auth/crypto.h"

namespace weir::auth {

net::Address origin_address(std::string_view service, std::string_view instance) {
  const Digest digest = sha256({bytes_of(service), bytes_of("/"), bytes_of(instance)});
  std::array<std::uint8_t, 16> number{};
  std::ranges::transform(digest.begin(), digest.begin() + number.size(), number.begin(),
                         [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  return net::Address::tunnel(number);
}

}  // namespace weir::auth
