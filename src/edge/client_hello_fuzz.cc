// Whatever is received, in whatever pieces: the answer to the whole is the answer to the first piece that had
// one, and what is found is within its bounds.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "edge/client_hello.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weir::edge::ClientHello;
  const weir::net::Slice all = std::as_bytes(std::span(data, size));
  ClientHello whole;
  const auto parsed = weir::edge::parse_client_hello(all, whole);
  for (std::size_t length = 0; length <= size; length += 1 + size / 64) {
    ClientHello part;
    const auto early = weir::edge::parse_client_hello(all.first(length), part);
    if (early && !*early) continue;
    // A piece that has an answer is not changed by what follows, unless the piece was refused for its length.
    if (early) {
      WEIR_CHECK(parsed && *parsed && part.server_name == whole.server_name);
      WEIR_CHECK(part.protocols == whole.protocols);
    } else if (length < weir::edge::kClientHelloBytesMax) {
      WEIR_CHECK(!parsed);
    }
    break;
  }
  if (parsed && *parsed) {
    WEIR_CHECK(whole.server_name.size() <= 255);
    WEIR_CHECK(whole.protocols.size() <= 64);
  }
  return 0;
}
