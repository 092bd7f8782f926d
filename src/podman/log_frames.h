// LogFrames: what a container wrote, out of the form in which podman sends both of its streams as one: frames
// of a head (the stream, three bytes of nothing, the length in four bytes, most significant first) and
// content. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace weir::podman {

enum class LogStream : std::uint8_t { kOut = 1, kErr = 2 };

class LogFrames {
 public:
  // Podman cuts lines far below that.
  static constexpr std::size_t kFrameBytesMax = std::size_t{1} << 20U;

  // Told piece by piece, never empty; the text is valid during the call only.
  using Tell = std::function<void(LogStream stream, std::string_view text)>;

  // The next bytes, however they come in pieces. An error: these are no frames, and nothing is taken any
  // more.
  Result<void> take(std::string_view bytes, const Tell& tell);
  // Between two frames, where the whole may end; while something is told: with that piece its frame ends.
  bool complete() const { return head_.empty() && left_ == 0; }

 private:
  std::string head_;      // as much of it as has come
  std::size_t left_ = 0;  // of the content
  LogStream stream_ = LogStream::kOut;
};

}  // namespace weir::podman
