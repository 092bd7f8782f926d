// SmartOS: what a machine of Joyent's Triton, or of any other SmartOS host, is told of itself: not over a
// network, but by a line-wise protocol of a Unix socket (in a zone) or of the second serial port (in a
// virtual machine): https://eng.tritondatacenter.com/mdata/protocol.html, version 2. For who has no loop: it
// waits by itself, never longer than it is told.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "cloud/metadata.h"

namespace weir::cloud {

inline constexpr Duration kSmartOsTimeout = std::chrono::seconds(5);        // of all that is asked
inline constexpr std::size_t kSmartOsLineBytesMax = std::size_t{64} << 10;  // the values are a few KiB

// Where this machine asks; empty: it is not one of SmartOS. root: before all paths, for tests. A serial port
// is written to only where the firmware says that SmartOS is at its other end.
std::string smartos_port(const std::string& root = "");

// path: of a Unix socket or a serial port. The error is a sentence.
std::expected<Machine, std::string> ask_smartos(const std::string& path, Random& random,
                                                Duration timeout = kSmartOsTimeout);

// --- the parts; pure
// "V2 21 265ae1d8 dc4fae17 GET a2V5": a line, without its end.
std::string smartos_request(std::uint32_t id, std::string_view key);
// What a line answers to that request; nothing: there is no such value. The error is a sentence.
std::expected<std::optional<std::string>, std::string> read_smartos_answer(std::uint32_t id,
                                                                           std::string_view line);
// nics: the value of sdc:nics, in JSON.
void put_smartos_addresses(std::string_view nics, Machine& machine);

}  // namespace weir::cloud
