// TunnelWindows: how far a connection that carries tunnels lets its peer send ahead. The connection's window
// opens as content comes, so that a reader that has stopped holds up no other, under a hard limit on what is
// kept; a stream's opens as it is read, and grows when a round trip's worth of reading fills it. Pure: the
// time comes in. A member of a Session, on its core.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/time.h"
#include "h2/limits.h"

namespace weir::h2 {

class TunnelWindows {
 public:
  void received(std::size_t bytes) {
    unread_ += bytes;
    held_back_ += bytes;
    since_probe_ += bytes;
  }
  void read(std::size_t bytes) { unread_ -= bytes; }
  // By how much the connection's window may be opened now; given once.
  std::size_t take_credit() {
    if (unread_ + kTunnelConnectionWindowBytes > kTunnelUnreadBytesMax) return 0;
    return std::exchange(held_back_, 0);
  }
  std::size_t unread_bytes() const { return unread_; }

  // --- round trips
  // So much comes that it is worth asking how long one takes: by a PING, now.
  bool probe_due(Instant now) const {
    return !probing_ && since_probe_ >= kTunnelProbeBytes && now >= next_probe_;
  }
  void probe_sent(Instant now) {
    probing_ = true;
    since_probe_ = 0;
    next_probe_ = now + kTunnelProbeInterval;
    probe_sent_ = now;
  }
  void probe_answered(Instant now) {
    probing_ = false;
    round_trip_ = now - probe_sent_;
  }
  bool probing() const { return probing_; }
  Duration round_trip() const { return round_trip_; }

  // What a stream's window is to be, after so many bytes of it were read in a round trip. The sender had to
  // wait for us when that is half of it: a window opens again by halves.
  std::int32_t grown(std::int32_t window, std::uint64_t read_bytes) {
    if (read_bytes < static_cast<std::uint64_t>(window) / 2) return window;
    const auto more =
        std::min({static_cast<std::size_t>(window), static_cast<std::size_t>(kTunnelWindowBytesMax - window),
                  kTunnelGrowthBytesMax - growth_});
    growth_ += more;
    return window + static_cast<std::int32_t>(more);
  }
  // The stream is closed: others may grow in its place.
  void closed(std::int32_t window) { growth_ -= static_cast<std::size_t>(window - kTunnelWindowBytes); }

 private:
  std::size_t unread_ = 0;       // of all streams
  std::size_t held_back_ = 0;    // by which the connection's window was not opened yet
  std::size_t growth_ = 0;       // of all streams' windows beyond the first
  std::size_t since_probe_ = 0;  // received
  bool probing_ = false;
  Instant next_probe_{};
  Instant probe_sent_{};
  Duration round_trip_{};
};

}  // namespace weir::h2
