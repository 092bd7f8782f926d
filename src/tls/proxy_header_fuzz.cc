// Whatever comes first on a connection that should begin with a PROXY header: bounded, the same however it is
// cut, and what is written of it reads back.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "tls/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::tls;
  const weir::net::Slice received = std::as_bytes(std::span(data, size));
  ProxyHeader header;
  const auto parsed = parse_proxy_header(received, header);
  if (!parsed) return 0;
  if (*parsed == 0) {
    WEIR_CHECK(size < kProxyHeaderBytesMax);
    return 0;
  }
  WEIR_CHECK(*parsed <= std::min(size, kProxyHeaderBytesMax));
  ProxyHeader ignored;
  WEIR_CHECK(parse_proxy_header(received.first(*parsed - 1), ignored) == weir::Result<std::size_t>(0));
  for (const ProxyVersion version : {ProxyVersion::k1, ProxyVersion::k2}) {
    ProxyHeaderBytes out{};
    const auto written = write_proxy_header(version, header, out);
    ProxyHeader again;
    WEIR_CHECK(parse_proxy_header(written, again) == weir::Result<std::size_t>(written.size()));
    const bool mixed =
        header.proxied && header.proxied->source.is_v6() != header.proxied->destination.is_v6();
    const bool told = header.proxied && !(mixed && version == ProxyVersion::k1);
    WEIR_CHECK(again.proxied.has_value() == told);
    if (told) WEIR_CHECK(again.proxied->source == header.proxied->source);
  }
  return 0;
}
