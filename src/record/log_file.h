// LogFile: lines to a file, stdout or the system's log, on a thread of its own: neither a full disk nor a
// reader that stopped holds up traffic.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "net/epoll.h"
#include "record/access_log.h"
#include "record/line_target.h"

namespace weir::record {

class LogFile final : public LineTarget {
 public:
  // A file that was renamed is noticed after this, without a signal.
  static constexpr Duration kRenamedCheck = std::chrono::seconds(1);
  // At the end, for a reader that does not read.
  static constexpr Duration kEndGrace = std::chrono::seconds(1);

  // Opens the target, a file, stdout or the system's log; the error is the system's. log outlives it.
  static Result<std::unique_ptr<LogFile>> open(AccessLogTarget target, Log& log);
  // Writes what still waits.
  ~LogFile() override;

  void reopen() override { reopen_ = true; }

 private:
  LogFile(AccessLogTarget target, Log& log)
      : LineTarget(target.name()), target_(std::move(target)), log_(log) {}

  Result<void> open_target();
  void run();
  void follow_file();
  void write(const Batch& batch);
  // How much of it was written.
  std::size_t write_stream(std::string_view bytes);
  bool wait_writable();
  std::uint64_t send_datagrams(std::string_view lines);
  bool send_datagram(std::string_view line);
  void note(bool working);

  AccessLogTarget target_;
  Log& log_;

  std::atomic<bool> ending_ = false;
  std::atomic<bool> reopen_ = false;

  // Of the thread.
  net::Descriptor file_;  // or socket
  int descriptor_ = -1;   // file_'s, or that of stdout
  bool regular_ = false;  // a file on disk, whose writes don't wait for a reader
  bool torn_ = false;     // the last write ended within a line
  bool working_ = true;   // as far as the log was told
  int failure_ = 0;       // errno of the last one
  Instant checked_{};     // that the file is still that of its path
  Instant end_by_{};
  std::string prefix_;  // of a datagram
  std::thread thread_;
};

}  // namespace weir::record
