// AccessLines: one worker's lines of the access log: a JSON object for each request, collected until they
// fill a batch, or for a second. On its core.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/service.h"
#include "record/access_log.h"
#include "record/connection.h"
#include "record/journal.h"

namespace weir::record {

class AccessLines {
 public:
  // What of a request is written; a line stays below the 8 KiB that receivers of datagrams take, even when
  // every byte has to be escaped.
  static constexpr std::size_t kTargetBytesMax = 512;
  static constexpr std::size_t kFieldBytesMax = 256;  // User-Agent, Referer
  static constexpr std::size_t kTlsBytesMax = 192;    // server name, client's subject
  static constexpr std::size_t kLineBytesMax = 8192;

  explicit AccessLines(AccessLog& log);
  AccessLines(const AccessLines&) = delete;
  AccessLines& operator=(const AccessLines&) = delete;
  ~AccessLines() { flush(); }

  // A request that has ended at that time of day.
  void add(const Decision& decision, const http::Request& request, WallTime ended);
  void add(const Connection& connection, WallTime ended);
  // Hands over what there is.
  void flush();

  // The same, at the end of a text. stamp: when it began.
  static void write(std::string& to, std::string_view stamp, const Decision& decision,
                    const http::Request& request);
  static void write(std::string& to, std::string_view stamp, const Connection& connection);
  static WallTime began(WallTime ended, Duration took) {
    return ended - std::chrono::round<std::chrono::milliseconds>(took);
  }

 private:
  std::string_view stamp(WallTime time);
  void end_line();

  AccessLog& log_;
  std::string lines_;
  std::uint64_t count_ = 0;
  std::array<char, 24> stamp_{};  // of the last line
  std::int64_t stamp_second_ = -1;
};

}  // namespace weir::record
