// What is said over a channel, as plain values and as bytes: a node shows a controller what an instance
// writes, or a command that runs in it. Pure.
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

namespace weir::nodelink {

// The method.
inline constexpr std::string_view kChannelPath = "/weir.v1.Nodes/Channel";

inline constexpr std::size_t kChannelBytesMax = std::size_t{64}
                                                << 10U;  // of a command's streams, in a message
inline constexpr std::size_t kChannelMessageBytesMax = std::size_t{256} << 10U;
inline constexpr std::size_t kLineBytesMax = std::size_t{16} << 10U;  // a longer one is told in parts
inline constexpr std::size_t kLinesMax = 256;                         // in a message
inline constexpr std::size_t kCommandWordsMax = 256;
inline constexpr std::size_t kCommandBytesMax = std::size_t{32} << 10U;  // of all words
inline constexpr std::uint32_t kTailMax = 100'000;
inline constexpr std::uint16_t kTerminalSizeMax = 4096;  // rows or columns

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
// What a channel is to be about.
struct ChannelOpen {
  std::string instance;
  std::string container;  // of logs empty: all
  std::variant<LogsWanted, ExecWanted> what;
  friend bool operator==(const ChannelOpen&, const ChannelOpen&) = default;
};

struct ChannelLine {
  std::string container;
  bool err = false;
  WallTime time;
  std::string text;  // without its end
  friend bool operator==(const ChannelLine&, const ChannelLine&) = default;
};
struct ChannelId {  // of the order; the first that a node says
  std::string id;
  friend bool operator==(const ChannelId&, const ChannelId&) = default;
};
struct ChannelOutput {  // of a command
  bool err = false;
  std::string bytes;
  friend bool operator==(const ChannelOutput&, const ChannelOutput&) = default;
};
struct ChannelEnd {  // the last that a node says
  int exit_code = 0;
  std::string reason;  // why there is none, or no more; empty: it came to its end
  friend bool operator==(const ChannelEnd&, const ChannelEnd&) = default;
};
using ChannelLines = std::vector<ChannelLine>;
using FromNode = std::variant<ChannelId, ChannelLines, ChannelOutput, ChannelEnd>;

struct ChannelInput {
  std::string bytes;
  friend bool operator==(const ChannelInput&, const ChannelInput&) = default;
};
struct ChannelInputEnd {
  friend bool operator==(const ChannelInputEnd&, const ChannelInputEnd&) = default;
};
using ToNode = std::variant<ChannelInput, ChannelInputEnd, TerminalSize>;

std::string serialize(const ChannelOpen& open);
std::string serialize(const FromNode& said);
std::string serialize(const ToNode& said);
// Refuse what is beyond the limits: kInvalid.
Result<ChannelOpen> parse_channel_open(std::string_view message);
Result<FromNode> parse_from_node(std::string_view message);
Result<ToNode> parse_to_node(std::string_view message);

// What is wrong with a command, or nothing.
std::string check_command(const std::vector<std::string>& command);

}  // namespace weir::nodelink
