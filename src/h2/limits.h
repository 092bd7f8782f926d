// Every bound of HTTP/2 here, with its unit and its reason (RFC 9113 section 10.5). What HTTP/1 bounds too
// (fields, head and target bytes) is in base/limits.h and the same for both.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "base/time.h"

namespace weir::h2 {

// --- streams
// Advertised. What browsers and gRPC clients expect, and what HAProxy, nginx and Envoy's edge guide use.
inline constexpr std::uint32_t kStreamsMax = 100;
// Streams whose task has not ended yet, those included that the client has reset: a request that takes long
// to be cancelled still counts. Beyond it new ones are refused.
inline constexpr std::uint32_t kStreamTasksMax = 2 * kStreamsMax;

// --- memory
// Content that a peer may send ahead of its reader: 256 KiB move 20 Mbit/s at 100 ms.
inline constexpr std::int32_t kStreamWindowBytes = 256 * 1024;
// Of all streams of a connection: what one connection can make us keep. It is kept in blocks (content.h),
// which take at most four times as much, and 1 KiB a stream.
inline constexpr std::int32_t kConnectionWindowBytes = 1024 * 1024;
// Sum of names, values and 32 a field (RFC 9113 section 6.5.2). Advertised.
inline constexpr std::size_t kHeadListBytesMax = limits::kHeadBytesMax;
// Decoded from one field section, kept or not: beyond it somebody is making the decoder work (an "HPACK
// bomb": one byte stands for a whole entry of the dynamic table), and the connection ends.
inline constexpr std::size_t kDecodedBytesMax = 8 * kHeadListBytesMax;
// The decoder's dynamic table, advertised by being the default, and the encoder's, whatever the peer allows.
inline constexpr std::size_t kDynamicTableBytesMax = 4096;
// CONTINUATION frames of one field section. 24 KiB need one, two with some bad luck.
inline constexpr std::size_t kContinuationsMax = 8;
// Frames that wait to be sent because the peer does not read: answers to PING, SETTINGS and to faulty frames.
inline constexpr std::size_t kQueuedFramesMax = 1000;
// Entries of one SETTINGS frame; there are nine kinds.
inline constexpr std::size_t kSettingsMax = 32;

// --- connections that carry tunnels (an agent's, or between edges), whose peer has shown who it is
// CONNECT streams at once: each is a visitor's connection, and they may be idle.
inline constexpr std::uint32_t kTunnelStreamsMax = 4096;
// A stream begins with this window: 40 Mbit/s at 100 ms, until it was seen to need more.
inline constexpr std::int32_t kTunnelWindowBytes = 512 * 1024;
// And has at most this: 1.3 Gbit/s at 100 ms.
inline constexpr std::int32_t kTunnelWindowBytesMax = 16 * 1024 * 1024;
// The connection's window. It opens as content comes, so a reader that has stopped holds up no other.
inline constexpr std::int32_t kTunnelConnectionWindowBytes = 16 * 1024 * 1024;
// What one connection can make us keep, whatever its streams' windows say: beyond it, the connection's window
// opens only as streams are read.
inline constexpr std::size_t kTunnelUnreadBytesMax = 64UL * 1024 * 1024;
// Of that, what streams may have been given beyond their first windows: the rest is for streams that are new.
inline constexpr std::size_t kTunnelGrowthBytesMax = kTunnelUnreadBytesMax / 2;
// Round trips are measured while content comes, at most so often, and after at least so many bytes.
inline constexpr Duration kTunnelProbeInterval = std::chrono::milliseconds(50);
inline constexpr std::size_t kTunnelProbeBytes = 128UL * 1024;

// --- time
// A stream that sends fewer bytes than this within a write timeout is one whose client does not read.
inline constexpr std::size_t kSlowestBytes = 1024;
// A connection that always has input lets others run after so many bytes.
inline constexpr std::size_t kBytesBeforeYield = 256UL * 1024;
// A client that goes on sending after the connection's end is cut off.
inline constexpr std::size_t kLingerBytesMax = 1024UL * 1024;

// --- the client side
// 1xx responses to one request
inline constexpr unsigned kInterimMax = 32;
// Requests of one connection that wait for the origin to allow another stream.
inline constexpr std::size_t kWaitingRequestsMax = 100;
// How long an origin may keep silent about "Expect: 100-continue" before the content is sent anyway.
inline constexpr Duration kContinueWait = std::chrono::seconds(1);
// An origin answers the first SETTINGS in this time, or the connection is none.
inline constexpr Duration kSettingsTimeout = std::chrono::seconds(10);

}  // namespace weir::h2
