// Every bound of the program that is not configured, with its unit and its reason. A queue or buffer without
// a limit here is a bug.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::limits {

// --- memory
// --------------------------------------------------------------------------------------------------- One
// pooled I/O buffer: holds a head and a 16 KiB body in a single read. Four of them serve a connection in
// flight (request in, request out, response in, response out), which keeps it below the 256 KiB promised.
inline constexpr std::size_t kIoBufferBytes = 32 * 1024;

// --- HTTP/1
// --------------------------------------------------------------------------------------------------- Request
// line and field section together; larger than HAProxy's 16 KiB, so no client that works there fails here.
inline constexpr std::size_t kHeadBytesMax = 24 * 1024;
inline constexpr std::size_t kTargetBytesMax = 8 * 1024;  // what nginx takes by default
inline constexpr std::size_t kFieldsMax = 128;            // HAProxy: 101, Envoy: 100, Apache: 100
inline constexpr std::size_t kTrailerBytesMax = 8 * 1024;
inline constexpr std::size_t kChunkLineBytesMax =
    256;  // chunk size and extensions; extensions carry nothing today
inline constexpr std::size_t kPipelinedRequestsMax =
    100;  // answered from one buffer before other connections get a turn

}  // namespace weir::limits
