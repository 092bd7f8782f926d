// What is said over a channel, as plain values and as bytes: a node shows a controller what an instance
// writes, or a command that runs in it; an edge, requests of an origin that came by a tunnel. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace weir::channel {

// The methods.
inline constexpr std::string_view kNodeChannelPath = "/weir.v1.Nodes/Channel";
inline constexpr std::string_view kEdgeChannelPath = "/weir.v1.Reports/Channel";

inline constexpr std::size_t kChannelBytesMax = std::size_t{64}
                                                << 10U;  // of a command's streams, in a message
inline constexpr std::size_t kChannelMessageBytesMax = std::size_t{512} << 10U;
inline constexpr std::size_t kLineBytesMax = std::size_t{16} << 10U;  // a longer one is told in parts
inline constexpr std::size_t kLinesMax = 256;                         // in a message
inline constexpr std::size_t kCommandWordsMax = 256;
inline constexpr std::size_t kCommandBytesMax = std::size_t{32} << 10U;  // of all words
inline constexpr std::uint32_t kTailMax = 100'000;
inline constexpr std::size_t kRequestsMax = 128;                          // in a message
inline constexpr std::size_t kRequestBytesMax = std::size_t{448} << 10U;  // of all in it, as JSON
inline constexpr std::uint16_t kTerminalSizeMax = 4096;                   // rows or columns

struct TerminalSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

struct LogsWanted {
  bool follow = false;
  std::optional<WallTime> since;
  std::optional<std::uint32_t> tail;  // of each container
  friend bool operator==(const LogsWanted&, const LogsWanted&) = default;
};
struct ExecWanted {
  std::vector<std::string> command;
  bool terminal = false;
  TerminalSize size;  // of it; 0: as it happens to be
  friend bool operator==(const ExecWanted&, const ExecWanted&) = default;
};
// Of requests that came to an origin by an edge.
enum class RequestsVerb : std::uint8_t {  // as in channel.proto
  kFollow,                                // each as it ends
  kLatest,                                // those that are kept
  kShow,                                  // one, with what was sent and answered
  kReplay,                                // sends it again
};
struct RequestsWanted {
  std::string service;
  RequestsVerb verb = RequestsVerb::kFollow;
  std::string id;  // of the one that is shown or sent again
  friend bool operator==(const RequestsWanted&, const RequestsWanted&) = default;
};
// What a channel is to be about.
struct ChannelOpen {
  std::string instance;   // of a workload; of requests, of the origin
  std::string container;  // of logs empty: all
  std::variant<LogsWanted, ExecWanted, RequestsWanted> what;
  friend bool operator==(const ChannelOpen&, const ChannelOpen&) = default;
};

struct ChannelLine {
  std::string container;
  bool err = false;
  WallTime time;
  std::string text;  // without its end
  friend bool operator==(const ChannelLine&, const ChannelLine&) = default;
};
struct ChannelId {  // of the order; the first that a machine says
  std::string id;
  friend bool operator==(const ChannelId&, const ChannelId&) = default;
};
struct ChannelOutput {  // of a command
  bool err = false;
  std::string bytes;
  friend bool operator==(const ChannelOutput&, const ChannelOutput&) = default;
};
struct ChannelRequests {  // each a JSON object, which who hears of it has to read with care
  std::vector<std::string> requests;
  friend bool operator==(const ChannelRequests&, const ChannelRequests&) = default;
};
struct ChannelEnd {    // the last that a machine says
  int exit_code = 0;   // of a command; of requests, see below
  std::string reason;  // why there is none, or no more; empty: it came to its end
  friend bool operator==(const ChannelEnd&, const ChannelEnd&) = default;
};
using ChannelLines = std::vector<ChannelLine>;
using FromMachine = std::variant<ChannelId, ChannelLines, ChannelOutput, ChannelRequests, ChannelEnd>;

// The end of a channel about one request that was neither shown nor sent again.
inline constexpr int kRequestNotKept = 1;  // no such one is known there
inline constexpr int kRequestRefused = 2;  // it can't be done, for that reason

struct ChannelInput {
  std::string bytes;
  friend bool operator==(const ChannelInput&, const ChannelInput&) = default;
};
struct ChannelInputEnd {
  friend bool operator==(const ChannelInputEnd&, const ChannelInputEnd&) = default;
};
using ToMachine = std::variant<ChannelInput, ChannelInputEnd, TerminalSize>;

std::string serialize(const ChannelOpen& open);
std::string serialize(const FromMachine& said);
std::string serialize(const ToMachine& said);
// Refuse what is beyond the limits: kInvalid.
Result<ChannelOpen> parse_channel_open(std::string_view message);
Result<FromMachine> parse_from_machine(std::string_view message);
Result<ToMachine> parse_to_machine(std::string_view message);

// What is wrong with a command, or nothing.
std::string check_command(const std::vector<std::string>& command);

}  // namespace weir::channel
