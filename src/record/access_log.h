// AccessLog: brings lines to where the operator wants them: a file, stdout or the system's log. One per
// process, with a thread of its own, so that neither a full disk nor a reader that stopped holds up traffic:
// what finds no room is dropped and counted. Callable from every core.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "net/epoll.h"

namespace weir::record {

struct AccessLogTarget {
  enum class Kind : std::uint8_t { kOff, kFile, kStdout, kSyslog };
  Kind kind = Kind::kOff;
  std::string path;  // of the file, or of the system log's socket

  // "off", "-", "syslog", "syslog:" and a socket's path, or a file's path.
  static AccessLogTarget parse(std::string_view text);
};

class AccessLog {
 public:
  static constexpr std::size_t kBatchBytes = 64UL * 1024;  // what a worker collects before it hands over
  static constexpr std::size_t kBatchesMax = 64;           // that wait: 4 MiB, about 10,000 requests
  // A file that was renamed is noticed after this, without a signal.
  static constexpr Duration kRenamedCheck = std::chrono::seconds(1);
  // At the end, for a reader that does not read.
  static constexpr Duration kEndGrace = std::chrono::seconds(1);

  // Opens the target, which is not kOff; the error is the system's. log outlives it.
  static Result<std::unique_ptr<AccessLog>> open(AccessLogTarget target, Log& log);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  // Writes what still waits.
  ~AccessLog();

  // Whole lines, `count` of them. Leaves an empty text in their place.
  void give(std::string& lines, std::uint64_t count);
  // Opens the file anew before the next write: it has been renamed.
  void reopen();

  std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Batch {
    std::string lines;
    std::uint64_t count = 0;
  };
  AccessLog(AccessLogTarget target, Log& log) : target_(std::move(target)), log_(log) {}

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

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Batch> waiting_;       // guarded by mutex_
  std::vector<std::string> spare_;  // guarded by mutex_; emptied texts, with their room
  bool stopping_ = false;           // guarded by mutex_
  std::atomic<bool> ending_ = false;
  std::atomic<bool> reopen_ = false;
  std::atomic<std::uint64_t> written_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;

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
