// Bounds of the SSH server side: the port faces the internet. Each with its unit and its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace weir::ssh::limits {

// --- before somebody is known
// Connections that have not authenticated, of one core. Each holds a descriptor and some 30 KiB.
inline constexpr std::size_t kHandshakesMax = 512;
// Of those, from one source (an IPv4 address, an IPv6 /64): a whole office behind one NAT reconnects at once.
inline constexpr std::size_t kHandshakesPerSourceMax = 64;
// Until the keys are exchanged: four round trips and 1 ms of work, over the worst of links.
inline constexpr Duration kKeyExchangeTimeout = std::chrono::seconds(10);
// From then until somebody is known: a passphrase is typed meanwhile (OpenSSH's LoginGraceTime).
inline constexpr Duration kAuthenticationTimeout = std::chrono::seconds(120);
// Refused tries of one connection. An agent with many keys offers each of them: OpenSSH allows 6, and the
// people whose eighth key is the right one complain.
inline constexpr unsigned kAuthenticationTriesMax = 20;

// --- sessions
inline constexpr std::size_t kForwardsMax = 64;       // of one session; -R options that a person writes
inline constexpr std::size_t kAddressBytesMax = 255;  // of a forward: a DNS name, with room
// Streams of one session that are open or being opened. libssh finds a channel in a list.
inline constexpr std::size_t kChannelsMax = 1024;
inline constexpr std::size_t kTerminalsMax =
    8;  // what `session` channels a client may have (MaxSessions: 10)

// --- silence: a dead peer is found within 10 s
// keepalive@openssh.com, when nothing has come for so long: all that an idle client costs.
inline constexpr Duration kAskAfter = std::chrono::milliseconds(4500);
inline constexpr Duration kSilenceMax = std::chrono::seconds(9);  // then the peer is given up

// --- windows and memory
// What libssh gives to every channel, and gives again by itself when half of it is used.
inline constexpr std::size_t kWindowBytesMin = 1'280'000;
// Of one channel whose reader keeps up: 160 MB/s at 100 ms, where OpenSSH's 2 MiB allow 20.
inline constexpr std::size_t kWindowBytesMax = 16UL * 1024 * 1024;
// Of all windows beyond the least, together; of one session, of one core.
inline constexpr std::size_t kSessionWindowBytesMax = 64UL * 1024 * 1024;
inline constexpr std::size_t kCoreWindowBytesMax = 512UL * 1024 * 1024;
// What came and nobody has read yet. Beyond it a session is not read from until half of it is gone: then all
// of its streams wait for the slowest.
inline constexpr std::size_t kSessionHeldBytesMax = 64UL * 1024 * 1024;
inline constexpr std::size_t kCoreHeldBytesMax = 512UL * 1024 * 1024;
// Who sends so much beyond every window does it on purpose.
inline constexpr std::size_t kChannelHeldBytesMax = 2 * kWindowBytesMax + kWindowBytesMin;

// --- terminals
inline constexpr std::size_t kTerminalBytesMax = 64UL * 1024;  // text that the client has not taken
inline constexpr std::size_t kCommandBytesMax = 4096;          // of an exec, a TERM, a variable

// --- key material, RFC 4253 section 6.1: a packet is 35,000 bytes
inline constexpr std::size_t kBlobBytesMax = 32UL * 1024;  // a key or a certificate
inline constexpr std::size_t kPrincipalsMax = 256;         // OpenSSH: SSHKEY_CERT_MAX_PRINCIPALS
inline constexpr std::size_t kSourcesMax = 256;            // networks of a source-address option

}  // namespace weir::ssh::limits
