#include "h2/tunnel_windows.h"

#include <doctest/doctest.h>

namespace weir::h2 {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{1000h};

TEST_CASE("the connection's window opens as content comes, up to what may be kept") {
  TunnelWindows windows;
  std::size_t given = 0;
  std::size_t received = 0;
  for (; received < 2 * kTunnelUnreadBytesMax; received += 16384) {
    // what the peer may send at all
    if (received - given + 16384 > static_cast<std::size_t>(kTunnelConnectionWindowBytes)) break;
    windows.received(16384);
    given += windows.take_credit();
  }
  CHECK(windows.unread_bytes() <= kTunnelUnreadBytesMax);
  CHECK(windows.unread_bytes() > kTunnelUnreadBytesMax - 65536);
  CHECK(windows.take_credit() == 0);
  windows.read(kTunnelUnreadBytesMax / 2);
  CHECK(windows.take_credit() > 0);
  CHECK(windows.take_credit() == 0);
}

TEST_CASE("a stream that fills its window in a round trip gets twice as much, up to the most") {
  TunnelWindows windows;
  std::int32_t window = kTunnelWindowBytes;
  CHECK(windows.grown(window, static_cast<std::uint64_t>(window) / 2 - 1) == window);
  for (int i = 0; i < 20; ++i) window = windows.grown(window, static_cast<std::uint64_t>(window) / 2);
  CHECK(window == kTunnelWindowBytesMax);
}

TEST_CASE("streams grow within what is there for all of them") {
  TunnelWindows windows;
  std::size_t beyond = 0;
  std::int32_t first = 0;
  for (int i = 0; i < 100; ++i) {
    std::int32_t window = kTunnelWindowBytes;
    for (int j = 0; j < 10; ++j) window = windows.grown(window, kTunnelWindowBytesMax);
    if (i == 0) first = window;
    beyond += static_cast<std::size_t>(window - kTunnelWindowBytes);
  }
  CHECK(beyond == kTunnelGrowthBytesMax);
  windows.closed(first);
  CHECK(windows.grown(kTunnelWindowBytes, kTunnelWindowBytesMax) == 2 * kTunnelWindowBytes);
}

TEST_CASE("a round trip is measured only while much comes, and one at a time") {
  TunnelWindows windows;
  windows.received(kTunnelProbeBytes - 1);
  CHECK_FALSE(windows.probe_due(kNow));
  windows.received(1);
  REQUIRE(windows.probe_due(kNow));
  windows.probe_sent(kNow);
  windows.received(kTunnelProbeBytes);
  CHECK_FALSE(windows.probe_due(kNow + 1s));
  windows.probe_answered(kNow + 30ms);
  CHECK(windows.round_trip() == 30ms);
  CHECK_FALSE(windows.probe_due(kNow + 30ms));
  CHECK(windows.probe_due(kNow + kTunnelProbeInterval));
}

}  // namespace
}  // namespace weir::h2
