// BirdReply: what BIRD answers on its control socket: lines with codes of four digits, of which one with a
// space behind its code is the last (doc/reply_codes in BIRD's source). Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::anycast {

// Far above what the commands that are sent here are answered by.
inline constexpr std::size_t kBirdLineBytesMax = 4096;
inline constexpr std::size_t kBirdReplyBytesMax = 256UL * 1024;
inline constexpr std::size_t kBirdTextBytesMax = 300;  // what is kept of it, for people

// --- the codes that mean something here
inline constexpr unsigned kBirdOk = 0;
inline constexpr unsigned kBirdWelcome = 1;
inline constexpr unsigned kBirdReconfigured = 3;
inline constexpr unsigned kBirdReconfiguring = 4;  // it goes on; what was asked for will be in force
inline constexpr unsigned kBirdQueued = 5;         // the same, behind one that is under way
inline constexpr unsigned kBirdStatus = 13;
inline constexpr unsigned kBirdErrors = 8000;        // and above
inline constexpr unsigned kBirdSyntaxErrors = 9000;  // and above: such as a name that it doesn't know

struct BirdReply {
  unsigned code = 0;  // of its last line
  std::string text;   // of that line; printable ASCII only
  bool is_error() const { return code >= kBirdErrors; }
};

class BirdReader {
 public:
  // The next reply, when these bytes complete it; what follows it is kept for next(). kMalformed: it is no
  // reply, or goes beyond the limits; then nothing more can be read.
  Result<std::optional<BirdReply>> take(std::string_view bytes);
  Result<std::optional<BirdReply>> next() { return take({}); }

 private:
  Result<std::optional<BirdReply>> take_line(std::string_view line);

  std::string rest_;             // no whole line yet
  std::size_t reply_bytes_ = 0;  // of the present reply
  bool begun_ = false;           // a line of it has come
};

}  // namespace weir::anycast
