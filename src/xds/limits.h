// Every bound of the xDS server and client, with its unit and its reason.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/time.h"

namespace weir::xds {

// --- what is sent
// Resources of one response, unless it must be whole: a quarter of what gRPC's clients take by default, and
// the time in which one stream holds up others stays short.
inline constexpr std::size_t kResponseBytesMax = 1024UL * 1024;

// Streams that are sent much at a time, and what counts as much: each has a response of kResponseBytesMax in
// memory until its client has taken it, so that a thousand which come at once would take gigabytes.
inline constexpr std::size_t kBulkStreamsMax = 32;
inline constexpr std::size_t kBulkResources = 256;
// For so long a client that does not take it keeps others from their turn.
inline constexpr Duration kBulkTimeout = std::chrono::seconds(2);

// --- what a client may do
// Names that a stream asks for, or says it has, of one type: five times the largest setting measured.
inline constexpr std::size_t kNamesMax = 50'000;
// Of one request: that many names with their versions, and what a client says of a refusal.
inline constexpr std::size_t kRequestBytesMax = 4UL * 1024 * 1024;
// A client that does not answer a response for so long has its stream ended, so that what it would get does
// not wait for it: twice what Envoy allows itself for a first configuration.
inline constexpr Duration kAnswerTimeout = std::chrono::seconds(30);
// Requests that a stream may have answered in a row, and then per second: a cold Envoy asks once per cluster.
// What comes faster waits in the client's own window.
inline constexpr double kRequestsBurst = 2000;
inline constexpr double kRequestsPerSecond = 200;
// So many names weigh as much as one request more.
inline constexpr double kNamesPerRequest = 500;
// Of what a node says of itself, and of each key or value: some ports, an address, a few labels.
inline constexpr std::size_t kMetadataMax = 64;
inline constexpr std::size_t kMetadataBytesMax = 256;
// Of a refusal's text that is kept.
inline constexpr std::size_t kRefusalBytesMax = 2048;

// --- order
// A client that has got a new cluster asks for its endpoints; for so long, what leads to the cluster waits.
inline constexpr Duration kEndpointsTimeout = std::chrono::seconds(1);

// --- the client
// For a connection to one controller, TLS included: with several in the list, the next one is asked then.
inline constexpr Duration kAttachTimeout = std::chrono::seconds(1);
// A controller that says nothing for so long is asked by a PING, and given up soon after, so that an edge is
// with another one within two seconds. The answer has the longer part: a controller that takes thousands of
// changes is busy for as long as it takes them.
inline constexpr Duration kKeepaliveInterval = std::chrono::milliseconds(700);
inline constexpr Duration kKeepaliveTimeout = std::chrono::milliseconds(900);
// Behind a round in which no controller was there; grows, and differs from edge to edge.
inline constexpr Duration kReattachWaitFirst = std::chrono::milliseconds(250);
inline constexpr Duration kReattachWaitMax = std::chrono::seconds(10);
// Of a response: a foreign server's may have a whole state in it.
inline constexpr std::size_t kResponseBytesTakenMax = 64UL * 1024 * 1024;

}  // namespace weir::xds
