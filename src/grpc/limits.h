// Every bound of gRPC here, with its unit and its reason. What bounds streams and connections is in
// h2/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/time.h"

namespace weir::grpc {

// One message that is received, unless options say otherwise. gRPC's own default on all platforms.
inline constexpr std::size_t kMessageBytesMax = 4UL * 1024 * 1024;
// What a server's call has ready to be sent before its handler waits: two I/O buffers keep a connection busy.
// One message may go beyond.
inline constexpr std::size_t kOutboxBytesMax = 64UL * 1024;
// A connection on which nothing came for so long is asked by a PING, and is dead when nothing comes after
// that.
inline constexpr Duration kKeepaliveInterval = std::chrono::seconds(10);
inline constexpr Duration kKeepaliveTimeout = std::chrono::seconds(5);
// A server that finds these PINGs too many is asked half as often each time, at least so often.
inline constexpr Duration kKeepaliveIntervalMax = std::chrono::minutes(5);
// grpc-message that is sent: a field section has 24 KiB in all.
inline constexpr std::size_t kStatusMessageBytesMax = 4096;

}  // namespace weir::grpc
